"""Days that were archived: import records with their files and items, and things set aside."""

from __future__ import annotations

import datetime as dt
from typing import Any

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


def close_day(
    ledger: SqlLedger, name: str, day: dt.date, found: int = 3, quarantined: int = 0, **more: Any
) -> ImportRecord:
    """Close a run of a day with these numbers, its files and its items."""
    run = Run(f"{name}/scheduled__{day}", name, day, "scheduled", dt.datetime(2026, 11, 20, tzinfo=dt.UTC))
    ledger.open_run(run)
    ledger.record_file(run.run_id, FileRecord(f"{day}.xml.gpg", 5_000, "a" * 64, 9_000, "b" * 64, "F" * 40))
    ledger.record_items(
        run.run_id,
        [
            PlannedItem(f"item-{number}", "r" * 8, ItemState.EXCLUDED, reason="out-of-scope")
            for number in range(found - quarantined)
        ],
    )
    if quarantined:
        ledger.record_failures(
            run.run_id,
            [Failure(f"line {number}", "", "", "convert", "truncated") for number in range(quarantined)],
        )
        ledger.hold([held(name, day, number) for number in range(quarantined)])
    numbers = {
        "archived": found - quarantined,
        "duplicate": 0,
        "excluded": 0,
        "unmapped": 0,
        "unmapped_people": 0,
        "partial": 0,
        **dict.fromkeys(
            (f"deliveries_{what}" for what in ("planned", "made", "partial", "duplicate", "failed")), 0
        ),
    }
    body = {
        "run_id": run.run_id,
        "connector": name,
        "day": day.isoformat(),
        "kind": "scheduled",
        "found": found,
    }
    root = ledger.totals(run.run_id).delivery_root
    evidence = {
        "quarantined": quarantined,
        "delivery_root": root,
        "files": 1,
        "mapping_version": "5e" * 32,
        "software": "0.1.0",
        "versions": {},
    }
    return ledger.close_run(run.run_id, {**body, **numbers, **evidence, **more})


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
