"""Instant Bloomberg XML for tests, as a vendor's program would write it."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from xml.sax.saxutils import escape

from include.commsarchive.model import Item, Refused
from include.commsarchive.sources.base import Chunk, Options, Stored
from include.commsarchive.sources.instant_bloomberg import InstantBloomberg

START = 1_710_360_300
ROOM = "PCHAT-0x10000AB12CD34"
SOURCE = InstantBloomberg()


def user(login: str, *, own: bool = True, tag: str = "User", more: str = "") -> str:
    ids = "<UUID>7000001</UUID><FirmNumber>55501</FirmNumber>" if own else ""
    address = f"{login.lower()}@quillbrook.example" if own else ""
    return (
        f"<{tag}><LoginName>{login}</LoginName><FirstName>F</FirstName><LastName>{login}</LastName>{ids}{more}"
        f"<CompanyName>QUILL &amp; BROOK</CompanyName><EmailAddress>{login}@bloomberg.net</EmailAddress>"
        f"<CorporateEmailAddress>{address}</CorporateEmailAddress></{tag}>"
    )


def stamp(at: int) -> str:
    return time.strftime("%m/%d/%Y %H:%M:%S", time.gmtime(at))


def times(at: int) -> str:
    return f"<DateTime>{stamp(at)}</DateTime><DateTimeUTC>{at}</DateTimeUTC>"


def message(
    who: str, at: int, text: str, *, attributes: str = ' InteractionType="N"', room: str = ROOM
) -> str:
    return (
        f"<Message{attributes}>{who}{times(at)}<Content>{escape(text)}</Content>"
        f"<ConversationID>{room}</ConversationID></Message>"
    )


def move(who: str, at: int, tag: str = "ParticipantEntered", *, room: str = ROOM) -> str:
    return f"<{tag}>{who}{times(at)}<ConversationID>{room}</ConversationID></{tag}>"


def conversation(*events: str, room: str = ROOM, attributes: str = ' Perspective=" " RoomType="P"') -> str:
    return (
        f"<Conversation{attributes}><RoomID>{room}</RoomID><StartTime>{stamp(START)}</StartTime>"
        f"<StartTimeUTC>{START}</StartTimeUTC>\n" + "\n".join(events) + "</Conversation>\n"
    )


def export(*conversations: str, version: str = "IBXML 1.3") -> bytes:
    return f"<FileDump>\n<Version>{version}</Version>\n{''.join(conversations)}</FileDump>\n".encode()


def chunks(raw: bytes, options: Options | None = None) -> list[Chunk | Refused]:
    return list(SOURCE.chunks("a.xml", io.BytesIO(raw), options or Options()))


def read(
    raw: bytes, options: Options | None = None, attachments: Mapping[str, Stored] | None = None
) -> tuple[list[Item], list[Refused]]:
    """Read an export: its items, and what was refused of it."""
    items, refused = [], []
    for chunk in chunks(raw, options):
        results = (
            [chunk]
            if isinstance(chunk, Refused)
            else SOURCE.parse(chunk, attachments or {}, options or Options())
        )
        for result in results:
            if isinstance(result, Refused):
                refused.append(result)
            else:
                items.append(result)
    return items, refused
