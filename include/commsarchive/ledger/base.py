"""What the ledger is: the record of what was found, planned, delivered and set aside."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from include.commsarchive.model import Outcome


class ItemState(StrEnum):
    """What `map_users` decided about an item of a run."""

    PLANNED = "planned"
    DUPLICATE = "duplicate"
    EXCLUDED = "excluded"
    QUARANTINED = "quarantined"


class HeldStage(StrEnum):
    """Where a held thing goes back in: the stage that set it aside."""

    DECRYPT = "decrypt"
    CONVERT = "convert"
    MAP_USERS = "map_users"
    INGEST = "ingest"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one connector for one business day. ``run_id`` is unique over all connectors.

    ``kind`` is ``scheduled``, ``manual``, ``backfill`` or ``replay``; ``window_end`` the instant at
    which the run's view of the source was frozen.
    """

    run_id: str
    connector: str
    day: dt.date
    kind: str
    window_end: dt.datetime


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file as it was fetched: sizes in bytes, SHA-256 of the original and of the clear text.

    ``signed_by`` is a fingerprint or ``""``; ``problem`` is ``""`` or the reason it was set aside.
    """

    name: str
    size: int
    sha256: str
    clear_size: int = 0
    clear_sha256: str = ""
    signed_by: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PlannedItem:
    """One item of a run. ``deliveries`` is the number of copies planned, duplicates included.

    ``duplicates`` are those left out of the plan because another run had made them; the ones that
    only `Ledger.intend` discovers are the ledger's own to count. ``unmapped`` says that none of its
    participants could be mapped; ``partial`` that an attachment is missing. ``reason`` says why it was
    excluded or quarantined.
    """

    key: str
    revision: str
    state: ItemState
    deliveries: int = 0
    duplicates: int = 0
    unmapped: bool = False
    partial: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One copy that is about to be sent."""

    delivery_key: str
    key: str
    revision: str
    destination: str
    mailbox: str
    folder: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows of a delivery: delivered by ``run_id``, or only intended by it.

    ``busy`` is one whose lease another worker holds, for so many seconds yet: it may be sending it at this
    moment. ``taken`` is one that was taken over from another worker, which may have sent it. ``doubts``
    counts how often it was sent without a clear answer since it was first intended, or failed.
    """

    run_id: str
    delivered: bool
    server_id: str = ""
    busy: int = 0
    taken: bool = False
    doubts: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """A copy as it was made: by which run, the server's id, the SHA-256 of its bytes, and when (ms).

    ``request_id`` and ``stored_hash`` are as in `model.Outcome`.
    """

    delivery: Delivery
    run_id: str
    server_id: str
    content_hash: str
    settled_at: int
    request_id: str = ""
    stored_hash: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """Something set aside until it is replayed, its file comes again, or a person settles it.

    ``held_id`` names it for ever; ``place`` says where in the export; ``path`` where its bytes lie
    below the staging root; ``sha256`` what they are. ``people`` are the native ids that could not
    be mapped. Resolved when ``resolved_by`` names the run that did it, or is of `settlement.settled_by`.
    """

    held_id: str
    run_id: str
    connector: str
    day: dt.date
    stage: HeldStage
    reason: str
    detail: str
    place: str
    path: str
    sha256: str
    key: str = ""
    revision: str = ""
    people: tuple[str, ...] = ()
    resolved_by: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """What the ledger counts for one run, each number from its own rows."""

    items: Mapping[str, int]
    """Items by state: archived, duplicate, excluded, quarantined, and ``open`` (not accounted for)."""
    unmapped: int
    partial: int
    deliveries_planned: int
    deliveries_made: int
    """Copies that this run made, over all of its tries."""
    deliveries_partial: int
    """Those of the copies made whose item lacks an attachment."""
    deliveries_duplicate: int
    deliveries_failed: int
    deliveries_open: int
    """Intents of this run that nobody has settled: see `Ledger.open_intents`."""
    delivery_root: str
    """Root hash over everything that is known of the copies this run made, in key order."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One row of the import log's second half: which item, whose copy, why not (or not wholly), in detail."""

    item_id: str
    source_user: str
    mailbox: str
    stage: str
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """A closed run, as evidence. ``hash`` covers ``body`` and ``previous``, the record before it."""

    seq: int
    run_id: str
    connector: str
    day: dt.date
    closed_at: dt.datetime
    previous: str
    hash: str
    body: Mapping[str, Any] = field(default_factory=dict)


