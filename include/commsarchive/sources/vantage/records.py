"""The bytes of one ``Conversation`` element as chats, mended where they must be."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from contextlib import suppress

from include.commsarchive.errors import Quarantine
from include.commsarchive.sources.chat import Chat
from include.commsarchive.sources.instant_bloomberg.elements import as_written, line_of, local
from include.commsarchive.sources.shared_files import SharedFiles
from include.commsarchive.sources.vantage.events import KINDS, EventReader
from include.commsarchive.sources.vantage.people import Directory
from include.commsarchive.sources.xml_grammar import PREFIX, Grammar
from include.commsarchive.sources.xml_reading import TAGS_LEFT_OUT, read_mended, read_strict

_RECORD = "conversation"
_LEAVES = (
    *("RoomID", "StartTimeUTC", "EndTimeUTC", "CallInitiator", "CallType"),
    *("Vendor", "Network", "Channel", "StartTime", "EndTime"),
)
_FIELDS = (
    *("LoginName", "InviterLoginName", "UserType", "InternalFlag", "CorporateEmailID", "ConversationID"),
    *("CorporateEmailAddress", "DateTimeUTC", "Content", "Base64Content", "MessageId", "UpdatedType"),
    *("UpdatedDateTimeUTC", "EditedNewMsgId", "PreviewsPost", "UserFileName", "FileName", "Status"),
)
_KNOWN = frozenset(name.lower() for name in (_RECORD, *_LEAVES, *KINDS, *_FIELDS))
_OPEN = re.compile(rb"<%b%b(?=[\s/>])" % (PREFIX, _RECORD.encode()), re.IGNORECASE)
_CLOSE = re.compile(rb"</%b%b\s*>" % (PREFIX, _RECORD.encode()), re.IGNORECASE)
_EVENT_END = re.compile(rb"</%b(?:%b)\s*>" % (PREFIX, "|".join(KINDS).encode()), re.IGNORECASE)
_VERBATIM = re.compile(rb"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL)

Read = tuple[bytes, Chat | Quarantine]
"""What became of some bytes: a chat, or why not."""


def carry(raw: bytes, context: Mapping[str, str]) -> dict[str, str]:
    """Add to a part's context the people that it names: in later parts they are only logins."""
    people = Directory()
    people.remember(context.get("people", ""))
    with suppress(ET.ParseError, Quarantine):
        for element in _elements(raw, context)[0]:
            for event in element:
                people.learn(event)
    return {**context, "people": people.told()}


GRAMMAR = Grammar(record="Conversation", root="FileDump", beside=("NextFile",), leaves=_LEAVES, carry=carry)


class Reader:
    """Reads records for a source: it goes by this name, and its chats by this title."""

    def __init__(self, source: str, title: str, files: SharedFiles, context: Mapping[str, str]) -> None:
        """Take what all records of a chunk share."""
        self._source = source
        self._title = title
        self._files = files
        self._context = context

    def read(self, raw: bytes) -> Iterator[Read]:
        """Read one record as it was cut; a malformed one may turn out to be several."""
        starts = [0]
        with suppress(ET.ParseError):
            yield from self._all(raw, read_strict(raw, self._context.get("namespaces", "")), [])
            return
        starts += [found.start() for found in _OPEN.finditer(_tags(raw))][1:]
        for start, end in zip(starts, (*starts[1:], len(raw)), strict=True):
            piece = raw[start:end]
            try:
                root, mended = _elements(piece, self._context)
            except Quarantine as error:
                yield piece, error
                continue
            if TAGS_LEFT_OUT in mended:
                yield piece, Quarantine("malformed", "it is not sure who did what and when")
            else:
                yield from self._all(piece, root, mended)

    def _all(self, raw: bytes, root: ET.Element, mended: list[str]) -> Iterator[Read]:
        for child in root:
            if local(child.tag) != _RECORD:
                yield as_written(child).encode(), Quarantine("not-a-record", "this is no part of the format")
                continue
            yield raw, self._chat(child, mended)
        if stray := "".join(text for text in (root.text, *(child.tail for child in root)) if text).strip():
            yield stray.encode(), Quarantine("not-a-record", "text between conversations")

    def _chat(self, element: ET.Element, mended: list[str]) -> Chat:
        facts = [(name.rpartition("}")[2], " ".join(value.split())) for name, value in element.attrib.items()]
        happened = []
        for child in element:
            if len(child) or local(child.tag) in KINDS:
                happened.append(child)
            else:
                facts.append((child.tag.rpartition("}")[2], line_of(child)))
                facts += [(f"{child.tag} {name}", value) for name, value in child.attrib.items()]
        stray = [element.text, *(child.tail for child in element)]
        facts += [("text between events", " ".join(text.split())) for text in stray if text]
        says = {name.lower(): value for name, value in reversed(facts) if value}
        people = Directory()
        people.remember(self._context.get("people", ""))
        for event in happened:
            people.learn(event)
        room = says.get("roomid", "")
        reader = EventReader(people, self._files, room)
        deeds = [deed for event in happened if (deed := reader.read(event))]
        return Chat(
            self._source,
            self._title,
            room,
            says.get("perspective", ""),
            people.people,
            deeds,
            [(name, value) for name, value in facts if value],
            [f"repaired: {'; '.join(mended)}"] if mended else [],
            int(self._context.get("part", 0)),
        )


def _elements(raw: bytes, context: Mapping[str, str]) -> tuple[ET.Element, list[str]]:
    """Read what can be read of a record: all of its complete events, or nothing.

    Raises:
        Quarantine: ``malformed``, ``truncated`` or ``document-type``.
    """
    namespaces = context.get("namespaces", "")
    with suppress(ET.ParseError):
        return read_strict(raw, namespaces), []
    tags = _tags(raw)
    start = _OPEN.match(tags)
    whole = raw
    if start and not _CLOSE.search(tags):
        end = max((found.end() for found in _EVENT_END.finditer(tags)), default=0)
        if not end:
            raise Quarantine("truncated", "it is cut off before its first complete event")
        tail = raw[end:].strip().decode("utf-8", "replace")
        kept = f"<Tail>{_escaped(tail)}</Tail>".encode() if tail else b""
        whole = raw[:end] + kept + b"</" + start[0][1:] + b">"
    root, mended = read_mended(whole, namespaces, _KNOWN | {"tail"})
    return root, mended if whole is raw else [*mended, "cut off after its last complete event"]


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _tags(raw: bytes) -> bytes:
    """Blank comments and CDATA, in which nothing is a tag; every other byte keeps its place."""
    return _VERBATIM.sub(
        lambda found: bytes(len(found[0])) if found[0].endswith((b"]]>", b"-->")) else found[0], raw
    )
