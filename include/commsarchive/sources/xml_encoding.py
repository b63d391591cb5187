"""A byte stream as UTF-8, whatever encoding its mark or XML declaration states."""

from __future__ import annotations

import codecs
import re
from typing import BinaryIO

from include.commsarchive.errors import Quarantine

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UNMARKED = ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
_DECLARED = re.compile(rb"""\s*<\?xml\s[^>]*?encoding\s*=\s*["']([\w.:-]+)["']""")
_AS_IT_IS = frozenset({"utf-8", "utf-8-sig", "ascii", "utf-16", "utf-16-le", "utf-16-be"})
"""What a file of single-byte letters may declare and be UTF-8: gateways transcode and leave the word."""
_TRANSCODED = frozenset({"utf-16-le", "utf-16-be", "iso8859-1", "iso8859-15", "cp1252"})
_HEAD = 1024


class Utf8Stream:
    """Reads an XML file as UTF-8 without byte-order mark.

    What the stated encoding cannot hold comes out as bytes that are not UTF-8: nothing is replaced
    or lost here, and the record that holds them is recognised as malformed.
    """

    def __init__(self, name: str, stream: BinaryIO) -> None:
        """Look at the file's first bytes.

        Raises:
            Quarantine: the file states an encoding that we do not read.
        """
        head = stream.read(_HEAD)
        encoding, mark = _encoding(name, head)
        self._head = head[mark:]
        self._stream = stream
        self._errors = "surrogatepass" if encoding.startswith("utf") else "surrogateescape"
        self._decoder = (
            None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)(errors=self._errors)
        )

    def read(self, size: int) -> bytes:
        """Read about ``size`` bytes; ``b""`` only at the end."""
        while True:
            block = self._head or self._stream.read(size)
            self._head = b""
            if self._decoder is None:
                return block
            text = self._decoder.decode(block)
            if text:
                return text.encode("utf-8", self._errors)
            if not block:
                half_a_letter, _ = self._decoder.getstate()
                self._decoder.reset()
                return b"\xff" * len(half_a_letter)


def _encoding(name: str, head: bytes) -> tuple[str, int]:
    """Name the encoding as Python does and give the length of the byte-order mark."""
    encoding, mark = _marked(head)
    if not encoding:
        declared = _DECLARED.match(head)
        encoding = _python_name(declared[1].decode("ascii", "replace")) if declared else "utf-8"
        encoding = "utf-8" if encoding in _AS_IT_IS else encoding
    if encoding != "utf-8" and encoding not in _TRANSCODED:
        raise Quarantine(
            "unknown-encoding",
            f"{name}: states the encoding `{encoding[:40]}`, which is not read. "
            "Ask the vendor for UTF-8, UTF-16, ISO-8859-1 or Windows-1252",
        )
    return encoding, mark


def _marked(head: bytes) -> tuple[str, int]:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    for start, encoding in _UNMARKED:
        if head.startswith(start):
            return encoding, 0
    return "", 0


def _python_name(stated: str) -> str:
    try:
        return codecs.lookup(stated).name
    except LookupError:
        return stated
