"""The bytes of XML records as items, mended where they must be. What chat a record is, its source says."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Item, Refused
from include.commsarchive.sources.base import Chunk, Options
from include.commsarchive.sources.chat import Chat, items_of
from include.commsarchive.sources.instant_bloomberg.elements import as_written, local
from include.commsarchive.sources.xml_grammar import ATTRIBUTES, PREFIX
from include.commsarchive.sources.xml_reading import TAGS_LEFT_OUT, read_mended, read_strict
from include.commsarchive.sources.xml_usual import Usual, read_usual

_VERBATIM = re.compile(rb"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL)

Make = Callable[[ET.Element, Sequence[str], Usual], Chat]
"""Makes the chat of a record, of which usual events may be taken out; the list says what had to be mended."""
_NONE = Usual()


@dataclass(frozen=True)
class Shape:
    """Local names in lower case: the record's, its events', of the lists of events, and all there are."""

    record: str
    events: Collection[str]
    lists: Collection[str]
    known: Collection[str]

    @cached_property
    def opens(self) -> re.Pattern[bytes]:
        """What the start of a record looks like."""
        return re.compile(rb"<%b%b(?=[\s/>])" % (PREFIX, self.record.encode()), re.IGNORECASE)

    @cached_property
    def closes(self) -> re.Pattern[bytes]:
        """What the end of a record looks like."""
        return re.compile(rb"</%b%b\s*>" % (PREFIX, self.record.encode()), re.IGNORECASE)

    @cached_property
    def event_end(self) -> re.Pattern[bytes]:
        """What the end of an event looks like."""
        return re.compile(rb"</%b(?:%b)\s*>" % (PREFIX, "|".join(self.events).encode()), re.IGNORECASE)

    def unclosed(self, raw: bytes) -> bytes:
        """Give the end tags of the lists that these bytes leave open."""
        if not self.lists:
            return b""
        names = "|".join(self.lists).encode()
        tag = re.compile(rb"<(/?)(%b(?:%b))(?=[\s/>])%b>" % (PREFIX, names, ATTRIBUTES), re.IGNORECASE)
        open_now: list[bytes] = []
        for found in tag.finditer(raw):
            if not found[1] and not found[3].endswith(b"/"):
                open_now.append(found[2])
            elif found[1] and open_now:
                open_now.pop()
        return b"".join(b"</%b>" % name for name in reversed(open_now))


def items_in(
    chunk: Chunk, shape: Shape, make: Make, options: Options, usual: re.Pattern[str]
) -> Iterator[Item | Refused]:
    """Read the items of one chunk; ``usual`` matches its usual events, see `xml_usual`."""
    namespaces = chunk.context.get("namespaces", "")
    for start, end in pairwise((*chunk.starts, len(chunk.raw))):
        raw = chunk.raw[start:end]
        quick = partial(_all, raw, shape=shape, make=make)
        read = read_usual(raw, namespaces, usual, quick) or list(_chats(raw, namespaces, shape, make))
        for number, (raw, chat) in enumerate(read, start=1):
            try:
                if isinstance(chat, Quarantine):
                    raise chat
                if chunk.truncated and end == len(chunk.raw) and number == len(read):
                    chat.marks.append("truncated: the file ends here without its closing tag")
                yield from items_of(chat, options)
            except Quarantine as error:
                place = f"{chunk.place}, {shape.record} at byte {chunk.start + start:,}"
                yield Refused(error.reason, place, str(error), raw)


def elements_of(raw: bytes, namespaces: str, shape: Shape) -> tuple[ET.Element, list[str]]:
    """Read what can be read of a record: all of its complete events, or nothing.

    Raises:
        Quarantine: ``malformed``, ``truncated`` or ``document-type``.
    """
    with suppress(ET.ParseError):
        return read_strict(raw, namespaces), []
    tags = _tags(raw)
    start = shape.opens.match(tags)
    whole = raw
    if start and not shape.closes.search(tags):
        end = max((found.end() for found in shape.event_end.finditer(tags)), default=0)
        if not end:
            raise Quarantine("truncated", "it is cut off before its first complete event")
        tail = raw[end:].strip().decode("utf-8", "replace")
        kept = f"<Tail>{_escaped(tail)}</Tail>".encode() if tail else b""
        whole = raw[:end] + shape.unclosed(tags[:end]) + kept + b"</" + start[0][1:] + b">"
    root, mended = read_mended(whole, namespaces, frozenset(shape.known) | {"tail"})
    return root, mended if whole is raw else [*mended, "cut off after its last complete event"]


def _chats(
    raw: bytes, namespaces: str, shape: Shape, make: Make
) -> Iterator[tuple[bytes, Chat | Quarantine]]:
    """Read one record as it was cut; a malformed one may turn out to be several."""
    with suppress(ET.ParseError):
        yield from _all(raw, read_strict(raw, namespaces), _NONE, shape, make)
        return
    starts = [0, *[found.start() for found in shape.opens.finditer(_tags(raw))][1:]]
    for start, end in pairwise((*starts, len(raw))):
        piece = raw[start:end]
        try:
            root, mended = elements_of(piece, namespaces, shape)
        except Quarantine as error:
            yield piece, error
            continue
        if TAGS_LEFT_OUT in mended:
            yield piece, Quarantine("malformed", "it is not sure who did what and when")
        else:
            yield from _all(piece, root, _NONE, shape, make, mended)


def _all(
    raw: bytes, root: ET.Element, usual: Usual, shape: Shape, make: Make, mended: Sequence[str] = ()
) -> list[tuple[bytes, Chat | Quarantine]]:
    read = list[tuple[bytes, Chat | Quarantine]]()
    for child in root:
        if local(child.tag) == shape.record:
            read.append((raw, make(child, mended, usual)))
        else:
            why = Quarantine("not-a-record", "this is no part of the format")
            read.append((as_written(child).encode(), why))
    if stray := "".join(text for text in (root.text, *(child.tail for child in root)) if text).strip():
        why = Quarantine("not-a-record", f"text between records ({shape.record})")
        read.append((stray.encode(), why))
    return read


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _tags(raw: bytes) -> bytes:
    """Blank comments and CDATA, in which nothing is a tag; every other byte keeps its place."""
    return _VERBATIM.sub(
        lambda found: bytes(len(found[0])) if found[0].endswith((b"]]>", b"-->")) else found[0], raw
    )
