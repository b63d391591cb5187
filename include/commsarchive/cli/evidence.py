"""``history`` and ``verify``: what was imported, and whether the ledger still says what it said."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from include.commsarchive.errors import Fatal
from include.commsarchive.ledger.base import ImportRecord
from include.commsarchive.ledger.sql import connect

COLUMNS = ("found", "archived", "duplicate", "excluded", "quarantined", "unmapped")
COPIES = ("deliveries_planned", "deliveries_made", "deliveries_duplicate", "deliveries_failed")


def add_commands(commands: Any) -> None:
    """Add ``history`` and ``verify``."""
    one = commands.add_parser("history", help="print the import history")
    one.add_argument("--connector", default="", help="only this connector")
    one.add_argument("--since", type=dt.date.fromisoformat, metavar="YYYY-MM-DD", help="from this day on")
    one.add_argument("--json", action="store_true", help="a JSON list instead of a table")
    one.set_defaults(run=run_history)
    two = commands.add_parser("verify", help="recompute the chain of records and the delivery hashes")
    two.set_defaults(run=run_verify)
    for command in (one, two):
        add_ledger(command)


def add_ledger(command: Any) -> None:
    """Let a command name the ledger."""
    command.add_argument(
        "--ledger",
        default=os.environ.get("COMMSARCHIVE_LEDGER", ""),
        metavar="URL",
        help="database of the ledger; default: COMMSARCHIVE_LEDGER, else the file in AIRFLOW_HOME",
    )


def run_history(arguments: argparse.Namespace) -> int:
    """Print import records, oldest first."""
    with connect(ledger_url(arguments)) as ledger:
        records = list(ledger.history(arguments.connector, arguments.since))
    if arguments.json:
        print(json.dumps([as_json(record) for record in records], indent=2))
    else:
        print(table(records))
    return 0


def run_verify(arguments: argparse.Namespace) -> int:
    """Verify; exit code 6 when anything is off."""
    with connect(ledger_url(arguments)) as ledger:
        number = sum(1 for _ in ledger.history())
        faults = list(ledger.verify())
    for fault in faults:
        print(fault)
    print(f"{number} import records: {'intact' if not faults else f'{len(faults)} faults'}")
    return 6 if faults else 0


def as_json(record: ImportRecord) -> dict[str, Any]:
    """A record as one flat JSON object."""
    envelope = {key: value for key, value in asdict(record).items() if key != "body"}
    return {**record.body, **{key: _plain(value) for key, value in envelope.items()}}


def table(records: list[ImportRecord]) -> str:
    """Records as a table for people, one line a run."""
    heads = ("day", "connector", "kind", *COLUMNS, "copies", "made", "dup", "failed", "hash")
    rows = [
        (
            record.day.isoformat(),
            record.connector,
            str(record.body.get("kind", "")),
            *(str(record.body.get(name, "")) for name in (*COLUMNS, *COPIES)),
            record.hash[:12],
        )
        for record in records
    ]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    text = range(3)
    lines = [
        "  ".join(
            cell.ljust(width) if place in text else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (heads, tuple("-" * width for width in widths), *rows)
    ]
    return "\n".join(lines)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, (dt.date, dt.datetime)) else value


def ledger_url(arguments: argparse.Namespace) -> str:
    """Find the ledger as the operators do, but make none."""
    if arguments.ledger:
        return str(arguments.ledger)
    path = Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser() / "commsarchive" / "ledger.db"
    if not path.exists():
        raise Fatal(f"no ledger: {path} is not there. Pass --ledger URL or set COMMSARCHIVE_LEDGER")
    return f"sqlite:///{path}"
