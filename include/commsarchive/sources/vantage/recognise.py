"""Tells Vantage's ``FileDump`` from the other formats with that root, by the head of a file.

Financial formats, section 0.2: it states no version, and a person's login stands directly in the event.
Where there is doubt, the file is refused.
"""

from __future__ import annotations

import re

from include.commsarchive.errors import Quarantine
from include.commsarchive.sources.xml_grammar import ATTRIBUTES, PREFIX

EVENTS = ("ParticipantEntered", "ParticipantLeft", "Invite", "Message")
TRANSFERS = ("FileTransferStarted", "FileTransferEnded", "FileTransferEnd")
_ROOT = re.compile(rb"<(%b)([A-Za-z_][\w.-]*)(?=[\s/>])%b>" % (PREFIX, ATTRIBUTES))
_VERSION = re.compile(rb"<%bVersion[\s/>]" % PREFIX, re.IGNORECASE)
_CONVERSATION = re.compile(rb"<%bConversation(?=[\s/>])" % PREFIX, re.IGNORECASE)
_EVENT = re.compile(
    rb"<%b(?:%b)\s*>\s*(?:<%b(MessageId|InviterLoginName|LoginName)[\s/>]|<(%b[\w.-]+))"
    % (PREFIX, "|".join((*EVENTS, *TRANSFERS)).encode(), PREFIX, PREFIX),
    re.IGNORECASE,
)
_NAMESPACES = re.compile(r"""\sxmlns(?::[\w.-]+)?\s*=\s*(?:"[^"]*"|'[^']*')""")


def is_vantage(head: bytes) -> bool:
    """Say whether this is the head of a file of Vantage's."""
    root = _ROOT.search(head)
    if not root or root[2].lower() not in {b"filedump", b"conversation"} or _VERSION.search(head):
        return False
    if not _CONVERSATION.search(head):
        return root[2].lower() == b"filedump" and not head[root.end() :].replace(b"</FileDump>", b"").strip()
    event = _EVENT.search(head)
    return bool(event and event[1])


def recognise(name: str, head: bytes) -> dict[str, str]:
    """Make the context of a file's chunks: the ``namespaces`` that its root declares.

    Raises:
        Quarantine: ``not-vantage``.
    """
    if not is_vantage(head):
        raise Quarantine(
            "not-vantage",
            f"{name}: this is no FileDump of Actiance Vantage. Mend `collect.files` or the source",
        )
    root = _ROOT.search(head)
    declared = "".join(_NAMESPACES.findall(root[3].decode("utf-8", "replace"))) if root else ""
    return {"namespaces": declared} if declared else {}
