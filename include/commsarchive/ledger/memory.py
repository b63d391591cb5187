"""The ledger in memory: the same promises as in a database, for one process and its lifetime."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from operator import itemgetter
from typing import Any, Literal

from include.commsarchive.errors import Fatal
from include.commsarchive.ledger import chain
from include.commsarchive.ledger.base import (
    Delivery,
    Failure,
    FileRecord,
    Held,
    ImportRecord,
    Known,
    PlannedItem,
    Receipt,
    Run,
    Totals,
)
from include.commsarchive.ledger.tally import Fates, Tally
from include.commsarchive.model import Outcome

Fate = Literal["duplicate", "failed"]


@dataclass(slots=True)
class _Copy:
    """A delivery: its receipt (blank until it is made), how far it went, what covers it."""

    receipt: Receipt
    state: Literal["intended", "delivered", "failed"] = "intended"
    sealed: int = 0

    def is_made_by(self, run_id: str) -> bool:
        return self.state == "delivered" and self.receipt.run_id == run_id


class MemoryLedger:
    """A `Ledger` in dictionaries."""

    def __init__(self) -> None:
        """Start empty."""
        self._runs: dict[str, Run] = {}
        self._files: dict[tuple[str, str], FileRecord] = {}
        self._items: dict[str, dict[tuple[str, str], PlannedItem]] = {}
        self._failures: dict[str, dict[Failure, None]] = {}
        self._sealed_failures: dict[int, list[Failure]] = {}
        self._copies: dict[str, _Copy] = {}
        self._fates: dict[str, dict[str, Fate]] = {}
        self._held: dict[str, Held] = {}
        self._mappings: dict[tuple[str, str], dict[str, str]] = {}
        self._records: list[ImportRecord] = []
        self._head = chain.Head()

    def open_run(self, run: Run) -> Run:
        """See `Ledger.open_run`."""
        return self._runs.setdefault(run.run_id, run)

    def record_file(self, run_id: str, file: FileRecord) -> None:
        """See `Ledger.record_file`."""
        self._files[run_id, file.name] = file

    def files(self, run_id: str) -> list[FileRecord]:
        """See `Ledger.files`."""
        return [file for (owner, _), file in sorted(self._files.items()) if owner == run_id]

    def plan_anew(self, run_id: str) -> None:
        """See `Ledger.plan_anew`."""
        for forgotten in (self._items, self._fates, self._failures):
            forgotten.pop(run_id, None)

    def record_items(self, run_id: str, items: Sequence[PlannedItem]) -> None:
        """See `Ledger.record_items`."""
        self._items.setdefault(run_id, {}).update({(item.key, item.revision): item for item in items})

    def record_failures(self, run_id: str, failures: Sequence[Failure]) -> None:
        """See `Ledger.record_failures`."""
        self._failures.setdefault(run_id, {}).update(dict.fromkeys(failures))

    def failures(self, run_id: str) -> Iterator[Failure]:
        """See `Ledger.failures`."""
        rows = self._failures.get(run_id, {})
        yield from sorted(rows, key=astuple)

    def failures_of(self, seq: int) -> Iterator[Failure]:
        """See `Ledger.failures_of`."""
        yield from self._sealed_failures.get(seq, [])

    def receipts_of(self, seq: int) -> Iterator[Receipt]:
        """See `Ledger.receipts_of`."""
        for _, copy in sorted(self._copies.items(), key=itemgetter(0)):
            if copy.sealed == seq:
                yield copy.receipt

    def delivered(self, delivery_keys: Collection[str]) -> dict[str, Known]:
        """See `Ledger.delivered`."""
        return {
            key: Known(copy.receipt.run_id, copy.state == "delivered", copy.receipt.server_id)
            for key in delivery_keys
            if (copy := self._copies.get(key)) and copy.state != "failed"
        }

    def intend(self, run_id: str, deliveries: Sequence[Delivery], *, lease: float = 0) -> dict[str, Known]:
        """See `Ledger.intend`."""
        known = self.delivered([one.delivery_key for one in deliveries])
        now = _now()
        for one in deliveries:
            key = one.delivery_key
            before = known.get(key)
            if before is None or not before.delivered:
                since = self._copies[key].receipt.settled_at if before else 0
                if before and before.run_id != run_id and since > now - lease * 1000:
                    known[key] = replace(before, busy=True)
                else:
                    self._copies[key] = _Copy(Receipt(one, run_id, "", "", now))
            elif before.run_id != run_id:
                self._put_fate(run_id, key, "duplicate")
        return known

    def settle(self, run_id: str, outcomes: Sequence[Outcome]) -> None:
        """See `Ledger.settle`."""
        if unknown := {one.delivery_key for one in outcomes} - self._copies.keys():
            raise Fatal(f"run {run_id}: {len(unknown)} receipts without an intent; report this as a bug")
        for one in outcomes:
            copy = self._copies[one.delivery_key]
            if copy.state == "delivered":
                if copy.receipt.run_id != run_id:
                    self._put_fate(run_id, one.delivery_key, "duplicate")
                continue
            copy.state = "failed" if one.reason else "delivered"
            copy.receipt = Receipt(
                delivery=copy.receipt.delivery,
                run_id=run_id,
                server_id=one.server_id,
                content_hash=one.content_hash,
                settled_at=_now(),
                request_id=one.request_id,
                stored_hash=one.stored_hash,
            )
            if one.reason:
                self._put_fate(run_id, one.delivery_key, "failed")

    def open_intents(self, run_id: str) -> Iterator[Delivery]:
        """See `Ledger.open_intents`."""
        for _, copy in sorted(self._copies.items(), key=itemgetter(0)):
            if copy.state == "intended" and copy.receipt.run_id == run_id:
                yield copy.receipt.delivery

    def withdraw(self, run_id: str, delivery_keys: Collection[str]) -> None:
        """See `Ledger.withdraw`."""
        for one in list(self.open_intents(run_id)):
            if one.delivery_key in delivery_keys:
                del self._copies[one.delivery_key]

    def hold(self, held: Sequence[Held]) -> None:
        """See `Ledger.hold`."""
        for thing in held:
            before = self._held.get(thing.held_id, thing)
            self._held[thing.held_id] = replace(thing, day=before.day, place=before.place, resolved_by="")

    def resolve(self, held_ids: Collection[str], run_id: str) -> None:
        """See `Ledger.resolve`."""
        for held_id in self._held.keys() & set(held_ids):
            self._held[held_id] = replace(self._held[held_id], resolved_by=run_id)

    def held(self, connector: str, first: dt.date, last: dt.date) -> Iterator[Held]:
        """See `Ledger.held`."""
        for thing in sorted(self._held.values(), key=lambda thing: thing.day):
            if thing.connector == connector and first <= thing.day <= last and not thing.resolved_by:
                yield thing

    def keep_mapping(self, connector: str, kind: str, version: str, body: str) -> None:
        """See `Ledger.keep_mapping`."""
        versions = self._mappings.setdefault((connector, kind), {})
        versions.pop(version, None)
        versions[version] = body

    def mapping(self, connector: str, kind: str) -> str:
        """See `Ledger.mapping`."""
        return list(self._mappings.get((connector, kind), {"": ""}).values())[-1]

    def totals(self, run_id: str) -> Totals:
        """See `Ledger.totals`."""
        tally = Tally()
        for item, fates in self._decided(run_id):
            tally.add(item, fates)
        made = self._made(run_id)
        still_open = len(list(self.open_intents(run_id)))
        return tally.totals(len(made), still_open, chain.delivery_root(made))

    def _decided(self, run_id: str) -> Iterator[tuple[PlannedItem, Fates]]:
        """Give a run's items, each with what became of its copies, by key."""
        fates: dict[tuple[str, str], list[str]] = {}
        for receipt in self._made(run_id):
            one = receipt.delivery
            fates.setdefault((one.key, one.revision), []).append("made")
        for key, fate in self._fates.get(run_id, {}).items():
            if key in self._copies and not self._copies[key].is_made_by(run_id):
                one = self._copies[key].receipt.delivery
                fates.setdefault((one.key, one.revision), []).append(fate)
        for name, item in sorted(self._items.get(run_id, {}).items()):
            yield item, Fates(*map(fates.get(name, []).count, ("made", "duplicate", "failed")))

    def close_run(self, run_id: str, body: Mapping[str, Any]) -> ImportRecord:
        """See `Ledger.close_run`."""
        body = dict(body) | {"failure_root": chain.failure_root(self.failures(run_id))}
        last = next((one for one in reversed(self._records) if one.run_id == run_id), None)
        if last and chain.canonical(last.body) == chain.canonical(body):
            return last
        if run_id not in self._runs:
            raise Fatal(f"run {run_id} was never opened, so it cannot be closed; report this as a bug")
        root = chain.delivery_root(self._made(run_id))
        record = chain.next_record(self._head, self._runs[run_id], body, root)
        self._records.append(record)
        self._head = chain.Head(record.seq, record.hash)
        self._sealed_failures[record.seq] = list(self.failures(run_id))
        for copy in self._copies.values():
            if copy.is_made_by(run_id):
                copy.sealed = copy.sealed or record.seq
        return record

    def history(self, connector: str = "", first: dt.date | None = None) -> Iterator[ImportRecord]:
        """See `Ledger.history`."""
        for record in self._records:
            if connector in ("", record.connector) and (first is None or record.day >= first):
                yield record

    def verify(self) -> Iterator[str]:
        """See `Ledger.verify`."""
        yield from chain.check(
            self._records,
            self._head,
            {
                "delivery_root": lambda record: chain.delivery_root(self._made(record.run_id, record.seq)),
                "failure_root": lambda record: chain.failure_root(self.failures_of(record.seq)),
            },
            lambda run_id, seq: len(self._made(run_id)) - len(self._made(run_id, seq)),
        )

    def _made(self, run_id: str, sealed_by: int | None = None) -> list[Receipt]:
        """Receipts of a run in key order: all, or those that records up to a number cover."""
        return [
            copy.receipt
            for _, copy in sorted(self._copies.items(), key=itemgetter(0))
            if copy.is_made_by(run_id) and (sealed_by is None or 0 < copy.sealed <= sealed_by)
        ]

    def _put_fate(self, run_id: str, delivery_key: str, fate: Fate) -> None:
        self._fates.setdefault(run_id, {})[delivery_key] = fate


def _now() -> int:
    return time.time_ns() // 1_000_000
