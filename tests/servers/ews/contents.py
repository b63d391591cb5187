"""What a mailbox holds: folders and items."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.servers.ews import properties as p
from tests.servers.ews.mime import File, Mime
from tests.servers.ews.properties import Key, Value

if TYPE_CHECKING:
    from tests.servers.ews.store import Mailbox


@dataclass(eq=False)
class Folder:
    id: str
    name: str
    parent: Folder | None
    mailbox: Mailbox
    folder_class: str = "IPF.Note"
    distinguished: str = ""
    children: list[Folder] = field(default_factory=list)
    contents: dict[str, Item] = field(default_factory=dict)
    modified: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    next_uid: int = 1
    indexes: dict[Key, dict[Value, dict[str, Item]]] = field(default_factory=dict)
    """Items by the value of a property, for the properties that were asked for."""

    @property
    def items(self) -> list[Item]:
        """What the folder holds, in the order in which it came."""
        with self.mailbox.store.lock:
            return list(self.contents.values())

    @property
    def path(self) -> str:
        names = [
            one.name for one in self.line if one.parent is not None and one.distinguished != "msgfolderroot"
        ]
        return "/".join(reversed(names))

    @property
    def line(self) -> Iterator[Folder]:
        """The folder and those it lies in."""
        here: Folder | None = self
        while here is not None:
            yield here
            here = here.parent

    @property
    def recoverable(self) -> bool:
        """Whether it is of the dumpster that people do not see."""
        return any(one.distinguished.endswith("recoverableitemsroot") for one in self.line)

    def below(self) -> Iterator[Folder]:
        """Folders below it, however deep."""
        for one in self.children:
            yield one
            yield from one.below()

    def by_value(self, key: Key, value: Value) -> list[Item]:
        """Items with this value of a property, found without a look at each."""
        if key not in self.indexes:
            self.indexes[key] = {}
            for item in self.contents.values():
                self._index(key, item)
        return list(self.indexes[key].get(value, {}).values())

    def put(self, item: Item) -> None:
        self.contents[item.id] = item
        item.folder = self
        item.properties[p.tagged(p.IMAP_UID)] = self.next_uid
        self.next_uid += 1
        for key in self.indexes:
            self._index(key, item)

    def take(self, item: Item) -> None:
        del self.contents[item.id]
        self.indexes.clear()

    def _index(self, key: Key, item: Item) -> None:
        if (value := item.get(key)) is not None:
            self.indexes[key].setdefault(value, {})[item.id] = item


@dataclass(eq=False)
class Item:
    id: str
    folder: Folder
    mail: Mime
    properties: dict[Key, Value]
    files: list[File] = field(default_factory=list)
    """Attachments that did not come with the mail."""
    version: int = 1

    def get(self, key: Key) -> Value | None:
        """A property, kept or computed."""
        if key[0] == p.INTERNET_HEADERS:
            return self.properties.get(key, self.mail.get(str(key[1])))
        if key == p.tagged(p.FLAGS):
            return self.flags
        if key == p.tagged(p.HAS_ATTACHMENTS):
            return bool(self.attachments)
        if key == p.tagged(p.SIZE):
            return self.size
        return self.properties.get(key)

    def tag(self, number: int) -> Value | None:
        return self.get(p.tagged(number))

    def named(self, property_set: str, name: str) -> Value | None:
        return self.get(p.named(property_set, name))

    @property
    def attachments(self) -> tuple[File, ...]:
        return (*self.mail.files, *self.files)

    @property
    def flags(self) -> int:
        """PidTagMessageFlags with the bit that the server keeps."""
        flags = self.properties[p.tagged(p.FLAGS)]
        assert isinstance(flags, int)
        return flags & ~p.HAS_FILES | (p.HAS_FILES if self.attachments else 0)

    @property
    def is_draft(self) -> bool:
        return bool(self.flags & p.UNSENT)

    @property
    def is_read(self) -> bool:
        return bool(self.flags & p.READ)

    @property
    def sent(self) -> dt.datetime:
        return self._time(p.SENT)

    @property
    def received(self) -> dt.datetime:
        return self._time(p.RECEIVED)

    @property
    def subject(self) -> str:
        return str(self.tag(p.SUBJECT) or "")

    @property
    def message_id(self) -> str:
        return str(self.tag(p.MESSAGE_ID) or "")

    @property
    def item_class(self) -> str:
        return str(self.tag(p.CLASS))

    @property
    def size(self) -> int:
        return len(self.mail.raw) + sum(len(file.content) for file in self.files)

    @property
    def change_key(self) -> str:
        return base64.b64encode(b"CQAAABYA" + self.version.to_bytes(4, "big")).decode()

    def _time(self, number: int) -> dt.datetime:
        when = self.properties[p.tagged(number)]
        assert isinstance(when, dt.datetime)
        return when