class Ledger(Protocol):
    """Append what happened, in the order in which it must be durable; ask what is known.

    Every verb commits before it returns and may be repeated with the same arguments: a task that
    was killed is simply run again. Writers are served one after the other, from any process.

    Raises:
        Retriable: (every verb) the ledger cannot be reached, is locked or has no room.
    """

    def open_run(self, run: Run) -> Run:
        """Record a run, or return it as first recorded: a run's window stays frozen over retries."""

    def record_file(self, run_id: str, file: FileRecord) -> None:
        """Record one file of a run; the last word on a name counts."""

    def plan_anew(self, run_id: str) -> None:
        """Forget a run's items, and which of its copies were duplicates or failed: before planning.

        What it delivered or intended stays, and what its import records cover. Without this a run that is
        cleared after its mapping was mended would still answer for copies that it no longer plans.
        """

    def record_items(self, run_id: str, items: Sequence[PlannedItem]) -> None:
        """Record what was decided about items of a run; the last word on (key, revision) counts."""

    def record_failures(self, run_id: str, failures: Sequence[Failure]) -> None:
        """Record failure rows of a run, each once; the last word on a row's detail counts."""

    def delivered(self, delivery_keys: Collection[str]) -> dict[str, Known]:
        """Tell which of these deliveries are known, and how far they went."""

    def intend(
        self, run_id: str, deliveries: Sequence[Delivery], *, lease: float = 0, worker: str = ""
    ) -> dict[str, Known]:
        """Commit the intent to make these deliveries; return those that were intended before.

        A delivered one is left as it is; one that failed is intended anew: it may be there all the same. An
        open intent of another worker, of this run or another, is left to it, as busy, until ``lease`` seconds
        after it was intended or renewed; then it is taken over. Workers of a run have names of their own.
        """

    def renew(self, run_id: str, worker: str, delivery_keys: Collection[str]) -> bool:
        """Begin the leases of these open intents anew; say whether all of them are still this worker's."""

    def release(self, run_id: str, worker: str) -> None:
        """End the leases of a worker's open intents: it sends nothing more."""

    def settle(self, run_id: str, outcomes: Sequence[Outcome]) -> None:
        """Close intents: with the receipt (delivered by this run), or with the reason it failed.

        An outcome in doubt is counted, and leaves its intent open.

        The first receipt counts: a copy that another run has settled meanwhile is its, and a
        duplicate of this run.
        """

    def open_intents(self, run_id: str) -> Iterator[Delivery]:
        """List the intents of a run that are neither delivered nor failed: the mailbox knows."""

    def withdraw(self, run_id: str, delivery_keys: Collection[str]) -> None:
        """Forget open intents of a run that the mailbox does not hold and that nobody will send."""

    def hold(self, held: Sequence[Held]) -> None:
        """Record things set aside, each once.

        One that is known is open again, held by this run and for this reason; its day stays that of
        the first time, so that who looks for it finds it.
        """

    def resolve(self, held_ids: Collection[str], resolved_by: str) -> None:
        """Say which run took these held things back in or brought their files anew, or who settled them."""

    def held(self, connector: str, first: dt.date, last: dt.date) -> Iterator[Held]:
        """List what is still set aside for these days, oldest first."""

    def keep_mapping(self, connector: str, kind: str, version: str, body: str) -> None:
        """Keep a version of a mapping file (``custom``, ``scope``) for ever, and put it in force."""

    def mapping(self, connector: str, kind: str) -> str:
        """Give the body of the version in force, ``""`` where there never was one."""

    def totals(self, run_id: str) -> Totals:
        """Count a run from its rows."""

    def files(self, run_id: str) -> list[FileRecord]:
        """List a run's files by name."""

    def failures(self, run_id: str) -> Iterator[Failure]:
        """List a run's failure rows, as its latest plan has them."""

    def failures_of(self, seq: int) -> Iterator[Failure]:
        """List the failure rows that the import record with this number covers."""

    def receipts_of(self, seq: int) -> Iterator[Receipt]:
        """List the copies that the import record with this number was the first to cover, by key."""

    def close_run(self, run_id: str, body: Mapping[str, Any]) -> ImportRecord:
        """Append the import record of a run to the chain; the same body again returns the first.

        ``body`` holds ``delivery_root`` as `totals` gave it; the record's has ``failure_root`` as well, over
        the run's failure rows, of which the record keeps a copy. A run that is closed again with another
        body (a cleared task) gets a further record.

        Failure rows of `ingest`, and what it held, are taken back first where all copies behind them were
        made by a later try of the run.

        Raises:
            Retriable: copies were made since ``delivery_root`` was computed; count again.
        """

    def history(self, connector: str = "", first: dt.date | None = None) -> Iterator[ImportRecord]:
        """List import records, oldest first."""

    def verify(self) -> Iterable[str]:
        """Recompute the chain and its roots; yield one line for each thing that is off."""


Session = AbstractContextManager[Ledger]
"""An open ledger; leaving the context lets its connections go."""
