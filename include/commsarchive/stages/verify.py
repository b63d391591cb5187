"""Verify: does the ledger still say what it said, and do the mailboxes still hold what it says?

*Tampered* is a row of the evidence, or a copy in a mailbox, that is not what was recorded. *Incomplete* is a
copy that is no longer where it was filed, a destination that could not be asked, and a closed run that was
planned anew and has not closed since. A copy that is gone after its connector's retention has run out is
neither: it is counted. So is a copy that is there, but whose receipt does not know what was kept: it is found
only, and nobody can say that it was not changed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from itertools import chain, takewhile
from typing import Literal, Protocol

import msgspec

from include.commsarchive.errors import CommsArchiveError, Retriable
from include.commsarchive.ids import digest
from include.commsarchive.ledger.base import Ledger, Receipt
from include.commsarchive.ledger.control import AuditFilter, Control
from include.commsarchive.ledger.proof import Proof
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.stages.read_back import ask_each, by_place
from include.commsarchive.stages.run import batches

Extent = Literal["none", "sample", "all"]
"""Which copies are looked up in their mailboxes."""

SAMPLE = 1000
"""Copies in a sample. Another ones each day: keys are hashes, so a stretch of them is chosen by chance."""

MOST_LINES = 100
"""Faults of a kind that are listed one by one; the rest is counted."""

OpenMailbox = Callable[[str], AbstractContextManager[Mailbox]]


class _Retention(msgspec.Struct):
    days: int = 0


class _Definition(msgspec.Struct):
    """What is read of a connector's definition as the ledger keeps it."""

    retention: _Retention | None = None


class Books(Ledger, Proof, Control, Protocol):
    """What verification reads: `sql.SqlLedger` is one."""


@dataclass(slots=True)
class Verdict:
    """How verification went: what was looked at, and one line for each fault, the first ones of each kind.

    Of the ``copies`` looked up, ``compared`` ones were compared with what was kept, and ``only_found`` ones
    are there; the others are gone, ``expired`` ones as the connector's retention wants it. Those ``unseen``
    are besides, at destinations that tell nobody what they have. ``trail`` is the last entry of the audit
    trail that was recomputed; ``chain`` counts the faults of the ledger itself, which are some of
    ``tampered``; ``suspects`` are the keys of copies that are wrong, or were and could not be asked for now:
    a hundred, and all that were suspects before. ``unnamed`` copies are wrong besides; ``unasked`` ones could
    not be asked for.
    """

    records: int = 0
    trail: int = 0
    chain: int = 0
    copies: int = 0
    compared: int = 0
    only_found: int = 0
    unseen: int = 0
    tampered: list[str] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)
    unlisted: int = 0
    expired: int = 0
    unnamed: int = 0
    unasked: int = 0
    suspects: list[str] = field(default_factory=list)

    @property
    def word(self) -> Literal["intact", "incomplete", "tampered"]:
        """``intact``, ``incomplete`` or ``tampered``: the worst that was found."""
        return "tampered" if self.tampered else "incomplete" if self.incomplete else "intact"

    def __str__(self) -> str:
        """Say it in a line."""
        if not self.records and self.word == "intact":
            return "no import records yet: there is nothing to verify"
        records = f"{self.records} import record{'s' * (self.records != 1)}"
        copies = f"{self.copies} {'copy' if self.copies == 1 else 'copies'}"
        asked = f", {copies} looked up, {self.compared} compared" if self.copies else ""
        found = f", {self.only_found} only found" if self.only_found else ""
        expired = f", {self.expired} gone after their retention" if self.expired else ""
        unseen = f", {self.unseen} copies where nobody can look" if self.unseen else ""
        return f"{records}{asked}{found}{expired}{unseen}: {self.word}"

    def add(self, faults: list[str], fault: str) -> None:
        """Take a fault into one of the lists, or count it."""
        if len(faults) < MOST_LINES:
            faults.append(fault)
        else:
            self.unlisted += 1

    def suspect(self, faults: list[str], key: str, fault: str, *, again: bool = False) -> None:
        """Take a fault of a copy, which may have been a suspect before."""
        self.add(faults, fault)
        if again or len(self.suspects) < MOST_LINES:
            self.suspects.append(key)
        else:
            self.unnamed += 1


def verify(
    books: Books,
    open_mailbox: OpenMailbox,
    extent: Extent = "none",
    *,
    connector: str = "",
    turn: str = "",
    again: Collection[str] = (),
) -> Verdict:
    """Recompute the chain and all roots; look a sample of the copies, or all, up in their mailboxes.

    The chain is one for all connectors; ``connector`` limits the copies. ``turn`` chooses the sample: the
    same word, the same copies. The copies with the keys ``again``, found wrong before, are asked for first.

    Raises:
        Retriable: the ledger cannot be reached.
    """
    last = books.audit(AuditFilter(), 2**62, 1)
    verdict = Verdict(trail=last[0].seq if last else 0)
    expired = set(_expired(books, verdict))
    for fault in books.verify():
        verdict.chain += 1
        verdict.add(verdict.tampered, fault)
    for run_id in books.replanned():
        line = f"run {run_id}: was planned anew after its import record and has not closed since"
        verdict.add(verdict.incomplete, f"{line}. Clear it from `map_users` on")
    if extent != "none":
        with ExitStack() as stack:
            again = frozenset(again)
            asking = _Asking(open_mailbox, stack, verdict, expired, again)
            before = _named(books, again)
            others = _chosen(books, extent, connector, turn)
            rest = (one for one in others if one.delivery.delivery_key not in again)
            for batch in batches(chain(before, rest), SAMPLE):
                asking.ask(batch)
    return verdict


