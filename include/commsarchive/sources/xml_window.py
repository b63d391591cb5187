"""The stretch of an XML file that is in memory, and where things end in it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import BinaryIO

from include.commsarchive.errors import Quarantine
from include.commsarchive.sources.xml_encoding import Utf8Stream

BLOCK = 4 * 1024 * 1024
"""Bytes read at a time."""
_HEAD = 64 * 1024
_USUAL_SECTION = 4096
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_DTD = re.compile(rb"[^<]*(?:<\?[^<]*)*<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


class Window:
    """``data`` is UTF-8 and begins at offset ``base`` of the clear text; it grows and is let go."""

    def __init__(self, name: str, stream: BinaryIO) -> None:
        """Start at the beginning of a file.

        Raises:
            Quarantine: the file is empty, has a document type, or an encoding that is not read.
        """
        self.name = name
        self.data = b""
        self.base = 0
        self.ended = False
        self._in_vain: dict[bytes, tuple[int, int]] = {}
        self._stream = Utf8Stream(name, stream)
        while len(self.data) < _HEAD and self.grow():
            pass
        head = self.head()
        if not head.strip():
            raise Quarantine("empty-file", f"{name}: the file is empty. Ask the vendor to send it again")
        if _DTD.match(head):
            raise Quarantine(
                "document-type",
                f"{name}: defines a document type or entities, which are never read. "
                "Ask the vendor for the export without them",
            )

    def head(self) -> bytes:
        """The file's first bytes, without comments."""
        return _COMMENT.sub(b"", self.data[:_HEAD])

    def grow(self) -> bool:
        """Read on; False when there is no more."""
        if not self.ended:
            block = self._stream.read(BLOCK)
            self.ended = not block
            self.data += block
        return not self.ended

    def drop(self, before: int) -> None:
        """Let go of everything before this position, which becomes 0."""
        self.data = self.data[before:]
        self.base += before

    def place(self, at: int) -> str:
        """Say where a position is, for people."""
        return f"{self.name}, byte {self.base + at:,}"

    def end_of(self, element: bytes, at: int) -> int:
        """Find the end of an element whose content begins at ``at``; -1 when it is not in memory.

        End tags in comments and CDATA do not count. An element of the same name inside is not
        looked for: no format of ours has one.
        """
        close = end_tag(element)
        found = close.search(self.data, at)
        if found and self._outside(at, found.start()):
            return found.end()
        while found and (mark := self.data.find(b"<!", at, found.start())) >= 0:
            cdata = self.data.startswith(b"<![CDATA[", mark)
            end = self.data.find(b"]]>", mark, mark + _USUAL_SECTION) if cdata else -1
            at = end + 3 if end >= 0 else self.section_end(mark)
            if at < 0:
                return -1
            if at > found.start():
                found = close.search(self.data, at)
        return found.end() if found else -1

    def _outside(self, at: int, end: int) -> bool:
        """Say whether a position is surely in no comment or CDATA that begins after ``at``."""
        data = self.data
        if data.find(b"!", at, end) < 0:  # much faster than to look for two
            return True
        mark = data.rfind(b"<![CDATA[", at, end)
        return data.find(b"<!--", at, end) < 0 and (mark < 0 or data.find(b"]]>", mark, end) >= 0)

    def section_end(self, at: int) -> int:
        """Find the end of the comment, CDATA or instruction at ``at``; -1 when it is not in memory.

        What is none of them, or is never ended, is taken for text.
        """
        for start, end in ((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>")):
            if self.data.startswith(start, at):
                found = self._find(end, at + len(start))
                if found >= 0:
                    return found + len(end)
                return at + len(start) if self.ended else -1
        return at + 2

    def _find(self, end: bytes, at: int) -> int:
        """Find an end that may not exist; what was searched in vain is not searched again."""
        start, stop = self._in_vain.get(end, (0, 0))
        if not start <= self.base + at <= stop:
            start = stop = self.base + at
        found = self.data.find(end, max(at, stop - self.base))
        if found < 0:
            self._in_vain[end] = (start, self.base + max(at, len(self.data) - len(end) + 1))
        return found


@lru_cache
def end_tag(element: bytes) -> re.Pattern[bytes]:
    """Compile what an element's end tag looks like, its name spelled as it was opened."""
    return re.compile(rb"</" + re.escape(element) + rb"\s*>")
