"""Map users: who gets a copy of each item, and which copies remain to be filed, by task."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import IO

import msgspec

from include.commsarchive import ids
from include.commsarchive.errors import Fatal
from include.commsarchive.ledger.base import Failure, HeldStage, ItemState, PlannedItem
from include.commsarchive.mailbox.base import INBOX, Mailbox
from include.commsarchive.mapping.resolve import Resolution, Resolver
from include.commsarchive.message.visible import one_line
from include.commsarchive.stages.hold import hold, hold_item
from include.commsarchive.stages.run import MapReceipt, Scope, batches
from include.commsarchive.stages.shards import Head, ItemReader, Place, heads

BATCH = 500
"""Items that are decided, recorded and planned together."""

Mailboxes = Mapping[str, Mailbox]
"""Destinations by name."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy of an item: where it goes and the key that names it."""

    destination: str
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
    """What the rules say about one item, and what its mailboxes answer.

    ``refused`` are the mailboxes that take nothing, each with the reason.
    """

    place: Place
    head: Head
    resolution: Resolution
    copies: list[Copy]
    repeated: bool
    refused: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Planner:
    """Takes decisions, batch by batch, to the mailboxes, the ledger and into the plans, and counts them."""

    scope: Scope
    mailboxes: Mailboxes
    plans: Mapping[str, Sequence[IO[bytes]]]
    reader: ItemReader
    states: dict[ItemState, int] = field(default_factory=dict)
    unmapped: int = 0
    people: set[str] = field(default_factory=set)
    deliveries: int = 0
    rows: set[tuple[str, int]] = field(default_factory=set)
    """Destination and number of the plans that are not empty."""
    reasons: dict[tuple[str, str], str] = field(default_factory=dict)
    """Why a mailbox of a destination takes nothing, ``""`` where it does."""

    @property
    def missing(self) -> int:
        return sum(reason != "" for reason in self.reasons.values())

    def take(self, batch: Sequence[_Decision]) -> None:
        known = self.scope.ledger.delivered([c.delivery_key for one in batch for c in one.copies])
        batch = self._ask(batch, {key for key, one in known.items() if one.delivered})
        known |= self.scope.ledger.delivered(
            [c.delivery_key for one in batch if one.refused for c in one.copies]
        )
        elsewhere = {
            key for key, one in known.items() if one.delivered and one.run_id != self.scope.run.run_id
        }
        failures = [*self._hold_unmapped(batch), *_lacking(batch)]
        if failures:
            self.scope.ledger.record_failures(self.scope.run.run_id, failures)
        self.scope.ledger.record_items(self.scope.run.run_id, [self._record(one, elsewhere) for one in batch])
        for one in batch:
            if not one.repeated:
                self._plan(one, [c for c in one.copies if c.delivery_key not in elsewhere])

    def _ask(self, batch: Sequence[_Decision], delivered: Collection[str]) -> list[_Decision]:
        """Find out which mailboxes take nothing; their copies go where the connector says."""
        asked: dict[str, set[str]] = {}
        for copy in (copy for one in batch for copy in one.copies):
            if (copy.destination, copy.mailbox) not in self.reasons and copy.delivery_key not in delivered:
                asked.setdefault(copy.destination, set()).add(copy.mailbox)
        for destination, mailboxes in asked.items():
            self._ask_for(destination, mailboxes)
        if not self.missing:
            return list(batch)
        return [self._redirect(one, delivered) for one in batch]

    def _ask_for(self, destination: str, mailboxes: Collection[str]) -> None:
        place = self.mailboxes.get(destination)
        answers = place.missing(mailboxes) if place else {}
        self.reasons |= {(destination, one): answers.get(one, "") for one in mailboxes}

    def _check_third_party(self, destination: str, third_party: str) -> None:
        """Make sure, once, that there is a place for what finds no other."""
        if (destination, third_party) not in self.reasons:
            self._ask_for(destination, [third_party])
        if reason := self.reasons[destination, third_party]:
            raise Fatal(
                f"third-party mailbox {third_party} of {destination}: {reason}. Items that find no mailbox "
                "have no other place: make it, or name another in `mapping.third_party_mailbox`"
            )

    def _redirect(self, one: _Decision, delivered: Collection[str]) -> _Decision:
        rules = self.scope.connector.mapping
        third_party = rules.third_party_mailbox.lower()
        copies, refused = [], dict[str, str]()
        for copy in one.copies:
            reason = self.reasons.get((copy.destination, copy.mailbox), "")
            if not reason or copy.delivery_key in delivered:
                copies.append(copy)
                continue
            if copy.mailbox == third_party or rules.missing_mailbox == "third_party":
                self._check_third_party(copy.destination, third_party)
            refused[copy.mailbox] = reason
            if rules.missing_mailbox == "third_party":
                copies.append(_copy(one.head, copy.destination, third_party, INBOX))
        return replace(one, copies=list(dict.fromkeys(copies)), refused=refused) if refused else one

    def _record(self, one: _Decision, elsewhere: set[str]) -> PlannedItem:
        duplicates = sum(copy.delivery_key in elsewhere for copy in one.copies)
        if one.resolution.excluded:
            state = ItemState.EXCLUDED
        elif not one.copies:
            state = ItemState.QUARANTINED
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
            reason="no custodian in scope" if state is ItemState.EXCLUDED else _reason(one),
        )

    def _plan(self, one: _Decision, copies: Sequence[Copy]) -> None:
        partitions: dict[tuple[str, int], list[Copy]] = {}
        for copy in copies:
            partitions.setdefault((copy.destination, self._partition(one, copy)), []).append(copy)
        for (destination, number), part in partitions.items():
            row = Planned(one.place, one.head.key, one.head.revision, one.resolution.addresses, part)
            self.plans[destination][number].write(msgspec.json.encode(row) + b"\n")
        self.rows.update(partitions)

    def _partition(self, one: _Decision, copy: Copy) -> int:
        """Choose the task that files a copy.

        A server's mailbox is one task's alone, which keeps its budget of requests. On a disk, which has
        none, an item is one task's alone, which writes its mail once for all copies.
        """
        mailbox = self.mailboxes.get(copy.destination)
        name = one.head.key if mailbox and mailbox.keyed else copy.mailbox
        return zlib.crc32(name.encode()) % len(self.plans[copy.destination])

    def _hold_unmapped(self, batch: Sequence[_Decision]) -> list[Failure]:
        """Keep items of which a person has no mailbox, so that a mended mapping can file them.

        Each of these people is a row of the import log; so is an item of outsiders alone, with no person,
        and each mailbox that takes nothing. Give these rows.
        """
        held = []
        failures = []
        for one in batch:
            people = [person.key for person in one.resolution.unmapped_people]
            self.people.update(people)
            if not (people or one.resolution.unmapped or one.refused):
                continue
            reason = _reason(one)
            row = self.reader.raw(one.place)
            held.append(hold_item(self.scope, HeldStage.MAP_USERS, reason, row, people))
            nobody = [""] if one.resolution.unmapped and not people else []
            failures += [
                Failure(one.head.key, person, "", HeldStage.MAP_USERS, reason) for person in people + nobody
            ]
            failures += [
                Failure(one.head.key, person, mailbox, HeldStage.MAP_USERS, one.refused[mailbox])
                for person, mailbox in one.resolution.addresses.items()
                if mailbox in one.refused
            ]
        if held:
            hold(self.scope, held)
        return failures


