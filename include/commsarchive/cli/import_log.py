"""``import-log``: the import log of a connector's day, as the pages and the API give it."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from include.commsarchive.cli.evidence import add_ledger, ledger_url
from include.commsarchive.errors import Fatal
from include.commsarchive.ledger.base import ImportRecord, Ledger
from include.commsarchive.ledger.sql import connect
from include.commsarchive.stages.import_log import csv_rows, json_pieces


def add_commands(commands: Any) -> None:
    """Add this command."""
    one = commands.add_parser(
        "import-log",
        help="print the import log of a day: what became of it, each failure and each copy",
        description="All closed runs of the day, replays too, oldest first. It holds people's addresses.",
    )
    one.add_argument("connector")
    one.add_argument("day", type=dt.date.fromisoformat, metavar="YYYY-MM-DD", help="the business day")
    one.add_argument("--json", action="store_true", help="a JSON list of runs instead of CSV")
    add_ledger(one)
    one.set_defaults(run=run_import_log)


def run_import_log(arguments: argparse.Namespace) -> int:
    """Print the logs of a day's import records in UTF-8, with flat memory."""
    connector, day = arguments.connector, arguments.day
    with connect(ledger_url(arguments)) as ledger:
        records = [one for one in ledger.history(connector, day) if one.day == day]
        if not records:
            raise Fatal(f"no run of {connector} for {day} has closed. `history` lists those that have")
        pieces = _json(records, ledger) if arguments.json else _csv(records, ledger)
        sys.stdout.flush()
        sys.stdout.buffer.writelines(piece.encode("utf-8", "backslashreplace") for piece in pieces)
        sys.stdout.buffer.flush()
    return 0


def _csv(records: Sequence[ImportRecord], ledger: Ledger) -> Iterator[str]:
    """Give one table: the header once; each row names its record."""
    for place, record in enumerate(records):
        yield from islice(csv_rows(record, ledger), min(place, 1), None)


def _json(records: Sequence[ImportRecord], ledger: Ledger) -> Iterator[str]:
    for place, record in enumerate(records):
        yield "," if place else "["
        yield from json_pieces(record, ledger)
    yield "]\n"
