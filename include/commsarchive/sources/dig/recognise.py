"""Tells a DIG transcript by the namespace of its root, which alone is sure."""

from __future__ import annotations

import re

from include.commsarchive.errors import Quarantine
from include.commsarchive.sources.xml_grammar import ATTRIBUTES

_SPACE = "http://dig.apc.xmlns.commons.platform.actiance.com/itm/interaction/transcript/"
_VERSION = "1.0"
_ROOT = re.compile(rb"<(?:([\w.-]+):)?([A-Za-z_][\w.-]*)(?=[\s/>])%b>" % ATTRIBUTES)
NAMESPACE = re.compile(r"""\sxmlns(?::([\w.-]+))?\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_ENDPOINT = re.compile(r"""\s(source-endpoint-(?:id|version))\s*=\s*(?:"([^"<&]*)"|'([^'<&]*)')""")


def version_of(head: bytes) -> str:
    """Give the version of the transcript that begins so; ``""`` where it is none."""
    root = _ROOT.search(head)
    if not root or root[2].lower() != b"transcript":
        return ""
    spaces = {found[1] or "": found[2] or found[3] or "" for found in NAMESPACE.finditer(_text(root[3]))}
    space = spaces.get(_text(root[1] or b""), "")
    return space.removeprefix(_SPACE) if space.startswith(_SPACE) else ""


def recognise(name: str, head: bytes) -> dict[str, str]:
    """Make the context of a file's chunks: what its root declares and says of where it comes from.

    Raises:
        Quarantine: ``not-dig`` or ``unknown-version``.
    """
    version = version_of(head)
    if not version:
        raise Quarantine(
            "not-dig", f"{name}: this is no DIG transcript of Actiance's. Mend `collect.files` or the source"
        )
    if version != _VERSION:
        raise Quarantine(
            "unknown-version",
            f"{name}: states version `{version[:40]}` of DIG; {_VERSION} is read. Have it added",
        )
    root = _ROOT.search(head)
    attributes = _text(root[3]) if root else ""
    context = {found[1]: found[2] or found[3] or "" for found in _ENDPOINT.finditer(attributes)}
    return context | {"namespaces": "".join(found[0] for found in NAMESPACE.finditer(attributes))}


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
