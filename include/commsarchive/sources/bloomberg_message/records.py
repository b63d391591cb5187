"""The bytes of one record as an element, mended where it must be."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from include.commsarchive.errors import Quarantine
from include.commsarchive.sources.instant_bloomberg.elements import as_written, local
from include.commsarchive.sources.xml_grammar import PREFIX
from include.commsarchive.sources.xml_reading import TAGS_LEFT_OUT, read_mended, read_strict

_, DISCLAIMER, BLOG = RECORDS = ("message", "disclaimer", "weblog")
_NAMES = (
    *("MsgID", "MsgTime", "MsgTimeUTC", "MsgLang", "MsgType", "OnBehalfOf", "SharedMessenger", "OrigSender"),
    *("Sender", "Recipient", "ForwardedBy", "Subject", "Attachment", "FileName", "FileID", "FileSize"),
    *("Reference", "MsgBody", "DisclaimerReference", "DisclaimerText", "Greeting", "UserInfo", "FirstName"),
    *("LastName", "FirmNumber", "AccountName", "AccountNumber", "BloombergUUID", "BloombergEmailAddress"),
    *("CorporateEmailAddress", "CorporateEmailID", "ClientID1", "ClientID2", "LogID", "CreateTime"),
    *("CreateTimeUTC", "Publisher", "Language", "Posting", "EntryID", "DateTime", "DateTimeUTC", "Content"),
    *("AccessControl", "Changed", "PreviousAccessType", "Viewers", "Deleted"),
)
KNOWN = frozenset(name.lower() for name in (*RECORDS, *_NAMES))
"""Every element of the formats, in lower case."""
_OPEN = re.compile(rb"<%b(?:%b)(?=[\s/>])" % (PREFIX, "|".join(RECORDS).encode()), re.IGNORECASE)
_VERBATIM = re.compile(rb"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Record:
    """One record that could be read. ``kind`` is one of `RECORDS`; ``mended`` says what had to be."""

    kind: str
    element: ET.Element
    mended: tuple[str, ...] = ()


Read = tuple[bytes, Record | Quarantine]
"""What became of some bytes: a record, or why not."""


def read_records(raw: bytes, context: Mapping[str, str]) -> Iterator[Read]:
    """Read one record as it was cut; a malformed one may turn out to be several."""
    try:
        yield from _read_all(read_strict(raw, context.get("namespaces", "")), raw, ())
    except ET.ParseError:
        starts = [found.start() for found in _OPEN.finditer(_tags(raw))] or [0]
        starts[0] = 0
        for start, end in zip(starts, (*starts[1:], len(raw)), strict=True):
            yield from _read_malformed(raw[start:end], context)


def _tags(raw: bytes) -> bytes:
    """Blank comments and CDATA, in which nothing is a tag; every other byte keeps its place."""

    def blank(found: re.Match[bytes]) -> bytes:
        return bytes(len(found[0])) if found[0].endswith((b"]]>", b"-->")) else found[0]

    return _VERBATIM.sub(blank, raw)


def _read_malformed(raw: bytes, context: Mapping[str, str]) -> Iterator[Read]:
    """Read a record that is not well-formed; one that is cut off, or in which tags went lost, is refused."""
    opened = _OPEN.match(raw)
    if opened and not re.search(rb"</%b\s*>" % re.escape(opened[0][1:]), _tags(raw)):
        yield raw, Quarantine("truncated", "it is cut off: its end tag is missing")
        return
    try:
        root, mended = read_mended(raw, context.get("namespaces", ""), KNOWN)
    except Quarantine as error:
        yield raw, error
        return
    if TAGS_LEFT_OUT in mended:
        yield raw, Quarantine("malformed", "it is not sure who wrote what to whom")
    else:
        yield from _read_all(root, raw, tuple(mended))


def _read_all(root: ET.Element, raw: bytes, mended: tuple[str, ...]) -> Iterator[Read]:
    for child in root:
        kind = local(child.tag)
        if kind in RECORDS:
            yield raw, Record(kind, child, mended)
        else:
            yield as_written(child).encode(), Quarantine("not-a-record", "this is no part of the format")
    stray = "".join(text for text in (root.text, *(child.tail for child in root)) if text).strip()
    if stray:
        yield stray.encode(), Quarantine("not-a-record", "text between records")
