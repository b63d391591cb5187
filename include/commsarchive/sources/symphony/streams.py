"""Sorts the records of a file by conversation: events of all streams lie mixed in it.

The file is read twice, and only places, sizes and people are remembered, so that memory stays flat: first to
learn which records make a conversation and who is who, then to hand the conversations on.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import BinaryIO

from include.commsarchive.model import Refused
from include.commsarchive.sources.base import Chunk, Options
from include.commsarchive.sources.json_keys import has_key_twice
from include.commsarchive.sources.json_records import BLOCK, Found, JsonRecords
from include.commsarchive.sources.symphony.people import OWN, Directory, users_of
from include.commsarchive.sources.symphony.records import decode, happened
from include.commsarchive.sources.symphony.usual import CACHED, SHAPE, User, is_external, whose

APART = b"\x1e"
"""Ends a record; it cannot stand in JSON as it is (RFC 8259, section 7)."""
READER = "streams"
BLAST = b"B"
"""Precedes a record of a message that was sent to several conversations at once."""
_NEAR = 4 * BLOCK
"""Bytes that are read at once, for the records of a chunk that lie in them."""
_PAGES = ("events", "messages")
_WHY = {
    "not-a-record": "this is no event or message of a known shape; what is around it is archived",
    "event-too-large": "a single record is larger than items.max_bytes; raise it and replay",
    "truncated": "the file ends within a record; what came before is archived. Ask for it again",
}


@dataclass(slots=True)
class _Stream:
    places: array[int] = field(default_factory=lambda: array("Q"))
    """Start and length of each record, and whether it is of a blast."""
    users: set[str] = field(default_factory=set)
    external: bool = False


_Part = tuple["array[int]", _Stream]
"""Places of a conversation, or of some of it."""


class Streams:
    """The conversations of one file."""

    def __init__(self, name: str, stream: BinaryIO, options: Options) -> None:
        """Take a file that can be read from any place."""
        self._name = name
        self._stream = stream
        self._options = options
        self._people = Directory({})
        self._streams: dict[str, _Stream] = {}
        self._learn = lru_cache(maxsize=CACHED)(self._learn_anew)

    def chunks(self) -> Iterator[Chunk | Refused]:
        """Hand on whole conversations, several in a chunk; long ones in parts.

        Raises:
            Quarantine: the file is empty, or not UTF-8.
        """
        self._stream.seek(0)
        yield from self._sort()
        own = {user for one in self._streams.values() if not one.external for user in one.users}
        waiting: list[_Part] = []
        size = 0
        for one in self._streams.values():
            parts = list(self._cut(one))
            if len(parts) > 1:
                for number, part in enumerate(parts, start=1):
                    yield self._chunk([(part, one)], own, {"part": str(number)})
                continue
            waiting.append((parts[0], one))
            size += sum(parts[0][1::3])
            if size >= BLOCK:
                yield self._chunk(waiting, own, {})
                waiting, size = [], 0
        if waiting:
            yield self._chunk(waiting, own, {})

    def _sort(self) -> Iterator[Refused]:
        for found in JsonRecords(self._name, self._stream, _PAGES, self._options.max_bytes, SHAPE):
            problem = found.problem or ("" if self._place_usual(found) else self._place(found))
            if problem:
                place = f"{self._name}, byte {found.start:,}"
                yield Refused(problem, place, _WHY[problem], found.raw)

    def _place_usual(self, found: Found) -> bool:
        """Note a message of the usual shape; False where it is not."""
        known = whose(found.usual) if found.usual else None
        if known is None:
            return False
        user, place = known
        stream = self._noted(place.room, found)
        stream.external = stream.external or is_external(found.usual, place)
        stream.users.add(user.name)
        self._learn(user)
        return True

    def _learn_anew(self, user: User) -> None:
        self._people.learn(user.name, user.told)

    def _place(self, found: Found) -> str:
        """Note to which conversation a record belongs; say what is wrong where that cannot be told."""
        record, _ = decode(found.raw)
        if record and all(value in ([], None) or key == "ackId" for key, value in record.items()):
            return ""  # a page of nothing
        one = happened(record) if record else None
        if one is None or not one.room or has_key_twice(found.raw, record):
            return "not-a-record"
        stream = self._noted(one.room, found)
        stream.external |= one.external
        for name, user in users_of(one):
            self._people.learn(name, user)
            stream.users.add(name)
        return ""

    def _noted(self, room: str, found: Found) -> _Stream:
        stream = self._streams.get(room)
        if stream is None:
            stream = self._streams[room] = _Stream()
        stream.places.fromlist([found.start, len(found.raw), found.page == "messages"])
        return stream

    def _cut(self, stream: _Stream) -> Iterator[array[int]]:
        """Cut a conversation that is longer than one e-mail may be."""
        places, start, size = stream.places, 0, 0
        if len(places) <= 3 * self._options.max_events and sum(places[1::3]) <= self._options.max_bytes:
            yield places
            return
        for at in range(0, len(places), 3):
            if at > start and (
                at - start >= 3 * self._options.max_events or size + places[at + 1] > self._options.max_bytes
            ):
                yield places[start:at]
                start, size = at, 0
            size += places[at + 1]
        yield places[start:]

    def _chunk(self, parts: list[_Part], own: set[str], context: dict[str, str]) -> Chunk:
        names = {name for _, one in parts for name in one.users}
        users = [
            user | {OWN: name in own}
            for name, user in zip(sorted(names), self._people.users(names), strict=True)
        ]
        read, raws, starts, at = self._reader(parts), [], [], 0
        for places, _ in parts:
            starts.append(at)
            for start, size, blast in zip(places[::3], places[1::3], places[2::3], strict=True):
                record = read(start, size).replace(APART, b"\\u001e")
                raws += [BLAST, record, APART] if blast else [record, APART]
                at += len(record) + 1 + blast
        return Chunk(
            self._name,
            parts[0][1].places[0],
            b"".join(raws),
            {**context, "reader": READER, "people": json.dumps(users)},
            starts=tuple(starts),
        )

    def _reader(self, parts: list[_Part]) -> Callable[[int, int], bytes]:
        """Give what reads a record; where all lie near each other, they are read at once."""
        first = min(places[0] for places, _ in parts)
        last = max(places[-3] + places[-2] for places, _ in parts)
        if last - first > _NEAR:
            return self._read
        near = self._read(first, last - first)
        return lambda start, size: near[start - first : start - first + size]

    def _read(self, start: int, size: int) -> bytes:
        self._stream.seek(start)
        return self._stream.read(size)
