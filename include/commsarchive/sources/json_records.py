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

from include.commsarchive.errors import Quarantine
from include.commsarchive.sources.json_keys import has_keys_once

BLOCK = 4 * 1024 * 1024
_ENOUGH = 64 * 1024
_RUN = 64
"""Objects of the usual shape that are looked at together."""
_PATIENCE = 16 * 1024 * 1024
"""Bytes of objects that never end, after which objects are looked for on lines of their own only."""
_STRING = rb'"(?:[^"\\\r\n]|\\.)*+"'
_PLAIN = rb"(?:%b|[-+.\w]+|\{\s*\}|\[\s*\])" % _STRING
_TOKEN = re.compile(rb'[{}]|"(?:[^"\\\r\n]|\\.)*+("?)')
_NOTHING = re.compile(rb"[\s,]+")
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_END_OF_LINE = re.compile(rb"[\r\n]+\s*(?=[\[\]{])")


class Found(NamedTuple):
    """A stretch of the file at ``start``. ``page`` is the key under which its page holds the list, if any.

    ``problem`` is a reason slug where it is no whole object; ``shape`` what the reader of the usual shape
    made of it, None where it is of another, or a key may be there twice.
    """

    start: int
    raw: bytes
    page: str = ""
    problem: str = ""
    shape: Any = None


class JsonRecords:
    """Walks one file. ``pages`` are the keys under which pages hold their lists.

    ``usual`` reads an object of the usual shape and raises for any other, and for pages.
    """

    def __init__(
        self,
        name: str,
        stream: BinaryIO,
        pages: tuple[str, ...],
        largest: int,
        usual: Callable[[bytes], Any],
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
            yield from self._usual_lines()
            if nothing := _NOTHING.match(self._data, self._at):
                self._at = nothing.end()
            elif self._at == len(self._data):
                return
            elif not self._list():
                yield from self._object() if self._data.startswith(b"{", self._at) else self._stranger()

    def _usual_lines(self) -> Iterator[Found]:
        """Hand on lines that hold an object of the usual shape each, up to the first that does not."""
        data, at, run = self._data, self._at, list[Found]()
        while data.startswith(b"{", at) and (end := data.find(b"\n", at) + 1) and len(run) < _RUN:
            line = data[at:end].rstrip()
            try:
                shape = self._usual(line)
            except _UNREADABLE:
                break
            if len(line) > self._largest:
                break
            run.append(Found(self._base + at, line, self._page, "", shape))
            at = end
        once = has_keys_once(data[self._at : at], [one.shape for one in run])
        self._at = at
        for one in run:
            usual = once or has_keys_once(one.raw, one.shape)
            yield one if usual else one._replace(shape=None)

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
        except _UNREADABLE:
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
            block = self._stream.read(BLOCK)
            self._ended = not block
            self._data = self._data[self._at :] + block
            self._base += self._at
            self._at = 0
        return not self._ended
