"""Days that were archived: import records with their files and items, and things set aside."""

from __future__ import annotations

import datetime as dt
from typing import Any

from include.commsarchive.ids import digest
from include.commsarchive.ledger.base import (
    Failure,
    FileRecord,
    Held,
    HeldStage,
    ImportRecord,
    ItemState,
    PlannedItem,
    Run,
)
from include.commsarchive.ledger.sql import SqlLedger

_NONE = (
    "duplicate",
    "excluded",
    "unmapped",
    "unmapped_people",
    "partial",
    *(f"deliveries_{what}" for what in ("planned", "made", "partial", "duplicate", "failed")),
)


def close_day(
    ledger: SqlLedger, name: str, day: dt.date, found: int = 3, quarantined: int = 0, **more: Any
) -> ImportRecord:
    """Close a run of a day with these numbers, one file, some items, and what was set aside."""
    run = Run(f"{name}/scheduled__{day}", name, day, "scheduled", dt.datetime(2026, 11, 20, tzinfo=dt.UTC))
    ledger.open_run(run)
    hashes = {"sha256": digest("raw", str(day)), "clear_sha256": digest("clear", str(day))}
    ledger.record_file(run.run_id, FileRecord(f"{day}.xml.gpg", 5_000, clear_size=9_000, **hashes))
    some = range(min(found - quarantined, 3))
    items = [PlannedItem(f"item-{number}", "r" * 8, ItemState.EXCLUDED) for number in some]
    ledger.record_items(run.run_id, items)
    bad = range(quarantined)
    failures = [Failure(f"line {number}", "", "", "convert", "truncated", "it ends early") for number in bad]
    ledger.record_failures(run.run_id, failures)
    ledger.hold([held(name, day, number) for number in bad])
    body = {
        "run_id": run.run_id,
        "connector": name,
        "day": day.isoformat(),
        "kind": "scheduled",
        "found": found,
        "archived": found - quarantined,
        "quarantined": quarantined,
        **dict.fromkeys(_NONE, 0),
        "delivery_root": ledger.totals(run.run_id).delivery_root,
        "mapping_version": digest("mapping"),
        "versions": {},
        "software": "0.1.0",
    }
    return ledger.close_run(run.run_id, {**body, **more})


def held(name: str, day: dt.date, number: int = 0, **changes: Any) -> Held:
    """Make something that was set aside."""
    given = {
        "held_id": f"{abs(hash((name, day, number))):032x}",
        "run_id": f"{name}/scheduled__{day}",
        "connector": name,
        "day": day,
        "stage": HeldStage.CONVERT,
        "reason": "truncated",
        "detail": "ends in the middle of a record",
        "place": f"chat.xml, record {number}",
        "path": "somewhere",
        "sha256": "c" * 64,
    }
    return Held(**{**given, **changes})
