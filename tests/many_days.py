"""A ledger of many connectors and years of days, made quickly: for tests and measurements of pages."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from include.commsarchive.ids import digest, root_hash
from include.commsarchive.ledger import schema
from include.commsarchive.ledger.base import ImportRecord
from include.commsarchive.ledger.chain import GENESIS, Head, canonical, failure_root, record_hash
from include.commsarchive.ledger.control import Act, AuditEntry, AuditFilter, next_entry
from include.commsarchive.ledger.sql import SqlLedger

LAST = dt.date(2026, 11, 20)
CUSTODIANS = 25
HELD_EVERY = 50
"""One day in so many has something set aside, and an entry in the audit trail."""

_ACTS = ("archive-days", "replay", "open-content", "change-connector", "pause")

Row = dict[str, Any]


def fill(ledger: SqlLedger, names: list[str], days: int, last: dt.date = LAST) -> None:
    """Close every day of every connector, oldest first; the chain is a true one."""
    batch: dict[sa.Table, list[Row]] = {}
    head = Head()
    for table, row in _rows(names, days, last):
        batch.setdefault(table, []).append(row)
        if table is schema.import_record:
            head = Head(row["seq"], row["hash"])
            if row["seq"] % 5000 == 0:
                _write(ledger, batch)
    batch.setdefault(schema.head, []).append({"seq": head.seq, "hash": head.hash})
    _write(ledger, batch)


def fill_trail(ledger: SqlLedger, names: list[str], acts: int) -> None:
    """Let fifty people do something every few minutes, after all that is in the trail."""
    last = ledger.audit(AuditFilter(), 2**62, 1)
    head = Head(last[0].seq, last[0].hash) if last else Head()
    now, rows = time.time_ns() // 1_000_000, []
    for number in range(acts):
        what = _ACTS[number % len(_ACTS)]
        act = Act(f"person_{number % 50}", what, names[number % len(names)], str(number))
        entry = next_entry(head, act, now - (acts - number) * 300_000)
        head = Head(entry.seq, entry.hash)
        rows.append(_audit_row(entry))
    _write(ledger, {schema.audit: rows})
    with ledger._database.write() as connection:
        connection.execute(sa.update(schema.audit_head).values(seq=head.seq, hash=head.hash))


def _audit_row(entry: AuditEntry) -> Row:
    act = entry.act
    return {
        "seq": entry.seq, "at": entry.at, "who": act.who, "what": act.what, "connector": act.connector,
        "thing": act.thing, "outcome": act.outcome, "detail": canonical(dict(act.detail)),
        "previous": entry.previous, "hash": entry.hash,
    }  # fmt: skip


def _write(ledger: SqlLedger, batch: dict[sa.Table, list[Row]]) -> None:
    with ledger._database.write() as connection:
        for table, rows in batch.items():
            connection.execute(sa.insert(table), rows)
    batch.clear()


def _rows(names: list[str], days: int, last: dt.date) -> Iterator[tuple[sa.Table, Row]]:
    previous, seq, entries = GENESIS, 0, Head()
    for back in range(days - 1, -1, -1):
        day = last - dt.timedelta(days=back)
        for number, name in enumerate(names):
            seq += 1
            found = 400 + number if day.weekday() < 5 else 20
            record = _record(seq, name, day, found, previous)
            previous = record.hash
            yield schema.run, {
                "run_id": record.run_id, "connector": name, "day": day, "kind": "scheduled",
                "window_end": record.closed_at.isoformat(), "planned": 0,
            }  # fmt: skip
            yield schema.import_record, {
                "seq": seq, "run_id": record.run_id, "connector": name, "day": day,
                "closed_at": record.closed_at.isoformat(), "previous": record.previous, "hash": record.hash,
                "body": canonical(record.body),
            }  # fmt: skip
            for custodian in range(CUSTODIANS):
                yield schema.custodian, {"seq": seq, "mailbox": f"u{custodian}@firm.example", "copies": found}
            if seq % HELD_EVERY == 0:
                yield schema.held, _held(record)
                entry = next_entry(entries, Act("ada", "replay", name, str(day)), seq)
                entries = Head(entry.seq, entry.hash)
                yield schema.audit, _audit_row(entry)
    yield schema.audit_head, {"seq": entries.seq, "hash": entries.hash}


def _record(seq: int, name: str, day: dt.date, found: int, previous: str) -> ImportRecord:
    body = {
        "kind": "scheduled", "found": found, "archived": found, "duplicate": 0, "excluded": 0,
        "quarantined": 0, "unmapped": 2, "unmapped_people": 1, "partial": 0, "deliveries_planned": found * 3,
        "deliveries_made": found * 3, "deliveries_partial": 0, "deliveries_duplicate": 0,
        "deliveries_failed": 0, "delivery_root": root_hash([]), "failure_root": failure_root([]), "files": 6,
        "file_hashes": [digest(name, str(day), str(file)) * 2 for file in range(6)],
        "mapping_version": digest("mapping"), "software": "0.1.0",
    }  # fmt: skip
    at = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(5, 10), dt.UTC)
    record = ImportRecord(seq, f"{name}/scheduled__{day}", name, day, at, previous, "", body)
    return ImportRecord(seq, record.run_id, name, day, at, previous, record_hash(record), body)


def _held(record: ImportRecord) -> Row:
    held_id = digest(record.run_id)
    return {
        "held_id": held_id, "run_id": record.run_id, "connector": record.connector, "day": record.day,
        "stage": "convert", "reason": "missing-date", "detail": "no date", "place": "export.xml: record 7",
        "path": f"bundles/{held_id}", "sha256": held_id * 2, "key": "", "revision": "", "people": "[]",
        "resolved_by": "" if record.seq % 3 else "replay",
    }  # fmt: skip
