"""The mails of a file, each as a stream of its own: an EML is one, an mbox holds many."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from include.commsarchive.errors import Quarantine

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_POSTMARK = re.compile(
    rb"From \S.{0,200}? \d\d:\d\d(?::\d\d)?(?: +[A-Za-z][\w/+-]*)? +\d{4}"
    rb"(?: +[+-]\d{4}| +[A-Z]+)?(?: remote from \S{1,200})? *(?:\r?\n|\Z)"
)
"""Sender and time of day, year at the end; a line of text that begins with ``From`` has none."""
_QUOTED = re.compile(rb">+From ")
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_EXPECTED = re.compile(rb"(?im)^(?:From|Sender|Date|To|Cc|Subject|Received|Message-ID|MIME-Version)[ \t]*:")
_HEAD = 64 * 1024
_LINE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Letterbox:
    """A mail in a file: where it is, and how to open it, as often as needed."""

    place: str
    open: Callable[[], BinaryIO]


def mails_in(name: str, stream: BinaryIO) -> Iterator[Letterbox]:
    """Find the mails of a file that can be read from any place.

    Raises:
        Quarantine: the file is empty or holds no mail.
    """
    head = stream.read(_HEAD).lstrip(b"\xef\xbb\xbf\r\n")
    if not head.strip():
        raise Quarantine("empty-file", f"{name}: the file is empty. Ask for it again")
    if _POSTMARK.match(head):
        yield from _in_mbox(name, stream)
    elif is_mail(head):
        yield Letterbox(name, lambda: _from_start(stream))
    else:
        raise Quarantine(
            "not-a-mail", f"{name}: this is no mail and no mbox. Mend `collect.files` or the source"
        )


def is_mail(head: bytes) -> bool:
    """Say whether this may be the head of a mail: a field, and one of those that mails have."""
    return bool(_FIELD.match(head) and _EXPECTED.search(head))


def _from_start(stream: BinaryIO) -> BinaryIO:
    stream.seek(0)
    return stream


def _in_mbox(name: str, stream: BinaryIO) -> Iterator[Letterbox]:
    """Walk an mbox: a mail runs from its postmark to the next one, which a blank line precedes."""
    at, number = 0, 0
    while True:
        stream.seek(at)
        line = stream.readline(_LINE)
        while line and not line.strip():
            line = stream.readline(_LINE)
        if not line:
            return
        number, start = number + 1, stream.tell()
        yield Letterbox(f"{name}, mail {number}", lambda start=start: io.BufferedReader(_Mail(stream, start)))  # type: ignore[misc]
        mail = _Mail(stream, start)
        while mail.line():
            pass
        at = mail.end


class _Mail(io.RawIOBase):
    """A mail in an mbox, its quoted ``>From`` lines as they were (mboxrd)."""

    def __init__(self, stream: BinaryIO, start: int) -> None:
        """Begin after the postmark."""
        stream.seek(start)
        self.end = start
        """Where the next postmark stands, when all has been read."""
        self._stream = stream
        self._blank = self._fresh = True
        self._ended = False
        self._left = b""

    def readable(self) -> bool:
        return True

    def line(self) -> bytes:
        """Give the next line, or a piece of a long one; ``b""`` at the end."""
        line = b"" if self._ended else self._stream.readline(_LINE)
        if not line or (self._blank and _POSTMARK.match(line)):
            self._ended = True
            return b""
        self.end += len(line)
        fresh, self._fresh = self._fresh, line.endswith(b"\n")
        self._blank = fresh and not line.strip()
        return line[1:] if fresh and _QUOTED.match(line) else line

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        self._left = self._left or self.line()
        size = min(len(view), len(self._left))
        view[:size], self._left = self._left[:size], self._left[size:]
        return size
