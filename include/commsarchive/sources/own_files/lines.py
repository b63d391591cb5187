"""Lines of text in any encoding, with flat memory. Bytes that the encoding has not are kept apart."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from typing import BinaryIO

from include.commsarchive.errors import Quarantine

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
BLOCK = 256 * 1024
_UNREADABLE = re.compile("([\ud800-\udfff]+)")
_HANDLER = "commsarchive.unreadable"


def _keep_apart(error: UnicodeError) -> tuple[str, int]:
    """Stand a lone surrogate for each byte that cannot be decoded."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_HANDLER, _keep_apart)


class Lines:
    """Numbers and gives lines, with their line ends; ``largest`` is the most letters of one.

    What comes of a longer line is pieces, of which all but the last have no line end.
    """

    def __init__(self, name: str, stream: BinaryIO, stated: str, largest: int) -> None:
        """Begin at the beginning; ``stated`` is an encoding, or ``""``: by the byte-order mark, or UTF-8.

        Raises:
            Quarantine: the file is empty.
        """
        head = stream.read(BLOCK)
        if not head:
            raise Quarantine("empty-file", f"{name}: the file is empty. Ask for it again")
        marked = next((one for one in _MARKS if head.startswith(one[0])), None)
        mark, self._encoding = marked or (b"", _unmarked(stated or "utf-8"))
        self._head = head[len(mark) :]
        self._stream = stream
        self._largest = largest

    def __iter__(self) -> Iterator[tuple[int, str]]:
        """Walk, numbering from 1."""
        number = 1
        for lines in self._blocks():
            yield from enumerate(lines, number)
            number += len(lines) - (not lines[-1].endswith(("\n", "\r")))

    def raw(self, text: str) -> bytes:
        """Give the bytes that a text was read from."""
        return b"".join(
            bytes(ord(letter) & 0xFF for letter in piece) if odd % 2 else piece.encode(self._encoding)
            for odd, piece in enumerate(_UNREADABLE.split(text))
        )

    def _blocks(self) -> Iterator[list[str]]:
        """Give lines, many at a time; only the last of them can be without a line end."""
        decoder = codecs.getincrementaldecoder(self._encoding)(_HANDLER)
        block, left = self._head, ""
        while block:
            text = decoder.decode(block)
            block = self._stream.read(BLOCK)
            if not block:
                text += decoder.decode(b"", final=True)
            ended = "\n" in text or "\r" in text or left.endswith("\r")
            left += text
            if ended:
                lines = io.StringIO(left, newline="").readlines()
                left = lines.pop() if block and not left.endswith("\n") else ""  # perhaps half a line end
                yield from self._whole(lines)
            while len(left) > self._largest:
                yield [left[: self._largest]]
                left = left[self._largest :]
        if left:
            yield [left]

    def _whole(self, lines: list[str]) -> Iterator[list[str]]:
        if lines and max(map(len, lines)) <= self._largest:
            yield lines
            return
        for line in lines:
            yield from ([line[at : at + self._largest]] for at in range(0, len(line), self._largest))


def _unmarked(encoding: str) -> str:
    """Name an encoding whose mark was not there."""
    name = codecs.lookup(encoding).name
    return f"{name}-le" if name in {"utf-16", "utf-32"} else name


def is_readable(text: str) -> bool:
    """Say whether a text holds nothing that its encoding has not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
