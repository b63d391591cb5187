"""A mail that is larger than a message may be: the rest of it goes into further messages of the folder.

The first message has the bodies, all files that fit, and for each other file a note of the same name that
says where its bytes are and how to put them together. Nothing is left out.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from include.commsarchive.mailbox.graph.letter import BODY_HEADER, blocks
from include.commsarchive.model import Mail, MailPart

BODY_FILE = "commsarchive-conversation.html"
"""The file that holds a body that is too large for a message's own."""

_MOVED_BODY = (
    "What was said is too long for the body of a message. It is in the attached file "
    f"{BODY_FILE}, complete and unchanged.\n"
)
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some bytes of a file; ``number`` counts its pieces from 1, 0 is the whole file."""

    part: MailPart
    start: int
    size: int
    number: int

    def as_part(self) -> MailPart:
        if not self.number:
            return self.part
        opened = self.part.open
        start, size = self.start, self.size
        return MailPart(
            f"{self.part.name}.{self.number:03d}",
            "application/octet-stream",
            size,
            lambda: io.BufferedReader(_Section(opened(), start, size)),
        )


def with_body_attached(mail: Mail) -> Mail:
    """Move a mail's body into its first attachment, and say so in a header."""
    content = (mail.html or mail.text).encode("utf-8", "replace")
    name = BODY_FILE if mail.html else BODY_FILE.replace(".html", ".txt")
    media_type = "text/html" if mail.html else "text/plain"
    part = MailPart(name, media_type, len(content), lambda: io.BytesIO(content))
    return replace(
        mail,
        headers=(*mail.headers, (BODY_HEADER, name)),
        html="",
        text=_MOVED_BODY,
        attachments=(part, *mail.attachments),
    )


def split(mail: Mail, room: int) -> list[Mail]:
    """Spread a mail's files over messages with so many bytes of files in each; first comes the mail itself.

    Notes on files are small and not counted.

    Raises:
        Retriable: a file cannot be read from staging.
    """
    left = room
    beyond: list[MailPart] = []
    for part in mail.attachments:
        if part.size <= left:
            left -= part.size
        else:
            beyond.append(part)
    if not beyond:
        return [mail]
    sheets = list(_sheets(beyond, room))
    ids = [_id(mail, number) for number in range(2, len(sheets) + 2)]
    notes = {id(part): _note(part, sheets, ids) for part in beyond}
    first = replace(mail, attachments=tuple([notes.get(id(part), part) for part in mail.attachments]))
    total = len(sheets) + 1
    return [
        first,
        *(
            replace(
                mail,
                message_id=ids[number - 2],
                subject=f"{mail.subject} [files, message {number} of {total}]",
                references=(*mail.references, mail.message_id),
                text=f"Further files of the message <{mail.message_id}>, which says what they are.\n",
                html="",
                attachments=tuple([piece.as_part() for piece in sheet]),
            )
            for number, sheet in enumerate(sheets, 2)
        ),
    ]


def _sheets(parts: Sequence[MailPart], room: int) -> Iterator[list[_Piece]]:
    sheet: list[_Piece] = []
    left = room
    for piece in (piece for part in parts for piece in _pieces(part, room)):
        if piece.size > left:
            yield sheet
            sheet, left = [], room
        sheet.append(piece)
        left -= piece.size
    yield sheet


def _pieces(part: MailPart, room: int) -> Iterator[_Piece]:
    if part.size <= room:
        yield _Piece(part, 0, part.size, 0)
        return
    for number, start in enumerate(range(0, part.size, room), 1):
        yield _Piece(part, start, min(room, part.size - start), number)


def _note(part: MailPart, sheets: Sequence[Sequence[_Piece]], ids: Sequence[str]) -> MailPart:
    """Say where a file is and how to tell that it is whole."""
    lines = [
        f"{piece.as_part().name}  {piece.size} bytes  in message <{identifier}>"
        for sheet, identifier in zip(sheets, ids, strict=True)
        for piece in sheet
        if piece.part is part
    ]
    joined = (
        "To put it together, join the parts in the order of their numbers (Windows: copy /b, elsewhere: cat)."
        if len(lines) > 1
        else ""
    )
    text = "\n".join(
        [
            "This file does not fit into this message. It is in further messages of the same folder:",
            "",
            *lines,
            "",
            *([joined] if joined else []),
            f"Size: {part.size} bytes. SHA-256: {_sha256(part)}",
            "",
        ]
    )
    content = text.encode("utf-8", "replace")
    return MailPart(f"{part.name}.where.txt", "text/plain", len(content), lambda: io.BytesIO(content))


def _sha256(part: MailPart) -> str:
    content = hashlib.sha256()
    for block in blocks(part, _BLOCK):
        content.update(block)
    return content.hexdigest()


def _id(mail: Mail, number: int) -> str:
    local, _, domain = mail.message_id.partition("@")
    return f"{local}.{number}@{domain}"


class _Section(io.RawIOBase):
    """Some bytes of a stream."""

    def __init__(self, stream: BinaryIO, start: int, size: int) -> None:
        super().__init__()
        self._stream = stream
        self._left = size
        stream.seek(start)

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read the next bytes."""
        block = self._stream.read(min(len(buffer), self._left))
        buffer[: len(block)] = block
        self._left -= len(block)
        return len(block)

    def close(self) -> None:
        """Close the stream, too."""
        self._stream.close()
        super().close()
