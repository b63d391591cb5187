"""The EML flavour of a content export: one mail for each active conversation of the window.

What Symphony writes into it is not published; it is said to have no subject and neither threads nor rooms
created or joined (financial formats, section 5.1). So the body is kept as one thing said, as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import BinaryIO

import msgspec

from include.commsarchive.errors import Quarantine
from include.commsarchive.ids import digest
from include.commsarchive.model import Attachment, Event, Item, Kind, Person, Refused
from include.commsarchive.sources.base import Chunk, Options, Stored
from include.commsarchive.sources.instant_bloomberg.files import Files
from include.commsarchive.sources.json_records import BLOCK
from include.commsarchive.sources.mime_parts import Part, addresses, decoded, parts_of
from include.commsarchive.sources.symphony.messageml import text_of

READER = "mails"
_PEOPLE = ("From", "To", "Cc", "Bcc")
_KNOWN = frozenset({*map(str.lower, _PEOPLE), "subject", "mime-version"})
_DATE = re.compile(
    r"(?:[A-Za-z]{3}, *)?[0-9]{1,2} [A-Za-z]{3} [0-9]{4} [0-9:]{5,8}(?: [-+0-9A-Z]{1,5})?(?: \([A-Za-z]+\))?"
)
_UNSEEN = re.compile(r"<(style|script|head|title)\b[^<>]*>.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_HEADER = re.compile(rb"(?:[!-9;-~]+[ \t]*:|From )")
_ADDRESS = re.compile(r"[\w.+'-]+@[\w.-]+")
_CONTENT = re.compile(r"content-[\w-]+", re.ASCII)
_NOBODY = re.compile(r"(?:[^@:]*:)?[\s;,]*")
"""Nothing, or a group without members: ``undisclosed-recipients:;``."""
_ON_THE_WIRE = frozenset(
    {
        *("content-type", "content-transfer-encoding", "content-disposition", "content-id"),
        *("content-location", "content-length", "content-md5", "mime-version", "x-attachment-id"),
    }
)
_NAMED = 3


class Letter(msgspec.Struct):
    """A mail without its files, as it crosses to another process. ``files`` are member, name and type."""

    place: str
    header: list[tuple[str, str]]
    plain: str = ""
    html: str = ""
    stray: str = ""
    files: list[tuple[str, str, str]] = msgspec.field(default_factory=list)


def is_mail(head: bytes) -> bool:
    """Say whether this may be the head of a mail: a field, and soon one of those that every mail has."""
    head = head.lstrip(b"\r\n")
    return bool(_HEADER.match(head) and re.search(rb"(?im)^(?:From|Date|To|MIME-Version):", head))


def chunk_of(name: str, stream: BinaryIO, options: Options) -> Chunk | Refused:
    """Read a mail, all but its files."""
    letter, left = Letter(name, []), options.max_bytes
    for number, part in enumerate(parts_of(stream)):
        if part.is_top and part.header is not None:
            letter.header = [(key, decoded(value)) for key, value in part.header.items()]
        elif part.header is not None:
            letter.stray += "".join(
                f"{key}: {decoded(value)}\n" for key, value in part.header.items() if _is_odd(key)
            )
        if part.is_file:
            letter.files.append((member_of(name, number, part), part.name, part.media_type))
            continue
        content = bytearray()
        for block in part.content():
            content += block
            left -= len(block)
            if left < 0:
                why = "a mail larger than items.max_bytes; raise it and replay"
                return Refused("event-too-large", name, why, bytes(content))
        text = part.text(bytes(content))
        if part.is_between:
            letter.stray += text if text.strip() else ""
        elif part.media_type == "text/html":
            letter.html += text
        else:
            letter.plain += text
    return Chunk(name, 0, msgspec.json.encode(letter), {"reader": READER})


def gathered(found: Iterator[Chunk | Refused]) -> Iterator[Chunk | Refused]:
    """Put many small chunks of mails together, so that each makes no file of its own."""
    waiting: list[bytes] = []
    place = ""
    for one in found:
        if isinstance(one, Chunk) and one.context.get("reader") == READER:
            place = place or one.place
            waiting.append(one.raw)
        if waiting and (not isinstance(one, Chunk) or sum(map(len, waiting)) >= BLOCK):
            yield _together(place, waiting)
            waiting, place = [], ""
        if not isinstance(one, Chunk) or one.context.get("reader") != READER:
            yield one
    if waiting:
        yield _together(place, waiting)


def _together(place: str, waiting: list[bytes]) -> Chunk:
    starts, at = [], 0
    for raw in waiting:
        starts.append(at)
        at += len(raw)
    return Chunk(place, 0, b"".join(waiting), {"reader": READER}, starts=tuple(starts))


def member_of(mail: str, number: int, part: Part) -> str:
    """Name a file of a mail among the members of its bundle."""
    return f"{mail.rpartition(': ')[2]}/{number}/{part.name or 'attachment'}"


def files_of(name: str, stream: BinaryIO) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Walk the files of a mail: member name and decoded bytes, to be read before the next."""
    for number, part in enumerate(parts_of(stream)):
        if part.is_file:
            yield member_of(name, number, part), part.content()


