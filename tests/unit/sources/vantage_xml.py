"""Vantage exports for tests, and whatever became of them."""

from __future__ import annotations

import io
from collections.abc import Mapping

from include.commsarchive.model import Item, Refused
from include.commsarchive.sources.base import Chunk, Options, Source, Stored

START = 1_710_360_300_000


def message(login: str, number: int, text: str) -> str:
    return (
        f"<Message><MessageId>m{number}</MessageId><LoginName>{login}</LoginName>"
        f"<DateTimeUTC>{START + number * 1000}</DateTimeUTC><Content>{text}</Content></Message>\n"
    )


def joined(login: str) -> str:
    return (
        f"<ParticipantEntered><LoginName>{login}</LoginName><DateTimeUTC>{START}</DateTimeUTC>"
        f"<CorporateEmailID>{login}@quill.example</CorporateEmailID></ParticipantEntered>\n"
    )


def conversation(room: str, *events: str) -> str:
    return f'<Conversation Perspective="P"><RoomID>{room}</RoomID>\n{"".join(events)}</Conversation>\n'


def export(*conversations: str) -> bytes:
    return f"<FileDump>\n{''.join(conversations)}</FileDump>\n".encode()


def read(
    source: Source, raw: bytes, options: Options, stored: Mapping[str, Stored] | None = None, name: str = "x"
) -> tuple[list[Item], list[Refused]]:
    """Read an export whole."""
    items: list[Item] = []
    refused: list[Refused] = []
    for chunk in source.chunks(name, io.BytesIO(raw), options):
        results = source.parse(chunk, stored or {}, options) if isinstance(chunk, Chunk) else [chunk]
        for one in results:
            if isinstance(one, Refused):
                refused.append(one)
            else:
                items.append(one)
    return items, refused
