"""Tells Persistent Chat's ``Conversations`` from other formats by the head of a file.

A ``Conversation`` begins with a ``Channel`` with a ``uri`` or a message with a ``type``, and nobody has
a ``LoginName``. Where there is doubt, the file is refused.
"""

from __future__ import annotations

import re

from include.commsarchive.errors import Quarantine
from include.commsarchive.sources.xml_grammar import ATTRIBUTES, PREFIX

_ROOT = re.compile(rb"<(%b)([A-Za-z_][\w.-]*)(?=[\s/>])%b>" % (PREFIX, ATTRIBUTES))
_FIRST = re.compile(
    rb"<%bConversation(?=[\s/>])%b>\s*(?:<%bMessages\s*>\s*)?<%b(Channel|FirstMessage|Message|StartTimeUTC)(?=[\s/>])%b>"
    % (PREFIX, ATTRIBUTES, PREFIX, PREFIX, ATTRIBUTES),
    re.IGNORECASE,
)
_SIGNS = {
    b"channel": re.compile(rb"\suri\s*=", re.IGNORECASE),
    b"firstmessage": re.compile(rb"\stype\s*=", re.IGNORECASE),
    b"message": re.compile(rb"\stype\s*=", re.IGNORECASE),
    b"starttimeutc": re.compile(rb"\ssince1970\s*=", re.IGNORECASE),
}
_OTHERS = re.compile(rb"<%b(?:LoginName|RoomID|Version)(?=[\s/>])" % PREFIX, re.IGNORECASE)
_NAMESPACES = re.compile(r"""\sxmlns(?::[\w.-]+)?\s*=\s*(?:"[^"]*"|'[^']*')""")


def is_persistent_chat(head: bytes) -> bool:
    """Say whether this is the head of such a file."""
    root = _ROOT.search(head)
    if not root or root[2].lower() not in {b"conversations", b"conversation"} or _OTHERS.search(head):
        return False
    first = _FIRST.search(head)
    if first:
        return bool(_SIGNS[first[2].lower()].search(first[3]))
    rest = head[root.end() :].strip()
    return root[2].lower() == b"conversations" and (not rest or rest.startswith(b"</"))


def recognise(name: str, head: bytes) -> dict[str, str]:
    """Make the context of a file's chunks: the ``namespaces`` that its root declares.

    Raises:
        Quarantine: ``not-persistent-chat``.
    """
    if not is_persistent_chat(head):
        raise Quarantine(
            "not-persistent-chat",
            f"{name}: this is no compliance XML of Persistent Chat. Mend `collect.files` or the source",
        )
    root = _ROOT.search(head)
    declared = "".join(_NAMESPACES.findall(root[3].decode("utf-8", "replace"))) if root else ""
    return {"namespaces": declared} if declared else {}
