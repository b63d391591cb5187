"""A mail without its files, as it crosses to another process, and the walk that finds both."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from itertools import pairwise
from typing import BinaryIO

import msgspec

from include.commsarchive.errors import Quarantine
from include.commsarchive.sources.blocks import Blocks
from include.commsarchive.sources.mime_parts import Part, parts_of

ORIGINAL = "original.eml"
CARRIED = f"carried/{ORIGINAL}"
"""The mail in a journal report, as it came: for who does not care how it came."""
_JOURNAL = "x-ms-journal-report"
_HINT = re.compile(
    r"\s*(?:This is a (?:multi-?part|cryptographically signed) message.*\s*)?\Z", re.IGNORECASE
)
"""What mail programs write between parts, for old ones."""
_DEEPEST = 3
"""Journal reports in journal reports."""


class Letter(msgspec.Struct):
    """What a mail says.

    Header values are unfolded, encoded words as they are; ``files`` are (member, name, type); ``carried``
    is the mail that a journal report is about.
    """

    place: str
    header: list[tuple[str, str]] = msgspec.field(default_factory=list)
    plain: str = ""
    html: str = ""
    stray: str = ""
    files: list[tuple[str, str, str]] = msgspec.field(default_factory=list)
    carried: Letter | None = None

    def values(self, name: str) -> list[str]:
        """Give all fields of a name, without regard to case."""
        return [value for field, value in self.header if field.lower() == name]

    def value(self, name: str) -> str:
        """Give the first field of a name, or ``""``."""
        return next(iter(self.values(name)), "")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a mail, the number of journal reports around it, and its name among the bundle's members."""

    part: Part
    depth: int
    member: str


def walk(place: str, stream: BinaryIO, depth: int = 0) -> Iterator[Piece]:
    """Walk the parts of a mail, and those of the mail that a journal report carries."""
    journal = False
    for number, part in enumerate(parts_of(stream)):
        if part.is_top and part.header is not None and depth < _DEEPEST:
            journal = any(name.lower() == _JOURNAL for name in part.header.keys())  # noqa: SIM118 - it is no dict
        member = f"{place}/{number}/{part.name or 'attachment'}"
        if journal and part.media_type == "message/rfc822":
            carried = io.BufferedReader(Blocks(part.content()))
            yield from walk(f"{place}/{number}", carried, depth + 1)
        else:
            yield Piece(part, depth, member)


def read_letter(place: str, stream: BinaryIO, largest: int) -> Letter:
    """Read a mail, all but its files.

    Raises:
        Quarantine: ``message-too-large``: what was written takes more than ``largest`` bytes.
    """
    letters = [Letter(place)]
    for piece in walk(place, stream):
        while piece.depth >= len(letters):
            letters.append(Letter(place))
        letter, part = letters[piece.depth], piece.part
        if part.is_top and part.header is not None:
            letter.header = _fields(part.header)
        if part.is_file:
            letter.files.append((piece.member, part.name, part.media_type))
            continue
        content = bytearray()
        for block in part.content():
            content += block
            largest -= len(block)
            if largest < 0:
                raise Quarantine(
                    "message-too-large",
                    "what was written is larger than items.max_bytes; raise it, then replay",
                )
        _add(letter, part, part.text(bytes(content)))
    for outer, inner in pairwise(letters):
        outer.carried = inner
    return letters[0]


def carried_in(place: str, stream: BinaryIO) -> Iterator[tuple[str, BinaryIO]]:
    """Give the mail that a journal report is about, as it came: member name and bytes; nothing of another."""
    parts = parts_of(stream)
    top = next(parts)
    if top.header is None or _JOURNAL not in {name.lower() for name in top.header.keys()}:  # noqa: SIM118 - it is no dict
        return
    for part in parts:
        if part.media_type == "message/rfc822":
            yield f"{place}/{CARRIED}", io.BufferedReader(Blocks(part.content()))
            return


def files_in(place: str, stream: BinaryIO) -> Iterator[tuple[str, BinaryIO]]:
    """Walk the files of a mail: member name and decoded bytes, to be read before the next."""
    for piece in walk(place, stream):
        if piece.part.is_file:
            yield piece.member, io.BufferedReader(Blocks(piece.part.content()))


def _add(letter: Letter, part: Part, text: str) -> None:
    if part.is_between:
        letter.stray += "" if _HINT.match(text) else text
    elif part.media_type == "text/html":
        letter.html += text
    else:
        letter.plain += text


def _fields(header: Message) -> list[tuple[str, str]]:
    return [(name, legible(value)) for name, value in header.raw_items()]


def legible(value: object) -> str:
    """Unfold a field; bytes beyond ASCII are UTF-8, or else Windows' letters."""
    raw = str(value).encode("utf-8", "surrogateescape")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    return " ".join(text.split())
