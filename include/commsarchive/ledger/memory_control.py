"""What people decide and do, in memory, and what pages ask: for one process and its lifetime."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Collection, Iterator
from dataclasses import replace

from include.commsarchive.ledger.base import Failure, Held, HeldStage, ImportRecord, Receipt
from include.commsarchive.ledger.chain import Head
from include.commsarchive.ledger.control import (
    Act,
    AuditEntry,
    AuditFilter,
    StoredConnector,
    change_of,
    check_audit,
    next_entry,
    next_version,
)
from include.commsarchive.ledger.memory import MemoryLedger
from include.commsarchive.ledger.tally import decided
from include.commsarchive.ledger.views import (
    Closed,
    Custodian,
    Decided,
    HeldFilter,
    MappingVersion,
    SetAside,
    Unmapped,
)

_NUMBERS = Closed.__match_args__[5:]


class MemoryControl(MemoryLedger):
    """A `Ledger` with its `Control` and its `Views` in dictionaries."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self._connectors: dict[str, list[StoredConnector]] = {}
        self._audit: list[AuditEntry] = []
        self._since: dict[tuple[str, str, str], int] = {}

    def connectors(self) -> list[StoredConnector]:
        """See `Control.connectors`."""
        return [versions[-1] for _, versions in sorted(self._connectors.items())]

    def versions(self, name: str) -> list[StoredConnector]:
        """See `Control.versions`."""
        return self._connectors.get(name, [])[::-1]

    def put_connector(self, name: str, definition: str, expected: int, who: str) -> StoredConnector:
        """See `Control.put_connector`."""
        return self._add_version(name, definition, expected, who)

    def retire_connector(self, name: str, expected: int, who: str) -> StoredConnector:
        """See `Control.retire_connector`."""
        return self._add_version(name, None, expected, who)

    def _add_version(self, name: str, definition: str | None, expected: int, who: str) -> StoredConnector:
        last = next(iter(self.versions(name)), None)
        made = next_version(last, name, definition, expected, who, _now())
        if made is not last:
            self._connectors.setdefault(name, []).append(made)
            self.note(change_of(last, made))
        return made

    def note(self, act: Act) -> AuditEntry:
        """See `Control.note`."""
        head = Head(self._audit[-1].seq, self._audit[-1].hash) if self._audit else Head()
        self._audit.append(next_entry(head, act, _now()))
        return self._audit[-1]

    def audit(self, chosen: AuditFilter, before: int, limit: int) -> list[AuditEntry]:
        """See `Control.audit`."""
        found = [
            one
            for one in reversed(self._audit)
            if one.seq < before
            and chosen.first <= one.at < chosen.last
            and (chosen.connectors is None or one.act.connector in chosen.connectors)
            and chosen.who in ("", one.act.who)
            and chosen.what in ("", one.act.what)
        ]
        return found[:limit]

    def verify_audit(self) -> Iterator[str]:
        """See `Control.verify_audit`."""
        head = Head(self._audit[-1].seq, self._audit[-1].hash) if self._audit else Head()
        yield from check_audit(self._audit, head)

    def recorded(self) -> list[str]:
        """See `Views.recorded`."""
        return sorted({record.connector for record in self._records})

    def closed(self, connectors: Collection[str], first: dt.date, last: dt.date) -> list[Closed]:
        """See `Views.closed`."""
        return [
            _closed(one) for one in self._records if one.connector in connectors and first <= one.day <= last
        ]

    def last_closed(self, connectors: Collection[str]) -> list[Closed]:
        """See `Views.last_closed`."""
        ours = [one for one in self._records if one.connector in connectors]
        last = {one.connector: one for one in ours if self._runs[one.run_id].kind != "replay"}
        return [_closed(one) for one in last.values()]

    def records(
        self, connectors: Collection[str], first: dt.date, last: dt.date, before: int, limit: int
    ) -> list[ImportRecord]:
        """See `Views.records`."""
        found = [
            one
            for one in reversed(self._records)
            if one.connector in connectors and first <= one.day <= last and one.seq < before
        ]
        return found[:limit]

    def record(self, seq: int) -> ImportRecord | None:
        """See `Views.record`."""
        return next((one for one in self._records if one.seq == seq), None)

    def items_page(self, seq: int, state: str, after: tuple[str, str], limit: int) -> list[Decided]:
        """See `Views.items_page`."""
        record = self.record(seq)
        found = map(decided, self._decided(record.run_id if record else ""))
        return [one for one in found if (one.key, one.revision) > after and state in ("", one.state)][:limit]

    def failures_page(self, seq: int, offset: int, limit: int) -> list[Failure]:
        """See `Views.failures_page`."""
        return list(self.failures_of(seq))[offset : offset + limit]

    def receipts_page(self, seq: int, after: str, limit: int) -> list[Receipt]:
        """See `Views.receipts_page`."""
        return [one for one in self.receipts_of(seq) if one.delivery.delivery_key > after][:limit]

    def set_aside(self, connectors: Collection[str]) -> list[SetAside]:
        """See `Views.set_aside`."""
        counts: dict[tuple[str, dt.date, HeldStage], int] = {}
        for one in self._held.values():
            if one.connector in connectors and not one.resolved_by:
                key = (one.connector, one.day, one.stage)
                counts[key] = counts.get(key, 0) + 1
        return [SetAside(*key, number) for key, number in counts.items()]

    def held_page(self, chosen: HeldFilter, after: int, limit: int) -> list[tuple[int, Held]]:
        """See `Views.held_page`."""
        found = [
            (seq, one)
            for seq, one in enumerate(self._held.values(), 1)
            if one.connector == chosen.connector
            and chosen.first <= one.day <= chosen.last
            and not one.resolved_by
            and chosen.stage in ("", one.stage)
            and chosen.reason in ("", one.reason)
            and seq > after
        ]
        return found[:limit]

    def held_one(self, held_id: str) -> Held | None:
        """See `Views.held_one`."""
        return self._held.get(held_id)

    def unmapped_people(self, connector: str) -> list[Unmapped]:
        """See `Views.unmapped_people`."""
        found: dict[str, Unmapped] = {}
        for one in self.held(connector, dt.date.min, dt.date.max):
            for person in one.people:
                before = found.get(person, Unmapped(person, one.day, 0))
                found[person] = replace(before, since=min(before.since, one.day), items=before.items + 1)
        return [found[person] for person in sorted(found)]

    def custodians(self, connector: str, after: str, limit: int) -> list[Custodian]:
        """See `Views.custodians`."""
        found: dict[str, Custodian] = {}
        for record in self._records:
            if record.connector == connector:
                for receipt in self.receipts_of(record.seq):
                    name = receipt.delivery.mailbox
                    before = found.get(name, Custodian(name, record.day, record.day, 0))
                    first, last = min(before.first, record.day), max(before.last, record.day)
                    found[name] = Custodian(name, first, last, before.copies + 1)
        return [found[name] for name in sorted(found) if name > after][:limit]

    def keep_mapping(self, connector: str, kind: str, version: str, body: str) -> None:
        """See `Ledger.keep_mapping`."""
        if self.mapping(connector, kind) != body:
            super().keep_mapping(connector, kind, version, body)
            self._since[connector, kind, version] = _now()

    def mapping_versions(self, connector: str) -> list[MappingVersion]:
        """See `Views.mapping_versions`."""
        return [
            MappingVersion(
                kind, version, version == list(versions)[-1], self._since.get((connector, kind, version), 0)
            )
            for (owner, kind), versions in self._mappings.items()
            if owner == connector
            for version in reversed(versions)
        ]


def _closed(record: ImportRecord) -> Closed:
    numbers = {name: record.body.get(name, 0) for name in _NUMBERS} | {"kind": record.body.get("kind", "")}
    return Closed(record.seq, record.run_id, record.connector, record.day, record.closed_at, **numbers)


def _now() -> int:
    return time.time_ns() // 1_000_000
