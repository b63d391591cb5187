"""Cuts an XML file into its records by looking for tags, with flat memory.

No XML parser reads the whole file: each record is handed on as bytes, so that one malformed record
harms only itself, and cutting runs at the speed of a string search. Whatever stands between records and
is not known there is handed on as refused bytes: nothing is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from include.commsarchive.model import Refused
from include.commsarchive.sources.base import Chunk, Options
from include.commsarchive.sources.xml_grammar import ATTRIBUTES, PREFIX, Grammar
from include.commsarchive.sources.xml_long_record import LongRecord
from include.commsarchive.sources.xml_window import BLOCK, Window

_SPACE = re.compile(rb"\s+")
_MINIMUM = 32
"""An event with a time takes more bytes than this: a shorter record cannot hold too many events."""
_ENOUGH = 64 * 1024
"""More than any tag beside records: a tag is looked at only when this much is in memory."""
_LONGEST_TAG = 256
_INSTRUCTION = 4096
"""More than any instruction: in a damaged one an end tag stands before this."""


class Cutter:
    """Cuts one file. A record beyond the options' limits comes in parts, see `LongRecord`."""

    def __init__(
        self, window: Window, grammar: Grammar, context: Mapping[str, str], options: Options
    ) -> None:
        """Prepare to cut from the window's start; every chunk gets the context."""
        record, root = grammar.record.encode(), grammar.root.encode()
        leaves = b"|".join(name.encode() for name in grammar.beside) or b"(?!)"
        self._window = window
        self._grammar = grammar
        self._context = context
        self._options = options
        self._root_is_open = False
        self._record = re.compile(rb"\s*<(%b%b)(?=[\s/>])" % (PREFIX, record), re.IGNORECASE)
        self._leaf = re.compile(rb"<(%b(?:%b))\s*(?:/>|>[^<]*</\1\s*>)" % (PREFIX, leaves), re.IGNORECASE)
        self._root = re.compile(rb"<(/?)%b%b(?=[\s/>])%b>" % (PREFIX, root, ATTRIBUTES), re.IGNORECASE)
        self._known = re.compile(
            rb"<(?:/?%b(?:%b|%b|%b)(?=[\s/>])|!--|\?)" % (PREFIX, record, root, leaves), re.IGNORECASE
        )

    def chunks(self) -> Iterator[Chunk | Refused]:
        """Cut, in order.

        The last chunk is held back until the end is known: where the root is never closed, it is
        marked as truncated.
        """
        waiting: list[Chunk | Refused] = []
        for found in self._found():
            if isinstance(found, Chunk):
                yield from waiting
                waiting = []
            waiting.append(found)
        for found in waiting:
            if isinstance(found, Chunk) and self._root_is_open:
                yield replace(found, truncated=True)
            else:
                yield found
        if self._root_is_open and not waiting:
            why = "the file ends before its first record and without its closing tag"
            yield Refused("truncated", self._window.place(0), why, b"")

    def _found(self) -> Iterator[Chunk | Refused]:
        while True:
            yield from self._between()
            if not self._record.match(self._window.data):
                return
            yield from self._records()

    def _records(self) -> Iterator[Chunk | Refused]:
        """Take records as long as one follows the other and is in memory, up to a chunk's size."""
        window, starts, at = self._window, list[int](), 0
        while at < BLOCK and (record := self._record.match(window.data, at)):
            start = record.start(1) - 1
            end = self._end(record[1], start)
            while end < 0 and not starts and len(window.data) < BLOCK and window.grow():
                end = self._end(record[1], start)
            if end < 0 or self._may_be_long(end - start):
                break
            starts.append(start)
            at = end
        if starts:
            first = starts[0]
            raw = window.data[first:at]
            places = tuple(start - first for start in starts)
            yield Chunk(window.name, window.base + first, raw, self._context, starts=places)
            window.drop(at)
        elif record:
            window.drop(start)
            long = LongRecord(window, record[1], self._grammar, self._options)
            yield from long.chunks(self._context)

    def _end(self, name: bytes, start: int) -> int:
        """Find the end of the record that begins at ``start``; -1 when it is not in memory."""
        data = self._window.data
        tag_end = data.find(b">", start)
        if tag_end < 0:
            return -1
        if data[tag_end - 1 : tag_end] == b"/":
            return tag_end + 1
        return self._window.end_of(name, tag_end)

    def _may_be_long(self, size: int) -> bool:
        return size > min(self._options.max_bytes, self._options.max_events * _MINIMUM)

    def _between(self) -> Iterator[Refused]:
        """Pass over what may stand between records; hand on what may not."""
        window, at = self._window, 0
        while True:
            if len(window.data) - at < _ENOUGH and window.grow():
                continue
            if at == len(window.data) or self._record.match(window.data, at):
                window.drop(at)
                return
            after = self._pass_over(at)
            if after < 0 and len(window.data) - at < self._options.max_bytes and window.grow():
                continue
            if after <= at:
                after = self._stranger(at)
                why = "this is no part of the format; the records around it are archived"
                yield Refused("not-a-record", window.place(at), why, window.data[at:after])
                window.drop(after)
                after = 0
            at = after

    def _pass_over(self, at: int) -> int:
        """Find the end of what is known at ``at``; ``at`` if nothing is, -1 if its end is not in memory."""
        data = self._window.data
        if space := _SPACE.match(data, at):
            return space.end()
        if data.startswith((b"<!--", b"<?"), at):
            end = self._window.section_end(at)
            # A damaged instruction must not hide the records up to the next one.
            is_damaged = data.startswith(b"<?", at) and data.find(b"</", at, min(end, at + _INSTRUCTION)) >= 0
            return at if end > 0 and is_damaged else end
        if leaf := self._leaf.match(data, at):
            return leaf.end()
        if root := self._root.match(data, at):
            self._root_is_open = not root[1] and not root[2].endswith(b"/")
            return root.end()
        return at

    def _stranger(self, at: int) -> int:
        """Find where something known begins after what is not known at ``at``."""
        window = self._window
        if found := self._known.search(window.data, at + 1):
            return found.start()
        return len(window.data) if window.ended else max(at + 1, len(window.data) - _LONGEST_TAG)
