"""Tells Bloomberg mail and blogs from the other formats whose root is ``FileDump``, by a file's head.

Financial formats, section 0.2: where there is doubt, the file is refused.
"""

from __future__ import annotations

import re

from include.commsarchive.errors import Quarantine
from include.commsarchive.sources.xml_grammar import ATTRIBUTES, PREFIX

_VERSIONS = {
    "MSGXML": frozenset({"1.1", "1.2", "1.3", "1.4", "1.5", "1.6"}),
    "BLOGXML": frozenset({"0.1", "0.2"}),
}
_ELEMENT = re.compile(rb"<%b([A-Za-z_][\w.-]*)(?=[\s/>])%b>" % (PREFIX, ATTRIBUTES))
_VERSION = re.compile(rb"<(%bVersion)\s*>([^<]*)</\1\s*>" % PREFIX, re.IGNORECASE)
_NAMESPACES = re.compile(r"""\sxmlns(?::[\w.-]+)?\s*=\s*(?:"[^"]*"|'[^']*')""")
_FIRST_LEAF = {b"message": b"msgid", b"weblog": b"logid", b"disclaimer": b"disclaimerreference"}
"""What a record that stands alone, or in a dump without version, begins with."""
_INDENTED = re.compile(
    rb"\n([ \t]+)<%b(?:Message|WebLog)(?=[\s/>])%b>\s*?\n([ \t]+)<%b(?:MsgID|LogID)"
    % (PREFIX, ATTRIBUTES, PREFIX),
    re.IGNORECASE,
)


def recognise(name: str, head: bytes) -> dict[str, str]:
    """Make the context of a file's chunks: ``version``, ``namespaces``, and ``indented`` where it is.

    Raises:
        Quarantine: ``not-bloomberg-message`` or ``unknown-version``.
    """
    elements = [(found[1].lower(), found[2]) for found in _ELEMENT.finditer(head)]
    root, attributes = elements[0] if elements else (b"", b"")
    context: dict[str, str] = {}
    if root == b"filedump" and (version := _VERSION.search(head)):
        context["version"] = _version(name, version[2].decode("utf-8", "replace").strip())
    elif not _is_record([tag for tag, _ in elements if tag != b"filedump"]):
        raise _stranger(name, "it states no version and does not begin with a message, blog or disclaimer")
    stated = attributes.decode("utf-8", "replace") if root == b"filedump" else ""
    if namespaces := "".join(_NAMESPACES.findall(stated)):
        context["namespaces"] = namespaces
    margins = _INDENTED.search(head)
    if margins and len(margins[1]) < len(margins[3]):
        context["indented"] = "yes"
    return context


def _is_record(tags: list[bytes]) -> bool:
    return len(tags) > 1 and _FIRST_LEAF.get(tags[0]) == tags[1]


def _version(name: str, text: str) -> str:
    family, _, number = text.rpartition(" ")
    known = _VERSIONS.get(family.strip().upper())
    if known is None:
        raise _stranger(name, "it states no version of MSGXML or BLOGXML")
    if number not in known:
        raise Quarantine(
            "unknown-version",
            f"{name}: states version `{text[:40]}`; known are {', '.join(sorted(known))}. "
            "Have it added, then replay",
        )
    return text


def _stranger(name: str, why: str) -> Quarantine:
    return Quarantine(
        "not-bloomberg-message",
        f"{name}: this is no export of Bloomberg mail or blogs: {why}. Mend `collect.files`",
    )
