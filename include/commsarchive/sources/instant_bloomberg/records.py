"""The bytes of one record as conversations, mended where they must be."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping

from include.commsarchive.errors import Quarantine
from include.commsarchive.sources.instant_bloomberg.conversation import (
    LEAVES,
    Conversation,
    read_conversation,
)
from include.commsarchive.sources.instant_bloomberg.elements import as_written, local
from include.commsarchive.sources.instant_bloomberg.events import KINDS
from include.commsarchive.sources.instant_bloomberg.files import Files
from include.commsarchive.sources.xml_grammar import PREFIX
from include.commsarchive.sources.xml_reading import read_mended, read_strict

RECORD = "Conversation"
_KNOWN = frozenset(
    name.lower()
    for name in (
        *(
            RECORD,
            *LEAVES,
            *KINDS,
            "User",
            "Inviter",
            "Invitee",
            "Initiator",
            "LoginName",
            "FirstName",
            "LastName",
        ),
        *("ClientID1", "ClientID2", "UUID", "FirmNumber", "AccountNumber", "CompanyName", "EmailAddress"),
        *("CorporateEmailAddress", "CorporateEmailID", "Content", "ModeType", "DateTime", "DateTimeUTC"),
        *("ConversationID", "FileName", "FileID", "FileSize"),
    )
)
_OPEN = re.compile(rb"<%b%b(?=[\s/>])" % (PREFIX, RECORD.encode()), re.IGNORECASE)
_CLOSE = re.compile(rb"</%b%b\s*>" % (PREFIX, RECORD.encode()), re.IGNORECASE)
_EVENT = re.compile(rb"<(/?)%b(?:%b)(?=[\s/>])" % (PREFIX, "|".join(KINDS).encode()), re.IGNORECASE)

Read = tuple[bytes, Conversation | Quarantine]
"""What became of some bytes: a conversation, or why not."""


def read_record(raw: bytes, context: Mapping[str, str], files: Files) -> Iterator[Read]:
    """Read one record as it was cut; a malformed one may turn out to be several."""
    try:
        root = read_strict(raw, context.get("namespaces", ""))
    except ET.ParseError:
        starts = [found.start() for found in _OPEN.finditer(raw)] or [0]
        starts[0] = 0
        for start, end in zip(starts, (*starts[1:], len(raw)), strict=True):
            yield from _read_malformed(raw[start:end], context, files)
    else:
        yield from _read_all(root, raw, context, files)


def _read_all(root: ET.Element, raw: bytes, context: Mapping[str, str], files: Files) -> Iterator[Read]:
    for child in root:
        if local(child.tag) != RECORD.lower():
            yield as_written(child).encode(), Quarantine("not-a-record", "this is no part of the format")
            continue
        try:
            yield raw, read_conversation(child, context, files)
        except RecursionError:
            yield raw, Quarantine("malformed", "its elements are nested too deeply")
    stray = "".join(text for text in (root.text, *(child.tail for child in root)) if text).strip()
    if stray:
        yield stray.encode(), Quarantine("not-a-record", "text between conversations")


def _read_malformed(raw: bytes, context: Mapping[str, str], files: Files) -> Iterator[Read]:
    """Read what can be read of a record that is not well-formed: all of its complete events, or nothing."""
    whole, tail = _complete(raw)
    try:
        root, mended = read_mended(whole, context.get("namespaces", ""), _KNOWN)
    except Quarantine as error:
        yield raw, error
        return
    stated = sum(not found[1] for found in _EVENT.finditer(whole))
    if whole != raw:
        mended.append(f"cut off: {len(tail)} bytes after the last complete event are kept as a fact")
    for source, read in _read_all(root, raw, context, files):
        if isinstance(read, Quarantine):
            yield source, read
        elif len(read.events) < stated:
            why = f"only {len(read.events)} of {stated} events can be read"
            yield raw, Quarantine("malformed", why)
        else:
            read.marks.append(f"repaired: {'; '.join(mended)}")
            if tail:
                read.stated.append(("incomplete end", tail.decode("utf-8", "replace")))
            yield raw, read


def _complete(raw: bytes) -> tuple[bytes, bytes]:
    """Close a record that has no end tag after its last complete event; also return what followed that."""
    start = _OPEN.match(raw)
    if not start or _CLOSE.search(raw):
        return raw, b""
    ends = [raw.find(b">", found.end()) + 1 for found in _EVENT.finditer(raw) if found[1]]
    end = max(ends, default=0)
    if not end:
        end = len(raw)
    return raw[:end] + b"</" + start[0][1:] + b">", raw[end:].strip()
