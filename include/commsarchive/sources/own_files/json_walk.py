"""Walks a JSON file to a list and through it, with flat memory: nothing but one element is held."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO

from include.commsarchive.errors import Quarantine

BLOCK = 1024 * 1024
_SPACE = re.compile(rb"[ \t\r\n]*")
_MARK = re.compile(rb'[{}\[\]"]')
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_SCALAR = re.compile(rb"[^\s,\]}{\[\"]+")

Element = tuple[int, bytes, str]
"""Offset, bytes, and a reason slug where they are no whole element."""


class _Broken(Exception):
    """What comes is no JSON."""


class JsonWalk:
    """Walks one file, which may hold several values one after the other."""

    def __init__(self, name: str, stream: BinaryIO, largest: int) -> None:
        """Start at the beginning; an element beyond ``largest`` bytes comes in pieces, as a problem.

        Raises:
            Quarantine: the file is empty, or not UTF-8.
        """
        self._stream = stream
        self._largest = largest
        self._data = stream.read(BLOCK)
        self._base = self._at = 0
        self._met = False
        self._passed: int | None = None
        """Where began what was passed over since an element was found: to hand on if all breaks off."""
        if not self._data.strip():
            raise Quarantine("empty-file", f"{name}: the file is empty. Ask for it again")
        if self._data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in self._data[:2]:
            raise Quarantine("unknown-encoding", f"{name}: is not UTF-8, as JSON is. Ask for that")
        if self._data.startswith(codecs.BOM_UTF8):
            self._at = len(codecs.BOM_UTF8)

    def elements(self, path: tuple[str, ...]) -> Iterator[Element]:
        """Walk, in order. What cannot be walked is handed on to the end, as a problem.

        So is a value in which the path leads nowhere, as far as it is still in memory.
        """
        try:
            while first := self._peek():
                self._met, self._passed = False, self._base + self._at
                start = self._passed
                yield from self._descend(path if first in {b"{", b"["} else ())
                if not self._met:
                    yield start, self._data[max(0, start - self._base) : self._at], "wrong-columns"
        except _Broken:
            if self._passed is not None:
                self._at = max(0, self._passed - self._base)
            while self._at < len(self._data) or self._grow():
                yield self._take(len(self._data), "malformed")

    def _descend(self, path: tuple[str, ...]) -> Iterator[Element]:
        first = self._peek()
        if not path:
            self._met, self._passed = True, None
        if first == b"[":
            for _ in self._items(b"]"):
                yield from self._descend(path) if path else self._value(keep=True)
        elif first == b"{" and path:
            for _ in self._items(b"}"):
                begun = self._base + self._at
                if self._key() == path[0]:
                    yield from self._descend(path[1:])
                else:
                    self._passed = begun if self._passed is None else self._passed
                    yield from self._value(keep=False)
        else:
            yield from self._value(keep=not path)

    def _items(self, end: bytes) -> Iterator[None]:
        """Stop at each item of a list or object; its end is passed over."""
        self._at += 1
        while (next_one := self._peek()) != end:
            if not next_one:
                raise _Broken
            yield
            if self._peek() == b",":
                self._at += 1
            elif self._peek() != end:
                raise _Broken
        self._at += 1

    def _key(self) -> str:
        while not (key := _STRING.match(self._data, self._at)):
            if self._peek() != b'"' or len(self._data) - self._at > self._largest or not self._grow():
                raise _Broken
        self._at = key.end()
        if self._peek() != b":":
            raise _Broken
        self._at += 1
        return key[0][1:-1].decode("utf-8", "replace")

    def _value(self, *, keep: bool) -> Iterator[Element]:
        """Pass over a value, and give it if it is to be kept."""
        first = self._peek()
        if first in {b"{", b"["} or first == b'"':
            yield from self._structure(keep=keep)
            return
        while (
            (found := _SCALAR.match(self._data, self._at)) and found.end() == len(self._data) and self._grow()
        ):
            pass
        if not found:
            raise _Broken
        taken = self._take(found.end())
        if keep:
            yield taken

    def _structure(self, *, keep: bool) -> Iterator[Element]:
        """Find the end of a structure, or text, by counting brackets outside of strings."""
        depth, done, problem = 0, 0, ""
        while True:
            mark = _MARK.search(self._data, self._at + done)
            end = mark.end() if mark else len(self._data)
            if mark and mark[0] == b'"':
                text = _STRING.match(self._data, mark.start())
                mark, end = (mark, text.end()) if text else (None, mark.start())
            if mark:
                depth += {b"{": 1, b"[": 1, b"}": -1, b"]": -1}.get(mark[0], 0)
            done = end - self._at
            if mark and depth <= 0:
                taken = self._take(end, problem)
                if keep:
                    yield taken
                return
            if done >= self._largest:
                problem, taken = "record-too-large", self._take(self._at + done, "record-too-large")
                done = 0
                if keep:
                    yield taken
            elif not mark and (len(self._data) - self._at - done > self._largest or not self._grow()):
                raise _Broken

    def _peek(self) -> bytes:
        """Look at the next letter that is no space; ``b""`` at the end."""
        while True:
            space = _SPACE.match(self._data, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._data) or not self._grow():
                return self._data[self._at : self._at + 1]

    def _take(self, end: int, problem: str = "") -> Element:
        taken = (self._base + self._at, self._data[self._at : end], problem)
        self._at = end
        return taken

    def _grow(self) -> bool:
        """Read on; what was walked through is let go."""
        block = self._stream.read(BLOCK)
        if block:
            self._data = self._data[self._at :] + block
            self._base += self._at
            self._at = 0
        return bool(block)