def map_users(scope: Scope, shards: Sequence[str], resolver: Resolver, mailboxes: Mailboxes) -> MapReceipt:
    """Decide for every item of a run, record it, and write a plan for each partition.

    Safe to repeat: copies that an earlier try of this run made are planned again, and `deliver`
    recognises them as made. ``mailboxes`` are asked whether they take mail.

    Raises:
        Retriable: staging, the ledger or a destination cannot be reached.
        Fatal: the third-party mailbox takes nothing, or a destination refuses us.
    """
    scope.ledger.plan_anew(scope.run.run_id)
    with contextlib.ExitStack() as stack:
        plans = {
            place.connection: [
                stack.enter_context(scope.folder.write(plan_name(place.connection, number)))
                for number in range(place.partitions)
            ]
            for place in scope.connector.deliver
        }
        planner = _Planner(scope, mailboxes, plans, stack.enter_context(ItemReader(scope.folder)))
        for batch in batches(_decide(scope, shards, resolver), BATCH):
            planner.take(batch)
    return MapReceipt(
        plans=[plan_name(*row) for row in sorted(planner.rows)],
        items=sum(planner.states.values()),
        planned=planner.states.get(ItemState.PLANNED, 0),
        duplicate=planner.states.get(ItemState.DUPLICATE, 0),
        excluded=planner.states.get(ItemState.EXCLUDED, 0),
        unmapped=planner.unmapped,
        unmapped_people=len(planner.people),
        deliveries=planner.deliveries,
        mapping_version=resolver.version,
        mailboxes_missing=planner.missing,
    )


def plan_name(destination: str, number: int) -> str:
    """Name the plan of one partition of a destination, in the run's folder."""
    return f"plans/{destination}/{number:03}.jsonl"


def destination_of(plan: str) -> str:
    """Tell the destination of a plan by its name."""
    return plan.split("/")[1]


def _lacking(batch: Sequence[_Decision]) -> Iterator[Failure]:
    """Give a row of the import log for each item that is archived in part: it names the attachments."""
    for one in batch:
        names: dict[str, dict[str, None]] = {}
        for attachment in one.head.attachments if one.copies else ():
            if attachment.problem:
                names.setdefault(attachment.problem, {})[one_line(attachment.name) or "attachment"] = None
        for problem, listed in names.items():
            reason = f"attachment-{problem}"
            yield Failure(one.head.key, "", "", HeldStage.CONVERT, reason, "; ".join(listed))


def _reason(one: _Decision) -> str:
    """Say why an item is held: what is worst."""
    if one.resolution.unmapped:
        return "nobody-mapped"
    return "person-unmapped" if one.resolution.unmapped_people else next(iter(one.refused.values()), "")


def _copy(head: Head, destination: str, mailbox: str, folder: str) -> Copy:
    key = ids.delivery_key(head.key, head.revision, destination, mailbox, folder)
    return Copy(destination, mailbox, folder, key)


def _decide(scope: Scope, shards: Sequence[str], resolver: Resolver) -> Iterator[_Decision]:
    """Apply the rules. An item that comes twice in one run is a duplicate of its first coming."""
    seen: set[int] = set()
    folders = {place.connection: scope.mail_folder(place) for place in scope.connector.deliver}
    for at, head in heads(scope.folder, shards):
        resolution = resolver.custodians(head)
        copies = [
            _copy(head, place, mailbox, INBOX if resolution.unmapped else folder)
            for place, folder in folders.items()
            for mailbox in resolution.mailboxes
        ]
        name = int(head.key, 16) ^ int(head.revision, 16)  # both are hashes already
        yield _Decision(at, head, resolution, copies, name in seen)
        seen.add(name)
