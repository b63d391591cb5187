"""A small world for the stages: a source of one line per conversation, rooms in memory, staging on disk."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from include.commsarchive.connector import Connector
from include.commsarchive.errors import Quarantine
from include.commsarchive.ledger.base import Run
from include.commsarchive.ledger.memory import MemoryLedger
from include.commsarchive.mailbox.memory import MemoryMailbox
from include.commsarchive.mapping.resolve import Resolver
from include.commsarchive.mapping.snapshot import Row, Snapshot
from include.commsarchive.message.mime import encode
from include.commsarchive.model import Attachment, Event, Item, Kind, Person, Refused
from include.commsarchive.sources.base import Chunk, Claim, Options, Role, Stored
from include.commsarchive.stages.run import FileReceipt, Scope
from include.commsarchive.staging.store import Staging

DAY = dt.date(2024, 3, 13)
NOON = 1_710_331_200_000  # 2024-03-13T12:00:00Z, in ms


class Memos:
    """Lines ``room|sender|recipient|text|attachment``; ``!…`` is unreadable, ``#`` a fault of the parser."""

    name = "memos"
    title = "Memos"
    message_class = "IPM.NOTE.Memos"
    item_class = "ipm.externaldata.memos"
    folder = "Memos"

    def claim(self, name: str) -> Claim | None:
        bundle, _, kind = name.partition(".")
        roles = {"txt": Role.CONTENT, "files": Role.ATTACHMENTS}
        return Claim(bundle, roles[kind]) if kind in roles else None

    def chunks(self, name: str, stream: BinaryIO, options: Options) -> Iterator[Chunk | Refused]:
        if name.startswith("alien"):
            raise Quarantine("not-memos", f"{name} holds no memos")
        for number, row in enumerate(stream):
            if row.startswith(b"!"):
                yield Refused("unreadable", f"{name}: line {number}", "starts with !", row)
            else:
                yield Chunk(f"{name}: line {number}", number, row)

    def parse(
        self, chunk: Chunk, attachments: Mapping[str, Stored], options: Options
    ) -> Iterator[Item | Refused]:
        if chunk.raw.startswith(b"#"):
            raise ZeroDivisionError
        room, sender, to, text, file = (*chunk.raw.decode().strip().split("|"), "")[:5]
        events = [Event(Kind.MESSAGE, NOON, _person(sender), text)]
        if file:
            stored = attachments.get(file)
            problem = "" if stored else "missing"
            shared = Attachment(file, blob=stored.blob if stored else "", problem=problem)
            events.append(Event(Kind.FILE, NOON, _person(sender), attachment=shared))
        yield Item(
            "memos", (room,), room, f"Memo in {room}", "Memo", NOON, _person(sender), (_person(to),),
            events=events,
        )  # fmt: skip

    def members(self, name: str, stream: BinaryIO) -> Iterator[tuple[str, BinaryIO] | Refused]:
        yield "note.txt", stream


def _person(name: str) -> Person:
    """Own people are in lower case."""
    own = name.islower()
    address = f"{name.lower()}@vendor.example"
    return Person(f"login:{name}", name, address, ids=(("Login", name),), internal=own)


@dataclass
class World:
    """Rooms that last over several runs."""

    root: Path
    connector: Connector
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    mailbox: MemoryMailbox = field(default_factory=lambda: MemoryMailbox(encode))

    def scope(self, run_id: str = "memos/1", kind: str = "scheduled") -> Scope:
        """Open a run."""
        run = Run(run_id, "memos", DAY, kind, dt.datetime(2024, 3, 14, tzinfo=dt.UTC))
        staging = Staging(self.root)
        opened = self.ledger.open_run(run)
        return Scope(
            self.connector, Memos(), opened, staging.run("memos", run_id), staging.held("memos"), self.ledger
        )

    def put(self, scope: Scope, name: str, content: bytes, problem: str = "") -> FileReceipt:
        """Lay a file where `decrypt` would have left it."""
        with scope.folder.write(f"raw/{name}.gpg") as sink:
            sink.write(b"sealed " + content)
        if not problem:
            with scope.folder.write(f"clear/{name}") as sink:
                sink.write(content)
        sha256 = hashlib.sha256(content).hexdigest()
        return FileReceipt(name, f"{name}.gpg", "", True, len(content), sha256, problem=problem)

    def resolver(self, *mapped: str, scope: tuple[str, ...] | None = None) -> Resolver:
        """Map these logins to mailboxes of their name."""
        rows = tuple(Row(name, f"{name}@bank.example") for name in mapped)
        return Resolver(
            Snapshot(rows),
            automatic=False,
            domains=(),
            scope=scope,
            third_party_mailbox="third-party@bank.example",
        )

    def deliver_to(self, **settings: object) -> None:
        """Change how copies are delivered."""
        places = tuple(one.model_copy(update=settings) for one in self.connector.deliver)
        self.connector = self.connector.model_copy(update={"deliver": places})

    def map_as(self, **settings: object) -> None:
        """Change how people are mapped."""
        rules = self.connector.mapping.model_copy(update=settings)
        self.connector = self.connector.model_copy(update={"mapping": rules})

    def filed(self) -> dict[str, int]:
        """Number of mails by ``mailbox/folder``."""
        return {f"{owner}/{folder}": len(mails) for (owner, folder), mails in self.mailbox.mails.items()}


def small_world(root: Path) -> World:
    """An empty world with one connector."""
    connector = Connector.model_validate(
        {
            "name": "memos",
            "source": "memos",
            "collect": {"connection": "vendor"},
            "mapping": {"third_party_mailbox": "third-party@bank.example"},
            "deliver": {"connection": "archive"},
            "schedule": {"start": "2024-03-01"},
        }
    )
    return World(root, connector)
