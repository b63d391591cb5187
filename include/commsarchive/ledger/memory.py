"""The ledger in memory: the same promises as in a database, for one process and its lifetime."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import astuple, replace
from operator import itemgetter
from typing import Any

from include.commsarchive.errors import Fatal
from include.commsarchive.ledger import chain
from include.commsarchive.ledger.base import (
    Failure,
    FileRecord,
    Held,
    HeldStage,
    ImportRecord,
    PlannedItem,
    Receipt,
    Run,
    Totals,
)
from include.commsarchive.ledger.memory_deliveries import MemoryDeliveries
from include.commsarchive.ledger.tally import TRIED, Fates, Tally


class MemoryLedger(MemoryDeliveries):
    """A `Ledger` in dictionaries."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self._runs: dict[str, Run] = {}
        self._files: dict[tuple[str, str], FileRecord] = {}
        self._items: dict[str, dict[tuple[str, str], PlannedItem]] = {}
        self._failures: dict[str, dict[Failure, Failure]] = {}
        self._sealed_failures: dict[int, list[Failure]] = {}
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
        rows = {replace(row, detail=""): row for row in failures}
        self._failures.setdefault(run_id, {}).update(rows)

    def failures(self, run_id: str) -> Iterator[Failure]:
        """See `Ledger.failures`."""
        rows = self._failures.get(run_id, {})
        yield from sorted(rows.values(), key=astuple)

    def failures_of(self, seq: int) -> Iterator[Failure]:
        """See `Ledger.failures_of`."""
        yield from self._sealed_failures.get(seq, [])

    def receipts_of(self, seq: int) -> Iterator[Receipt]:
        """See `Ledger.receipts_of`."""
        for _, copy in sorted(self._copies.items(), key=itemgetter(0)):
            if copy.sealed == seq:
                yield copy.receipt

    def hold(self, held: Sequence[Held]) -> None:
        """See `Ledger.hold`."""
        for thing in held:
            before = self._held.get(thing.held_id, thing)
            self._held[thing.held_id] = replace(thing, day=before.day, place=before.place, resolved_by="")

    def resolve(self, held_ids: Collection[str], resolved_by: str) -> None:
        """See `Ledger.resolve`."""
        for held_id in self._held.keys() & set(held_ids):
            self._held[held_id] = replace(self._held[held_id], resolved_by=resolved_by)

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

    def _forgive(self, run_id: str) -> None:
        """See `seals.forgive`."""
        failed = self._failed(run_id)
        tried = {name for name, item in self._items.get(run_id, {}).items() if item.state in TRIED}
        keys = {key for key, _ in tried}
        places = {(one.key, one.mailbox) for one in failed}
        self._failures[run_id] = {
            row: whole
            for row, whole in self._failures.get(run_id, {}).items()
            if row.stage != HeldStage.INGEST
            or row.item_id not in keys
            or (row.item_id, row.mailbox) in places
        }
        mended = tried.difference((one.key, one.revision) for one in failed)
        for name, thing in self._held.items():
            mine = (thing.run_id, thing.stage, thing.resolved_by) == (run_id, HeldStage.INGEST, "")
            if mine and (thing.key, thing.revision) in mended:
                self._held[name] = replace(thing, resolved_by=run_id)

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
        self._forgive(run_id)
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
