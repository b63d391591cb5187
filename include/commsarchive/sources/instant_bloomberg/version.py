"""Tells Instant Bloomberg from the other formats whose root is ``FileDump``, by the head of a file.

Financial formats, section 0.2: where there is doubt, the file is refused.
"""

from __future__ import annotations

import re

from include.commsarchive.errors import Quarantine
from include.commsarchive.sources.xml_grammar import ATTRIBUTES, PREFIX

_VERSIONS = frozenset({"1.0", "1.1", "1.2", "1.3", "1.9"})
_ELEMENT = re.compile(rb"<%b([A-Za-z_][\w.-]*)(?=[\s/>])%b>" % (PREFIX, ATTRIBUTES))
_VERSION = re.compile(rb"<(%bVersion)\s*>([^<]*)</\1\s*>" % PREFIX, re.IGNORECASE)
_USER = re.compile(rb"<%b(?:User|Inviter)\s*>\s*<%bLoginName[\s/>]" % (PREFIX, PREFIX), re.IGNORECASE)
_NAMESPACES = re.compile(r"""\sxmlns(?::[\w.-]+)?\s*=\s*(?:"[^"]*"|'[^']*')""")
_INDENTED = tuple(
    re.compile(rb"(?:^|\n)([ \t]*)<%b%b(?=[\s/>])" % (PREFIX, name), re.IGNORECASE)
    for name in (b"Conversation", b"RoomID", b"LoginName")
)


def recognise(name: str, head: bytes) -> dict[str, str]:
    """Make the context of a file's chunks: ``version``, ``namespaces``, and ``indented`` where it is.

    Raises:
        Quarantine: ``not-instant-bloomberg`` or ``unknown-version``.
    """
    root = _ELEMENT.search(head)
    local = root[1].lower() if root else b""
    context: dict[str, str] = {}
    if local == b"filedump":
        context["version"] = _version(name, head)
    elif local != b"conversation" or not _USER.search(head):
        raise _stranger(name, "its root is neither a FileDump nor a conversation of Instant Bloomberg")
    attributes = root[2].decode("utf-8", "replace") if root and local == b"filedump" else ""
    if namespaces := "".join(_NAMESPACES.findall(attributes)):
        context["namespaces"] = namespaces
    if _is_indented(head):
        context["indented"] = "yes"
    return context


def _version(name: str, head: bytes) -> str:
    found = _VERSION.search(head)
    text = found[2].decode("utf-8", "replace").strip() if found else ""
    family, _, number = text.rpartition(" ")
    family = family.strip().upper()
    child = _ELEMENT.search(head, found.end()) if found else None
    if family not in {"", "IBXML"} or not text:
        raise _stranger(name, "it states no version of Instant Bloomberg")
    if not family and child and child[1].lower() != b"conversation":
        raise _stranger(name, "it holds no conversations")
    if number not in _VERSIONS or not (family or number == "1.9"):
        known = ", ".join(sorted(_VERSIONS))
        raise Quarantine(
            "unknown-version",
            f"{name}: states version `{text[:40]}`; known are {known}. Have it added, then replay",
        )
    return text


def _stranger(name: str, why: str) -> Quarantine:
    return Quarantine(
        "not-instant-bloomberg", f"{name}: this is no Instant Bloomberg export: {why}. Mend `collect.files`"
    )


def _is_indented(head: bytes) -> bool:
    """Tell whether the file was pretty-printed: each level further in than the one above."""
    found = [pattern.search(head) for pattern in _INDENTED]
    margins = [len(one[1]) for one in found if one]
    return len(margins) == len(_INDENTED) and margins[0] < margins[1] < margins[2]
