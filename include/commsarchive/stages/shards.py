"""Shards: staged items as JSON Lines, written by `convert`, read by the stages after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Self

import msgspec

from include.commsarchive.model import Attachment, Person, StagedItem
from include.commsarchive.staging.store import Folder

_encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(StagedItem).decode
"""Read one line of a shard whole."""


@dataclass(slots=True)
class Head:
    """What `map_users` needs of a staged item; the bodies are skipped, not read."""

    key: str
    revision: str
    at: int
    sender: Person
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    bcc: tuple[Person, ...]
    attachments: tuple[Attachment, ...]
    others: tuple[tuple[str, Person], ...] = ()

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody in the item, sender first, each once."""
        others = [person for _, person in self.others]
        return tuple({p.key: p for p in (self.sender, *self.to, *self.cc, *self.bcc, *others)}.values())


_decode_head = msgspec.json.Decoder(Head).decode


@dataclass(frozen=True, slots=True)
class Place:
    """Where one staged item lies: a line of a shard, by offset and length in bytes."""

    shard: str
    offset: int
    length: int


def line(item: StagedItem) -> bytes:
    """Encode one item as a line of a shard."""
    return _encode(item) + b"\n"


def heads(folder: Folder, shards: Iterable[str]) -> Iterator[tuple[Place, Head]]:
    """Read the heads of all items, shard by shard, with flat memory."""
    for shard in shards:
        offset = 0
        with folder.open(shard) as stream:
            for row in stream:
                yield Place(shard, offset, len(row)), _decode_head(row)
                offset += len(row)


def rows(folder: Folder, shards: Iterable[str]) -> Iterator[StagedItem]:
    """Read all items whole, shard by shard."""
    for shard in shards:
        with folder.open(shard) as stream:
            yield from map(decode, stream)


class ItemReader:
    """Reads staged items by place; keeps one shard open at a time."""

    def __init__(self, folder: Folder) -> None:
        """Read from this run's folder."""
        self._folder = folder
        self._name = ""
        self._stream: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def raw(self, place: Place) -> bytes:
        """Read the line of one item."""
        if self._stream is None or self._name != place.shard:
            self._close()
            self._stream, self._name = self._folder.open(place.shard), place.shard
        self._stream.seek(place.offset)
        return self._stream.read(place.length)

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