def _is_odd(field: str) -> bool:
    """Tell a field that says nothing of how a part travels."""
    return field.lower() not in _ON_THE_WIRE


def read_letter(raw: bytes, attachments: Mapping[str, Stored], options: Options) -> Item:
    """Make an item of a mail.

    Raises:
        Quarantine: ``missing-from`` or ``missing-date``.
    """
    letter = msgspec.json.decode(raw, type=Letter)
    groups = [_people(letter, name) for name in _PEOPLE]
    people = {person.key: person for group in groups for person in group}
    if not groups[0]:
        raise Quarantine("missing-from", f"{letter.place}: no sender is named")
    at = _date(letter)
    if at is None:
        raise Quarantine("missing-date", f"{letter.place}: no Date that can be read")
    sender, *more = groups[0]
    to = tuple(people[person.key] for person in (*more, *groups[1]))
    body = text_of(_UNSEEN.sub(" ", letter.html)).strip() if letter.html else ""
    said = max(letter.plain.replace("\r\n", "\n").strip("\n"), body, key=len)
    events = [Event(Kind.MESSAGE, at, sender, said, residue=letter.stray.strip())]
    events += [Event(Kind.FILE, at, sender, attachment=_file(*file, attachments)) for file in letter.files]
    native = next((value for name, value in letter.header if name.lower() == "message-id"), "")
    thread = _thread(letter) or native or digest("conversation", *sorted(people))
    return Item(
        source="symphony",
        native_ids=(native,) if native else (digest("mail", *sorted(people), said), str(at)),
        thread=thread,
        subject=_subject(letter, list(people.values())),
        event_class="Message" if options.per == "message" else "Conversation",
        at=at,
        sender=sender,
        to=to or ((sender,) if not groups[2] and not groups[3] else ()),
        cc=tuple(people[person.key] for person in groups[2]),
        bcc=tuple(people[person.key] for person in groups[3]),
        events=events,
        facts=tuple((name, value) for name, value in letter.header if _is_fact(name.lower(), value)),
    )


def _is_fact(field: str, value: str) -> bool:
    """Tell what nothing else of the item says: a date is said, but not what else stands in its field."""
    if field == "date":
        return not _DATE.fullmatch(value)
    return field not in _KNOWN and not _CONTENT.fullmatch(field)


def _people(letter: Letter, field: str) -> list[Person]:
    values = [value for name, value in letter.header if name.lower() == field.lower()]
    found = []
    for name, address in (pair for value in values for pair in _addresses(value)):
        is_mail = "@" in address
        key = f"mail:{address.casefold()}" if is_mail else f"name:{(name or address).casefold()}"
        found.append(Person(key, name or address, "", address if is_mail else "", internal=None))
    return list({person.key: person for person in found}.values())


def _addresses(value: str) -> list[tuple[str, str]]:
    """Read addresses; of a list that is malformed, what looks like an address, or else the text."""
    found = [pair for pair in addresses([value]) if any(pair)]
    if found or _NOBODY.fullmatch(value):
        return found
    return [("", address) for address in _ADDRESS.findall(value)] or [(value, "")]


def _date(letter: Letter) -> int | None:
    stated = next((value for name, value in letter.header if name.lower() == "date"), "")
    try:
        return int(parsedate_to_datetime(stated).timestamp()) * 1000
    except (TypeError, ValueError, OverflowError, IndexError, AttributeError, RecursionError):
        return None


def _thread(letter: Letter) -> str:
    told = {name.lower(): value for name, value in reversed(letter.header)}
    return next(iter((told.get("references") or told.get("in-reply-to") or "").split()), "")


def _subject(letter: Letter, people: list[Person]) -> str:
    stated = next((value for name, value in letter.header if name.lower() == "subject"), "")
    names, more = [person.name for person in people], len(people) - _NAMED
    who = ", ".join(names) if more <= 0 else f"{', '.join(names[: _NAMED - 1])} and {more + 1} others"
    return stated or f"Symphony conversation: {who}"


def _file(member: str, name: str, media_type: str, attachments: Mapping[str, Stored]) -> Attachment:
    stored = attachments.get(member)
    known = Files({}).attachment(name or "attachment", member, None)
    media_type = known.media_type if media_type == "application/octet-stream" else media_type
    if stored is None:
        return replace(known, media_type=media_type)
    return replace(known, media_type=media_type, size=stored.size, blob=stored.blob, problem="")
