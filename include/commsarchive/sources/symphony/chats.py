"""The records of one conversation as a chat."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache

from include.commsarchive.sources.chat import Chat, Deed
from include.commsarchive.sources.symphony.events import EventReader
from include.commsarchive.sources.symphony.files import Files
from include.commsarchive.sources.symphony.people import Directory, name_of, users_of
from include.commsarchive.sources.symphony.records import Happened, Json, decode, happened, obj, text
from include.commsarchive.sources.symphony.streams import APART, BLAST
from include.commsarchive.sources.symphony.usual import Told, Usual, usual

_KINDS = {
    "IM": "Symphony chat",
    "MIM": "Symphony group chat",
    "ROOM": "Symphony room",
    "POST": "Symphony wall post",
}
_PROPERTIES = ("roomProperties", "newRoomProperties")
_STATED = (
    *(
        ("streamType", "Stream type"),
        ("roomName", "Room"),
        ("external", "External"),
        ("crossPod", "Cross-pod"),
    ),
    ("recipientTenantIds", "Recipient tenants"),
)


def read_chat(raw: bytes, context: Mapping[str, str], files: Files) -> Chat:
    """Read a conversation, or a part of one, from its records; each is known to be one."""
    mended: set[str] = set()
    all_of_it: list[Told] = []
    again = 0
    seen: dict[tuple[str, str, int | None], list[Told]] = {}
    for piece in raw.split(APART)[:-1]:
        one = usual(piece) or _with_care(piece, mended)
        if one is None:
            continue
        alike = seen.setdefault((one.type, one.native_id, one.at), [])
        if alike and any(_same(one.body, other.body) for other in alike):
            again += 1
        else:
            alike.append(one)
            all_of_it.append(one)
    return _chat(all_of_it, context, files, _marks(mended, again))


def _with_care(piece: bytes, mended: set[str]) -> Happened | None:
    record, note = decode(piece.removeprefix(BLAST))
    one = happened(record) if record else None
    if one is not None:
        mended |= {note} if note else set()
        if piece.startswith(BLAST):
            one.left["page"] = "blast: sent to several conversations at once"
    return one


def _same(one: Json, other: Json) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _marks(mended: set[str], again: int) -> list[str]:
    marks = [f"repaired: {'; '.join(sorted(mended))}"] if mended else []
    return marks + ([f"delivered more than once (records: {again})"] if again else [])


def _chat(all_of_it: list[Told], context: Mapping[str, str], files: Files, marks: list[str]) -> Chat:
    known, people = _everybody(context.get("people", "[]"))
    careful = [one for one in all_of_it if isinstance(one, Happened)]
    here = list({id(user): user for one in all_of_it for user in _users(one)}.values())
    room = all_of_it[0].room
    reader = EventReader(people, files, room, all_of_it)
    deeds: list[Deed] = [deed for one in all_of_it for deed in reader.read(one)]
    streams = list({id(one.stream): one.stream for one in all_of_it}.values())
    facts = {label: _stated(streams, key) for key, label in _STATED}
    present = here + (known if "part" in context else [])
    named = [person for user in present if (person := people.person(user))]
    rooms = [text(obj(one.body.get(key)).get("name")) for one in careful for key in _PROPERTIES]
    return Chat(
        "symphony",
        _KINDS.get(facts["Stream type"].upper(), "Symphony conversation"),
        room,
        facts["Room"] or next(filter(None, reversed(rooms)), ""),
        tuple({person.key: person for person in named}.values()),
        deeds,
        [(label, value) for label, value in facts.items() if value],
        marks,
        int(context.get("part", 0)),
    )


@lru_cache(maxsize=2)
def _everybody(people: str) -> tuple[list[Json], Directory]:
    """Read everybody in a chunk, once for all of its conversations."""
    known: list[Json] = json.loads(people)
    return known, Directory({name_of(user): user for user in known})


def _users(one: Told) -> list[Json]:
    return [one.who] if isinstance(one, Usual) else [user for _, user in users_of(one)]


def _stated(streams: list[Json], key: str) -> str:
    """Give what the records state of their stream, every value once."""
    values = [value for stream in streams if (value := stream.get(key)) not in (None, "", [])]
    told = [
        "yes" if value is True else "no" if value is False else text(value) or json.dumps(value)
        for value in values
    ]
    return ", ".join(dict.fromkeys(told))
