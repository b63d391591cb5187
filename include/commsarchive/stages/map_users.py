"""Map users: who gets a copy of each item, and which copies remain to be filed, by mailbox."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO

import msgspec

from include.commsarchive import ids
from include.commsarchive.ledger.base import Failure, HeldStage, ItemState, PlannedItem
from include.commsarchive.mapping.resolve import Resolution, Resolver
from include.commsarchive.stages.hold import hold, hold_item
from include.commsarchive.stages.run import MapReceipt, Scope, batches
from include.commsarchive.stages.shards import Head, ItemReader, Place, heads

BATCH = 500
"""Items that are decided, recorded and planned together."""

INBOX = ""
"""Folder of the third-party mailbox that receives what maps to nobody."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy of an item: where it goes and the key that names it."""

    mailbox: str
    folder: str
    delivery_key: str


@dataclass(frozen=True, slots=True)
class Planned:
    """One line of a plan: an item, the addresses of its mapped people, its copies in one partition."""

    place: Place
    key: str
    revision: str
    addresses: dict[str, str]
    copies: list[Copy]


@dataclass(frozen=True, slots=True)
class _Decision:
    """What the rules say about one item, before the ledger is asked."""

    place: Place
    head: Head
    resolution: Resolution
    copies: list[Copy]
    repeated: bool


@dataclass(slots=True)
class _Planner:
    """Takes decisions, batch by batch, to the ledger and into the plans, and counts them."""

    scope: Scope
    plans: Sequence[IO[bytes]]
    reader: ItemReader
    states: dict[ItemState, int] = field(default_factory=dict)
    unmapped: int = 0
    people: set[str] = field(default_factory=set)
    deliveries: int = 0
    rows: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rows = [0] * len(self.plans)

    def take(self, batch: Sequence[_Decision]) -> None:
        known = self.scope.ledger.delivered([c.delivery_key for one in batch for c in one.copies])
        elsewhere = {
            key for key, one in known.items() if one.delivered and one.run_id != self.scope.run.run_id
        }
        self._hold_unmapped(batch)
        self.scope.ledger.record_items(self.scope.run.run_id, [self._record(one, elsewhere) for one in batch])
        for one in batch:
            if not one.repeated:
                self._plan(one, [c for c in one.copies if c.delivery_key not in elsewhere])

    def _record(self, one: _Decision, elsewhere: set[str]) -> PlannedItem:
        duplicates = sum(copy.delivery_key in elsewhere for copy in one.copies)
        if one.resolution.excluded:
            state = ItemState.EXCLUDED
        elif one.repeated or duplicates == len(one.copies):
            state = ItemState.DUPLICATE
        else:
            state = ItemState.PLANNED
        self.states[state] = self.states.get(state, 0) + 1
        self.unmapped += one.resolution.unmapped
        self.deliveries += 0 if one.repeated else len(one.copies)
        return PlannedItem(
            key=f"{one.head.key}~{one.place.shard}:{one.place.offset}" if one.repeated else one.head.key,
            revision=one.head.revision,
            state=state,
            deliveries=0 if one.repeated else len(one.copies),
            duplicates=0 if one.repeated else duplicates,
            unmapped=one.resolution.unmapped,
            partial=any(attachment.problem for attachment in one.head.attachments),
            reason="no custodian in scope" if state is ItemState.EXCLUDED else "",
        )

    def _plan(self, one: _Decision, copies: Sequence[Copy]) -> None:
        partitions: dict[int, list[Copy]] = {}
        for copy in copies:
            number = zlib.crc32(copy.mailbox.encode()) % len(self.plans)
            partitions.setdefault(number, []).append(copy)
        for number, part in partitions.items():
            row = Planned(one.place, one.head.key, one.head.revision, one.resolution.addresses, part)
            self.plans[number].write(msgspec.json.encode(row) + b"\n")
            self.rows[number] += 1

    def _hold_unmapped(self, batch: Sequence[_Decision]) -> None:
        """Keep items of which a person has no mailbox, so that a mended mapping can file them.

        Each of these people is a row of the import log; so is an item of outsiders alone, with no person.
        """
        held = []
        failures = []
        for one in batch:
            people = [person.key for person in one.resolution.unmapped_people]
            self.people.update(people)
            if people or one.resolution.unmapped:
                reason = "nobody-mapped" if one.resolution.unmapped else "person-unmapped"
                row = self.reader.raw(one.place)
                held.append(hold_item(self.scope, HeldStage.MAP_USERS, reason, row, people))
                failures += [
                    Failure(one.head.key, person, "", HeldStage.MAP_USERS, reason)
                    for person in people or [""]
                ]
        if held:
            hold(self.scope, held)
            self.scope.ledger.record_failures(self.scope.run.run_id, failures)


def map_users(scope: Scope, shards: Sequence[str], resolver: Resolver) -> MapReceipt:
    """Decide for every item of a run, record it, and write a plan for each partition of mailboxes.

    Safe to repeat: copies that an earlier try of this run made are planned again, and `deliver`
    recognises them as made.

    Raises:
        Retriable: staging or the ledger cannot be reached.
    """
    scope.ledger.plan_anew(scope.run.run_id)
    names = [f"plans/{number:03}.jsonl" for number in range(scope.connector.deliver.partitions)]
    with contextlib.ExitStack() as stack:
        plans = [stack.enter_context(scope.folder.write(name)) for name in names]
        planner = _Planner(scope, plans, stack.enter_context(ItemReader(scope.folder)))
        for batch in batches(_decide(scope, shards, resolver), BATCH):
            planner.take(batch)
    return MapReceipt(
        plans=[name for name, rows in zip(names, planner.rows, strict=True) if rows],
        items=sum(planner.states.values()),
        planned=planner.states.get(ItemState.PLANNED, 0),
        duplicate=planner.states.get(ItemState.DUPLICATE, 0),
        excluded=planner.states.get(ItemState.EXCLUDED, 0),
        unmapped=planner.unmapped,
        unmapped_people=len(planner.people),
        deliveries=planner.deliveries,
        mapping_version=resolver.version,
    )


def _decide(scope: Scope, shards: Sequence[str], resolver: Resolver) -> Iterator[_Decision]:
    """Apply the rules. An item that comes twice in one run is a duplicate of its first coming."""
    seen: set[int] = set()
    for place, head in heads(scope.folder, shards):
        resolution = resolver.custodians(head)
        folder = INBOX if resolution.unmapped else scope.mail_folder
        copies = [
            Copy(
                mailbox, folder, ids.delivery_key(head.key, head.revision, scope.destination, mailbox, folder)
            )
            for mailbox in resolution.mailboxes
        ]
        name = int(head.key, 16) ^ int(head.revision, 16)  # both are hashes already
        yield _Decision(place, head, resolution, copies, name in seen)
        seen.add(name)