def _expired(books: Books, verdict: Verdict) -> Iterator[str]:
    """Count the import records; name the runs of days that are older than their connector's retention."""
    today, kept_since = dt.datetime.now(dt.UTC).date(), dict[str, dt.date]()
    for record in books.history():
        verdict.records += 1
        name = record.connector
        if name not in kept_since:
            days = _days_kept(books.mapping(name, "connector"))
            kept_since[name] = today - dt.timedelta(days) if days else dt.date.min
        if record.day < kept_since[name]:
            yield record.run_id


def _days_kept(definition: str) -> int:
    """Read the retention of a connector's definition, as the ledger keeps it; 0 is for ever."""
    retention = msgspec.json.decode(definition, type=_Definition).retention if definition else None
    return retention.days if retention else 0


def _chosen(books: Proof, extent: Extent, connector: str, turn: str) -> Iterator[Receipt]:
    if extent == "all":
        yield from books.copies(connector)
        return
    start = digest("sample", turn)
    taken = 0
    for receipt in books.copies(connector, start, SAMPLE):
        taken += 1
        yield receipt
    if taken < SAMPLE:
        rest = books.copies(connector, "", SAMPLE - taken)
        yield from takewhile(lambda one: one.delivery.delivery_key <= start, rest)


def _named(books: Proof, keys: Collection[str]) -> list[Receipt]:
    """Give the copies with these keys, which are hexadecimal."""
    first = (next(iter(books.copies("", key[:-1], 1)), None) for key in keys)
    return [one for one in first if one and one.delivery.delivery_key in keys]


@dataclass(slots=True)
class _Asking:
    """Mailboxes, opened when they are first needed; one that cannot be opened is told of once."""

    open_mailbox: OpenMailbox
    stack: ExitStack
    verdict: Verdict
    expired: set[str]
    again: Collection[str]
    opened: dict[str, Mailbox] = field(default_factory=dict)
    shut: set[str] = field(default_factory=set)

    def ask(self, receipts: Sequence[Receipt]) -> None:
        places: dict[str, list[Receipt]] = {}
        for receipt in receipts:
            places.setdefault(receipt.delivery.destination, []).append(receipt)
        for destination, copies in places.items():
            if destination in self.shut:
                self._leave(copies)
                continue
            try:
                self._ask(destination, copies)
            except CommsArchiveError as error:
                self.shut.add(destination)
                self._leave(copies)
                self.verdict.add(
                    self.verdict.incomplete, f"destination {destination}: cannot be asked: {error}"
                )

    def _ask(self, destination: str, copies: Sequence[Receipt]) -> None:
        if destination not in self.opened:
            self.opened[destination] = self.stack.enter_context(self.open_mailbox(destination))
        mailbox = self.opened[destination]
        if not mailbox.readable:
            self.verdict.unseen += len(copies)
            return
        places = by_place((one.delivery.mailbox, one.delivery.folder, one) for one in copies)

        def look(owner: str, folder: str, receipts: list[Receipt]) -> tuple[dict[str, str], dict[str, str]]:
            found = mailbox.find(owner, folder, [one.delivery.delivery_key for one in receipts])
            hashed = [
                found[one.delivery.delivery_key]
                for one in receipts
                if one.stored_hash and one.delivery.delivery_key in found
            ]
            kept = mailbox.inspect(owner, folder, hashed) if hashed else {}
            return found, {server_id: one.stored_hash for server_id, one in kept.items()}

        for place, answer in ask_each(mailbox, places, look):
            self._compare(places[place], answer)

    def _compare(
        self, receipts: list[Receipt], answer: tuple[dict[str, str], dict[str, str]] | Retriable
    ) -> None:
        if isinstance(answer, Retriable):
            destination = receipts[0].delivery.destination
            text = (
                f"destination {destination}: a mailbox with {len(receipts)} of the copies cannot be asked now"
            )
            self.verdict.add(self.verdict.incomplete, f"{text}: {answer}")
            self._leave(receipts)
            return
        found, hashes = answer
        self.verdict.copies += len(receipts)
        for one in receipts:
            key, verdict = one.delivery.delivery_key, self.verdict
            again = key in self.again
            name = f"copy {key} of item {one.delivery.key} in {one.delivery.destination} (run {one.run_id})"
            if key not in found and one.run_id in self.expired:
                verdict.expired += 1
            elif key not in found:
                fault = f"{name}: is not in its mailbox any more"
                verdict.suspect(verdict.incomplete, key, fault, again=again)
            elif not (one.stored_hash and found[key] in hashes):
                verdict.only_found += 1
            else:
                verdict.compared += 1
                if hashes[found[key]] != one.stored_hash:
                    fault = f"{name}: is not what was filed: it was changed"
                    verdict.suspect(verdict.tampered, key, fault, again=again)

    def _leave(self, receipts: Sequence[Receipt]) -> None:
        """Count copies that cannot be asked for now; what was wrong before is not forgotten."""
        self.verdict.unasked += len(receipts)
        known = {*self.verdict.suspects}
        keys = (one.delivery.delivery_key for one in receipts)
        self.verdict.suspects += [key for key in keys if key in self.again and key not in known]
