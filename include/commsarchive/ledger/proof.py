"""What proofs ask of the ledger: what each record covers, and what each custodian got."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from include.commsarchive.ledger.base import FileRecord, Held, HeldStage, PlannedItem, Receipt, Run


@dataclass(frozen=True, slots=True)
class KeptVersion:
    """A version of a mapping file, a directory or a connector's definition (``connector``), kept for ever."""

    kind: str
    version: str
    body: str


@dataclass(frozen=True, slots=True)
class Share:
    """How many copies of a day went to one mailbox."""

    day: dt.date
    mailbox: str
    copies: int


@dataclass(frozen=True, slots=True)
class Waits:
    """How many things of a day are still set aside at a stage for one reason."""

    day: dt.date
    stage: HeldStage
    reason: str
    number: int


class Proof(Protocol):
    """Read only.

    Raises:
        Retriable: (every verb) the ledger cannot be reached.
    """

    def files_of(self, seq: int) -> Iterator[FileRecord]:
        """List the files that the import record with this number covers, by name."""

    def items_of(self, seq: int) -> Iterator[PlannedItem]:
        """List what was decided about the items of a record's run, as its latest plan has them, by key."""

    def copies(self, connector: str = "", after: str = "", limit: int | None = None) -> Iterator[Receipt]:
        """List copies that import records cover, with delivery keys above ``after``, in key order."""

    def kept_versions(self, connector: str) -> Iterator[KeptVersion]:
        """List every version that was kept for a connector, by kind and version."""

    def all_held(self, connector: str, first: dt.date, last: dt.date) -> Iterator[Held]:
        """List what was ever set aside for these days, resolved or not, oldest first."""

    def waiting(self, connector: str) -> list[Waits]:
        """Count what is still set aside, by day, stage and reason, oldest first."""

    def unclosed(self, connector: str, since: dt.date) -> list[Run]:
        """List the runs begun since a day (UTC) with no import record, or planned anew after it."""

    def replanned(self) -> list[str]:
        """List the runs that were planned anew after their import record and have not closed since."""

    def archived_days(self, connector: str) -> set[dt.date]:
        """List the days for which a run has closed that was no replay."""

    def shares(self, connector: str, since: dt.date) -> Iterator[Share]:
        """Count the copies of each mailbox on each day."""
