"""The bytes of one record as conversations, mended where they must be."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Event
from include.commsarchive.sources.instant_bloomberg.conversation import (
    LEAVES,
    Conversation,
    read_conversation,
)
from include.commsarchive.sources.instant_bloomberg.elements import as_written, local
from include.commsarchive.sources.instant_bloomberg.events import KINDS, NOT_STATED
from include.commsarchive.sources.instant_bloomberg.files import Files
from include.commsarchive.sources.xml_grammar import PREFIX
from include.commsarchive.sources.xml_reading import TAGS_LEFT_OUT, read_mended, read_strict

RECORD = "Conversation"
_NAMES = (
    *("User", "Inviter", "Invitee", "Initiator", "LoginName", "FirstName", "LastName", "CompanyName"),
    *("ClientID1", "ClientID2", "UUID", "FirmNumber", "AccountNumber", "EmailAddress"),
    *("CorporateEmailAddress", "CorporateEmailID", "Content", "ModeType", "DateTime", "DateTimeUTC"),
    *("ConversationID", "FileName", "FileID", "FileSize"),
)
KNOWN = frozenset(name.lower() for name in (RECORD, *LEAVES, *KINDS, *_NAMES))
"""Every element of the format, in lower case."""
_OPEN = re.compile(rb"<%b%b(?=[\s/>])" % (PREFIX, RECORD.encode()), re.IGNORECASE)
_CLOSE = re.compile(rb"</%b%b\s*>" % (PREFIX, RECORD.encode()), re.IGNORECASE)
_EVENT_END = re.compile(rb"</%b(?:%b)\s*>" % (PREFIX, "|".join(KINDS).encode()), re.IGNORECASE)
_VERBATIM = re.compile(rb"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL)

Read = tuple[bytes, Conversation | Quarantine]
"""What became of some bytes: a conversation, or why not."""


def read_record(raw: bytes, context: Mapping[str, str], files: Files) -> Iterator[Read]:
    """Read one record as it was cut; a malformed one may turn out to be several."""
    try:
        root = read_strict(raw, context.get("namespaces", ""))
    except ET.ParseError:
        starts = [found.start() for found in _OPEN.finditer(_tags(raw))] or [0]
        starts[0] = 0
        for start, end in zip(starts, (*starts[1:], len(raw)), strict=True):
            yield from _read_malformed(raw[start:end], context, files)
    else:
        yield from _read_all(root, raw, context, files)


def _tags(raw: bytes) -> bytes:
    """Blank comments and CDATA, in which nothing is a tag; every other byte keeps its place."""

    def blank(found: re.Match[bytes]) -> bytes:
        return bytes(len(found[0])) if found[0].endswith((b"]]>", b"-->")) else found[0]

    return _VERBATIM.sub(blank, raw)


def _read_all(root: ET.Element, raw: bytes, context: Mapping[str, str], files: Files) -> Iterator[Read]:
    for child in root:
        if local(child.tag) != RECORD.lower():
            yield as_written(child).encode(), Quarantine("not-a-record", "this is no part of the format")
            continue
        yield raw, read_conversation(child, context, files)
    stray = "".join(text for text in (root.text, *(child.tail for child in root)) if text).strip()
    if stray:
        yield stray.encode(), Quarantine("not-a-record", "text between conversations")


def _read_malformed(raw: bytes, context: Mapping[str, str], files: Files) -> Iterator[Read]:
    """Read what can be read of a record that is not well-formed: all of its complete events, or nothing."""
    try:
        whole, tail = _complete(raw)
        root, mended = read_mended(whole, context.get("namespaces", ""), KNOWN)
    except Quarantine as error:
        yield raw, error
        return
    if whole is not raw:
        kept = f"the last {len(tail)} bytes are kept as a fact" if tail else "nothing else is missing"
        mended.append(f"cut off after its last complete event, {kept}")
    found = [read for _, read in _read_all(root, raw, context, files)]
    conversation = found[0] if len(found) == 1 else None
    sure = TAGS_LEFT_OUT not in mended
    if not isinstance(conversation, Conversation) or not (sure or all(map(_is_regular, conversation.events))):
        yield raw, Quarantine("malformed", "it is not sure who did what and when")
        return
    conversation.marks += [f"repaired: {'; '.join(mended)}"] if mended else []
    conversation.stated += [("incomplete end", tail.decode("utf-8", "replace"))] if tail else []
    yield raw, conversation


def _is_regular(event: Event) -> bool:
    """Tell whether an event has all that it needs and nothing that may be another's."""
    return event.who is not None and not event.residue and NOT_STATED not in event.marks


def _complete(raw: bytes) -> tuple[bytes, bytes]:
    """Close a record that has no end tag after its last complete event; also return what followed that.

    Raises:
        Quarantine: it has no complete event.
    """
    tags = _tags(raw)
    start = _OPEN.match(tags)
    if not start or _CLOSE.search(tags):
        return raw, b""
    end = max((found.end() for found in _EVENT_END.finditer(tags)), default=0)
    if not end:
        raise Quarantine("truncated", "it is cut off before its first complete event")
    return raw[:end] + b"</" + start[0][1:] + b">", raw[end:].strip()
