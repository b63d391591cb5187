"""Shards: staged items, written by `convert`, read by the stages after it.

A shard is two files: JSON Lines of items without their bodies, and beside it the bodies as they are, one
after the other. A line begins with where its item's bodies start there and how many bytes text and HTML
have. Who asks who is in an item need not read what was said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Self

import msgspec

from include.commsarchive.model import Attachment, Person, StagedItem
from include.commsarchive.staging.store import Folder

_BODIES = ".bodies"
_encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(StagedItem).decode
"""Read an item that `line` wrote."""


@dataclass(slots=True)
class Head:
    """What `map_users` needs of a staged item."""

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


_decode_head = msgspec.json.Decoder(tuple[int, int, int, Head]).decode
_decode_item = msgspec.json.Decoder(tuple[int, int, int, StagedItem]).decode


@dataclass(frozen=True, slots=True)
class Place:
    """Where one staged item lies: a line of a shard, by offset and length in bytes."""

    shard: str
    offset: int
    length: int


Parted = tuple[bytes, bytes, bytes]
"""An item without its bodies as JSON, its text and its HTML."""


def line(item: StagedItem) -> bytes:
    """Encode one item whole, as a line."""
    return _encode(item) + b"\n"


def parted(item: StagedItem) -> Parted:
    """Encode an item and its bodies, which are taken out of it."""
    text, html = item.text.encode(), item.html.encode()
    item.text = item.html = ""
    return _encode(item), text, html


@contextmanager
def writing(folder: Folder, shard: str) -> Iterator[Callable[[Parted], None]]:
    """Write a shard, item by item. It is there whole or not at all."""
    start = 0
    with folder.write(shard) as rows, folder.write(shard + _BODIES) as bodies:

        def add(parts: Parted) -> None:
            nonlocal start
            item, text, html = parts
            rows.write(b"[%d,%d,%d,%b]\n" % (start, len(text), len(html), item))
            bodies.writelines((text, html))
            start += len(text) + len(html)

        yield add


def heads(folder: Folder, shards: Iterable[str]) -> Iterator[tuple[Place, Head]]:
    """Read the heads of all items, shard by shard, with flat memory."""
    for shard in shards:
        offset = 0
        with folder.open(shard) as stream:
            for row in stream:
                *_, head = _decode_head(row)
                yield Place(shard, offset, len(row)), head
                offset += len(row)


def rows(folder: Folder, shards: Iterable[str]) -> Iterator[StagedItem]:
    """Read all items whole, shard by shard."""
    for shard in shards:
        with folder.open(shard) as lines, folder.open(shard + _BODIES) as bodies:
            for row in lines:
                yield _whole(row, bodies)


class ItemReader:
    """Reads staged items by place; keeps one shard open at a time."""

    def __init__(self, folder: Folder) -> None:
        """Read from this run's folder."""
        self._folder = folder
        self._name = ""
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def item(self, place: Place) -> StagedItem:
        """Read one item whole."""
        if self._name != place.shard:
            self._open.close()
            self._rows = self._open.enter_context(self._folder.open(place.shard))
            self._bodies = self._open.enter_context(self._folder.open(place.shard + _BODIES))
            self._name = place.shard
        self._rows.seek(place.offset)
        return _whole(self._rows.read(place.length), self._bodies)

    def raw(self, place: Place) -> bytes:
        """Give one item whole, as a line."""
        return line(self.item(place))


def _whole(row: bytes, bodies: BinaryIO) -> StagedItem:
    start, text, html, item = _decode_item(row)
    bodies.seek(start)
    said = bodies.read(text + html)
    item.text, item.html = said[:text].decode(), said[text:].decode()
    return item
