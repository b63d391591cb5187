"""Finds the JSON objects of a file, with flat memory: JSON Lines, a list, or pages that hold a list.

Each object is handed on as bytes, so that one that is malformed harms only itself; what is no object is
handed on as well: nothing is dropped.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

import msgspec
from msgspec.structs import replace

from include.commsarchive.errors import Quarantine
from include.commsarchive.sources.json_keys import has_keys_once

BLOCK = 4 * 1024 * 1024
_MORE = 256 * 1024
"""Bytes that are read on at a time: what a processor keeps close by."""
_ENOUGH = 64 * 1024
_RUN = 64
"""Objects of the usual shape that are looked at together."""
_PATIENCE = 16 * 1024 * 1024
"""Bytes of objects that never end, after which objects are looked for on lines of their own only."""
_STRING = rb'"(?:[^"\\\r\n]|\\.)*+"'
_PLAIN = rb"(?:%b|[-+.\w]+|\{\s*\}|\[\s*\])" % _STRING
_TOKEN = re.compile(rb'[{}]|"(?:[^"\\\r\n]|\\.)*+("?)')
_BETWEEN = (b"\n", b",", b" ", b"\r")
_NOTHING = re.compile(rb"[\s,]+")
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_END_OF_LINE = re.compile(rb"[\r\n]+\s*(?=[\[\]{])")


class Found(msgspec.Struct, frozen=True, gc=False):
    """A stretch of the file at ``start``. ``page`` is the key under which its page holds the list, if any.

    ``problem`` is a reason slug where it is no whole object; ``usual`` what was read of it
    where it is of the usual shape and no key is there twice.
    """

    start: int
    raw: bytes
    page: str = ""
    problem: str = ""
    usual: Any = None


class Shape(NamedTuple):
    """The usual shape of objects: what reads one, and raises for any other, and what all end with."""

    read: Callable[[bytes], Any]
    ends: bytes


class JsonRecords:
    """Walks one file. ``pages`` are the keys under which pages hold their lists."""

    def __init__(
        self,
        name: str,
        stream: BinaryIO,
        pages: tuple[str, ...],
        largest: int,
        usual: Shape,
    ) -> None:
        """Start at the beginning; an object larger than ``largest`` bytes comes in pieces, as a problem.

        Raises:
            Quarantine: the file is empty or not UTF-8.
        """
        self._stream = stream
        self._largest = largest
        self._usual = usual
        self._data = stream.read(BLOCK)
        self._base = self._at = 0
        self._ended = False
        self._in_vain = 0
        self._page = ""
        keys = b"|".join(re.escape(key.encode()) for key in pages)
        self._opens = re.compile(rb'\{\s*(?:%b\s*:\s*%b\s*,\s*)*+"(%b)"\s*:\s*\[' % (_STRING, _PLAIN, keys))
        self._closes = re.compile(rb"\]\s*(?:,\s*%b\s*:\s*%b\s*)*+\}" % (_STRING, _PLAIN))
        if not self._data.strip():
            raise Quarantine("empty-file", f"{name}: the file is empty. Ask the vendor to send it again")
        if self._data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in self._data[:2]:
            raise Quarantine("unknown-encoding", f"{name}: is not UTF-8, as JSON is. Ask the vendor for that")
        if self._data.startswith(codecs.BOM_UTF8):
            self._at = len(codecs.BOM_UTF8)

    def __iter__(self) -> Iterator[Found]:
        """Walk, in order."""
        while True:
            while len(self._data) - self._at < _ENOUGH and self._grow():
                pass
            if usual := self._usual_ones():
                yield from usual
            elif nothing := _NOTHING.match(self._data, self._at):
                self._at = nothing.end()
            elif self._at == len(self._data):
                return
            elif not self._list():
                yield from self._object() if self._data.startswith(b"{", self._at) else self._stranger()

    def _usual_ones(self) -> list[Found]:
        """Take objects of the usual shape, up to the first that is of another."""
        data, at, found = self._data, self._at, list[Found]()
        while data.startswith(b"{", at) and len(found) < _RUN:
            line = data.find(b"\n", at, at + _ENOUGH)
            usual = self._as_usual(raw := data[at:line].rstrip()) if line > 0 else None
            if usual is None:
                end = data.find(self._usual.ends, at, line if line > 0 else at + _ENOUGH)
                usual = self._as_usual(raw := data[at : end + len(self._usual.ends)])
            if usual is None:
                break
            found.append(Found(self._base + at, raw, self._page, "", usual))
            at += len(raw)
            while data.startswith(_BETWEEN, at):
                at += 1
        walked, self._at = data[self._at : at], at
        if has_keys_once(walked, [one.usual for one in found]):
            return found
        return [one if has_keys_once(one.raw, one.usual) else replace(one, usual=None) for one in found]

    def _as_usual(self, raw: bytes) -> Any:
        try:
            return self._usual.read(raw)
        except UNREADABLE:
            return None

    def _list(self) -> bool:
        """Step into or out of a list or a page."""
        if opens := self._opens.match(self._data, self._at):
            self._page = opens[1].decode()
            self._at = opens.end()
            return True
        if self._data.startswith((b"[", b"]"), self._at):
            closes = self._closes.match(self._data, self._at) if self._page else None
            if self._data.startswith(b"]", self._at):
                self._page = ""
            self._at = closes.end() if closes else self._at + 1
            return True
        return False

    def _object(self) -> Iterator[Found]:
        end = self._line()
        if end > 0:
            yield self._take(end)
        elif self._in_vain > _PATIENCE:
            yield from self._stranger()
        else:
            yield from self._scanned()

    def _line(self) -> int:
        """Find the end of an object that is a line by itself, the ordinary case; 0 where it is not."""
        end = self._data.find(b"\n", self._at)
        line = (self._data[self._at : end] if end >= 0 else self._data[self._at :]).rstrip()
        if not line.endswith(b"}") or len(line) > self._largest:
            return 0
        try:
            msgspec.json.decode(line, type=msgspec.Raw)
        except UNREADABLE:
            return 0
        return self._at + len(line)

    def _scanned(self) -> Iterator[Found]:
        """Find the end of an object by counting braces outside of strings."""
        depth, done, problem = 0, 0, ""
        while True:
            token = None
            for token in _TOKEN.finditer(self._data, self._at + done):
                if token[1] == b"":
                    break
                done = token.end() - self._at
                depth += {b"{": 1, b"}": -1}.get(token[0], 0)
                if not depth:
                    yield self._take(self._at + done, problem)
                    return
            if token is not None and token[1] == b"" and token.end() < len(self._data):
                break
            if len(self._data) - self._at >= self._largest:
                problem = "event-too-large"
                yield self._take(self._at + done if done else len(self._data), problem)
                done = 0
            if not self._grow():
                break
        self._in_vain += done
        yield from self._stranger("truncated" if self._ended else "not-a-record")

    def _stranger(self, problem: str = "not-a-record") -> Iterator[Found]:
        """Hand on what is no object, up to the next line that may begin one."""
        while True:
            found = _END_OF_LINE.search(self._data, self._at + 1)
            if found or len(self._data) - self._at >= self._largest or not self._grow():
                break
        end = found.end() if found else len(self._data)
        if end > self._at:
            yield self._take(end, "not-a-record" if found else problem)

    def _take(self, end: int, problem: str = "") -> Found:
        found = Found(self._base + self._at, self._data[self._at : end], self._page, problem)
        self._at = end
        return found

    def _grow(self) -> bool:
        """Read on; what was walked through is let go."""
        if not self._ended:
            block = self._stream.read(_MORE)
            self._ended = not block
            self._data = self._data[self._at :] + block
            self._base += self._at
            self._at = 0
        return not self._ended
