"""What pages and reports ask of the ledger: indexed, paged, and never more than they show."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from include.commsarchive.ledger.base import Failure, Held, HeldStage, ImportRecord, Receipt


@dataclass(frozen=True, slots=True)
class Closed:
    """The numbers of an import record that overviews show; see `ImportRecord` for all of it."""

    seq: int
    run_id: str
    connector: str
    day: dt.date
    closed_at: dt.datetime
    kind: str
    found: int
    archived: int
    duplicate: int
    excluded: int
    quarantined: int
    unmapped: int
    unmapped_people: int
    deliveries_made: int
    deliveries_failed: int


@dataclass(frozen=True, slots=True)
class Decided:
    """An item of a run and what became of it: archived, duplicate, excluded, quarantined, or ``open``."""

    key: str
    revision: str
    state: str
    copies: int
    unmapped: bool
    partial: bool


@dataclass(frozen=True, slots=True)
class SetAside:
    """How many things of a day are still set aside at a stage."""

    connector: str
    day: dt.date
    stage: HeldStage
    number: int


@dataclass(frozen=True, slots=True)
class HeldFilter:
    """Which things still set aside: of these days, both included; empty texts are any."""

    connector: str
    first: dt.date = dt.date.min
    last: dt.date = dt.date.max
    stage: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unmapped:
    """Somebody for whom no mailbox is known: since which day, and in how many items that still wait."""

    person: str
    since: dt.date
    items: int


@dataclass(frozen=True, slots=True)
class Custodian:
    """A mailbox that got copies: how many, of which first and last day."""

    mailbox: str
    first: dt.date
    last: dt.date
    copies: int


@dataclass(frozen=True, slots=True)
class MappingVersion:
    """A version of a mapping file. ``since`` is when it last came into force (ms), 0 when not known."""

    kind: str
    version: str
    in_force: bool
    since: int


class Views(Protocol):
    """Read only. Lists are cut to ``limit``; numbers to go on from are those of the last row shown.

    Raises:
        Retriable: (every verb) the ledger cannot be reached.
    """

    def recorded(self) -> list[str]:
        """List the connectors that have import records, by name."""

    def closed(self, connectors: Collection[str], first: dt.date, last: dt.date) -> list[Closed]:
        """List the import records of these days, both included, oldest first."""

    def last_closed(self, connectors: Collection[str]) -> list[Closed]:
        """Give each connector's last import record, replays left out."""

    def records(
        self, connectors: Collection[str], first: dt.date, last: dt.date, before: int, limit: int
    ) -> list[ImportRecord]:
        """List import records numbered below ``before``, newest first."""

    def record(self, seq: int) -> ImportRecord | None:
        """Give one import record."""

    def items_page(self, seq: int, state: str, after: tuple[str, str], limit: int) -> list[Decided]:
        """List the items of a record's run by (key, revision), above ``after``, of one state or ``""``."""

    def failures_page(self, seq: int, offset: int, limit: int) -> list[Failure]:
        """List a part of what `Ledger.failures_of` lists."""

    def receipts_page(self, seq: int, after: str, limit: int) -> list[Receipt]:
        """List a part of what `Ledger.receipts_of` lists: the delivery keys above ``after``."""

    def set_aside(self, connectors: Collection[str]) -> list[SetAside]:
        """Count what is still set aside, by connector, day and stage."""

    def held_page(self, chosen: HeldFilter, after: int, limit: int) -> list[tuple[int, Held]]:
        """List what is still set aside, with numbers above ``after``, in the order it was first set aside."""

    def held_one(self, held_id: str) -> Held | None:
        """Give one held thing, resolved or not."""

    def unmapped_people(self, connector: str) -> list[Unmapped]:
        """List who waits for a mailbox, by name."""

    def custodians(self, connector: str, after: str, limit: int) -> list[Custodian]:
        """List mailboxes that got copies, by name, those above ``after``."""

    def mapping_versions(self, connector: str) -> list[MappingVersion]:
        """List every version of every mapping file, the last in force first."""
