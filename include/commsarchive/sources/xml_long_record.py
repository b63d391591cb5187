"""Cuts one long record into parts between its events, with flat memory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum, auto

from include.commsarchive.model import Refused
from include.commsarchive.sources.base import Chunk, Options
from include.commsarchive.sources.xml_grammar import ATTRIBUTES, PREFIX, Grammar
from include.commsarchive.sources.xml_window import Window, end_tag

_TAG = re.compile(
    rb"[^<]*(?P<start><)(?P<end>/?)(?P<name>%b(?P<local>[A-Za-z_][\w.-]*))(?=[\s/>])%b>"
    % (PREFIX, ATTRIBUTES)
)
_ENOUGH = 64 * 1024
"""More than any tag: what is no tag within so many bytes is text."""
_LONGEST_END_TAG = 256


class _Kind(Enum):
    EVENT = auto()
    OTHER = auto()
    CLOSED = auto()
    """The record's end tag."""
    UNCLOSED = auto()
    """The end of the file, or what can only come after the record."""
    LIST = auto()
    """The start or the end tag of a list of events."""
    ENDLESS = auto()
    """An event longer than a part may be."""


class LongRecord:
    """A record that may be beyond the limits, at the window's start."""

    def __init__(self, window: Window, name: bytes, grammar: Grammar, options: Options) -> None:
        """Prepare to cut the record whose start tag is spelled ``name``."""
        self._window = window
        self._name = name
        self._record = name.rpartition(b":")[2].lower()
        self._root = grammar.root.lower().encode()
        self._leaves = frozenset(leaf.lower().encode() for leaf in grammar.leaves)
        self._lists = frozenset(one.lower().encode() for one in grammar.lists)
        self._carry = grammar.carry
        self._options = options

    def chunks(self, context: Mapping[str, str]) -> Iterator[Chunk | Refused]:
        """Yield the record whole if it is within the limits, and else in parts.

        A part is complete in itself: the record's start tag and leading leaves, some events, an end
        tag. Its context holds ``part``, from 1, and what the grammar carries from part to part.
        """
        window, close = self._window, b"</%b>" % self._name
        part, events, head, lead = 0, 0, b"", b""
        open_lists: list[bytes] = []
        at = window.data.find(b">") + 1
        while True:
            end, kind = self._next(at)
            if not head and kind in {_Kind.EVENT, _Kind.ENDLESS}:
                head = window.data[:at] + _closing(open_lists)
            too_much = events >= self._options.max_events or len(lead) + end > self._options.max_bytes
            if events and (kind is _Kind.ENDLESS or (kind is _Kind.EVENT and too_much)):
                part += 1
                context = {**context, "part": str(part)}
                raw = lead + window.data[:at] + _closing(open_lists) + close
                yield Chunk(window.name, window.base, raw, context)
                context = self._carry(raw, context)
                window.drop(at)
                at, end, events, lead = 0, end - at, 0, head + b"".join(b"<%b>" % one for one in open_lists)
            if kind is _Kind.ENDLESS:
                yield from self._refuse(at)
                end = at
            elif kind is _Kind.CLOSED or kind is _Kind.UNCLOSED:
                break
            elif kind is _Kind.LIST:
                _follow(open_lists, window.data[at:end])
            events += kind is _Kind.EVENT
            at = end
        if part:
            context = {**context, "part": str(part + 1)}
        cut = kind is _Kind.UNCLOSED and end == len(window.data)
        yield Chunk(window.name, window.base, lead + window.data[:end], context, truncated=cut)
        window.drop(end)

    def _next(self, at: int) -> tuple[int, _Kind]:
        """Find the end of what is next in the record, and say what it is."""
        window = self._window
        while True:
            found = self._in_memory(at)
            if found:
                return found
            if len(window.data) - at < self._options.max_bytes and window.grow():
                continue
            if close := end_tag(self._name).search(window.data, at):
                return close.start(), _Kind.EVENT
            return len(window.data), _Kind.UNCLOSED if window.ended else _Kind.ENDLESS

    def _in_memory(self, at: int) -> tuple[int, _Kind] | None:
        """Do what `_next` does, or give None where the end is not in memory."""
        window = self._window
        tag = _TAG.match(window.data, at)
        if not tag:
            return self._no_tag(at)
        local = tag["local"].lower()
        if local in self._lists or (tag["end"] and local not in {self._record, self._root}):
            return tag.end(), _Kind.LIST if local in self._lists else _Kind.OTHER
        if tag["end"] and local == self._record:
            return tag.end(), _Kind.CLOSED
        if tag["end"] or local == self._record:
            return tag.start("start"), _Kind.UNCLOSED
        empty = window.data[tag.end() - 2 : tag.end() - 1] == b"/"
        end = tag.end() if empty else window.end_of(tag["name"], tag.end())
        if end < 0:
            return None
        return end, _Kind.OTHER if local in self._leaves else _Kind.EVENT

    def _no_tag(self, at: int) -> tuple[int, _Kind] | None:
        """Pass over a comment, CDATA, an instruction, or a ``<`` that begins nothing."""
        window = self._window
        start = window.data.find(b"<", at)
        if start < 0 or (len(window.data) - start < _ENOUGH and not window.ended):
            return None
        special = window.data[start + 1 : start + 2] in {b"!", b"?"}
        end = window.section_end(start) if special else start + 1
        return (end, _Kind.OTHER) if end >= 0 else None

    def _refuse(self, at: int) -> Iterator[Refused]:
        """Set an event aside that is longer than a part may be, in pieces; it begins at ``at``."""
        window = self._window
        tag = _TAG.match(window.data, at)
        close = end_tag(tag["name"] if tag else self._name)
        why = "a single event is larger than items.max_bytes; raise it and replay, or read these bytes"
        while True:
            found = close.search(window.data, at)
            rest = 0 if window.ended else _LONGEST_END_TAG
            end = found.end() if found else max(at, len(window.data) - rest)
            yield Refused("event-too-large", window.place(at), why, window.data[at:end])
            window.data = window.data[:at] + window.data[end:]
            window.base += end - at
            if found or not window.grow():
                return


def _closing(open_lists: list[bytes]) -> bytes:
    return b"".join(b"</%b>" % one for one in reversed(open_lists))


def _follow(open_lists: list[bytes], text: bytes) -> None:
    """Note that a list begins or ends with the tag that ends this text."""
    tag = _TAG.match(text)
    if tag and not tag["end"]:
        open_lists += [] if text.endswith(b"/>") else [tag["name"]]
    elif open_lists:
        open_lists.pop()
