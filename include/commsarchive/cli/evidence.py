"""``history``, ``verify`` and ``export-evidence``: what was imported, and its proof."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
from contextlib import AbstractContextManager, closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from include.commsarchive.cli.airflow_connections import find_connection
from include.commsarchive.doors import open_mailbox
from include.commsarchive.errors import Fatal
from include.commsarchive.ledger.base import ImportRecord
from include.commsarchive.ledger.database import shown
from include.commsarchive.ledger.sql import connect, is_there
from include.commsarchive.ledger.views import Views
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.stages.evidence import MANIFEST, evidence_zip
from include.commsarchive.stages.verify import Extent, verify

COLUMNS = ("found", "archived", "duplicate", "excluded", "quarantined", "unmapped")
COPIES = ("deliveries_planned", "deliveries_made", "deliveries_duplicate", "deliveries_failed")


EXIT_CODES = {"intact": 0, "tampered": 6, "incomplete": 7}
"""How `verify` and `export-evidence` end, by verdict."""


def add_commands(commands: Any) -> None:
    """Add these commands."""
    one = commands.add_parser("history", help="print the import history")
    one.add_argument("--connector", default="", help="only this connector")
    one.add_argument("--since", type=dt.date.fromisoformat, metavar="YYYY-MM-DD", help="from this day on")
    one.add_argument("--json", action="store_true", help="a JSON list instead of a table")
    one.set_defaults(run=run_history)
    two = commands.add_parser(
        "verify", help="recompute the chain of records; look copies up in their mailboxes"
    )
    two.add_argument(
        "--mailboxes", choices=get_args(Extent), default="none", help="copies to look up; default: none"
    )
    two.add_argument("--connector", default="", help="look up this connector's copies only")
    two.set_defaults(run=run_verify)
    three = commands.add_parser("export-evidence", help="write an examiner's package of a range of days")
    three.add_argument("connector")
    three.add_argument("--first", type=dt.date.fromisoformat, required=True, metavar="YYYY-MM-DD")
    three.add_argument("--last", type=dt.date.fromisoformat, required=True, metavar="YYYY-MM-DD")
    three.add_argument("--out", type=Path, required=True, metavar="FILE.zip", help="never overwritten")
    three.set_defaults(run=run_export)
    for command in (one, two, three):
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
        if arguments.connector:
            _refuse_unknown(ledger, arguments.connector)
        records = list(ledger.history(arguments.connector, arguments.since))
    if arguments.json:
        print(json.dumps([as_json(record) for record in records], indent=2))
    elif records:
        print(table(records))
    else:
        print("no import records" + (f" since {arguments.since}" if arguments.since else " yet"))
    return 0


def run_verify(arguments: argparse.Namespace) -> int:
    """Verify; exit code 6 when anything was changed, 7 when something is missing or could not be asked."""
    turn = dt.datetime.now(dt.UTC).date().isoformat()
    with connect(ledger_url(arguments)) as ledger:
        if arguments.connector:
            _refuse_unknown(ledger, arguments.connector)
        verdict = verify(ledger, _open_mailbox, arguments.mailboxes, connector=arguments.connector, turn=turn)
    for fault in (*verdict.tampered, *verdict.incomplete):
        print(fault)
    if verdict.unlisted:
        print(f"... and {verdict.unlisted} more")
    print(verdict)
    return EXIT_CODES[verdict.word]


def run_export(arguments: argparse.Namespace) -> int:
    """Write an examiner's package; exit codes as `run_verify`'s: the package holds the same verdict."""
    if arguments.first > arguments.last:
        raise Fatal("--first comes after --last. Swap them")
    with connect(ledger_url(arguments)) as ledger:
        _refuse_unknown(ledger, arguments.connector)
        verdict = verify(ledger, _open_mailbox)
        pieces = evidence_zip(ledger, arguments.connector, arguments.first, arguments.last, verdict)
        try:
            with arguments.out.open("xb") as sink:
                sink.writelines(pieces)
        except FileExistsError as error:
            raise Fatal(
                f"{arguments.out}: is there already and is not overwritten. Name another file"
            ) from error
        except OSError as error:
            raise Fatal(f"{arguments.out}: cannot be written: {error.strerror}. Mend its folder") from error
    print(f"{arguments.out}: {verdict}. Unpack it and run `sha256sum -c {MANIFEST}`")
    return EXIT_CODES[verdict.word]


def _refuse_unknown(books: Views, connector: str) -> None:
    if connector not in (known := books.recorded()):
        others = f"only of: {', '.join(known)}. Check the spelling"
        none = "nor of any other connector. Check that this is the ledger you mean"
        raise Fatal(f"no records of {connector}, {others if known else none}")


def _open_mailbox(destination: str) -> AbstractContextManager[Mailbox]:
    return closing(open_mailbox(find_connection(destination)))


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
    url = stated_ledger(arguments)
    if not is_there(url):
        raise Fatal(f"no ledger: {shown(url)} is not there. Pass --ledger URL or set COMMSARCHIVE_LEDGER")
    return url


def stated_ledger(arguments: argparse.Namespace) -> str:
    """Say where the ledger is to be; it need not be there."""
    home = Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser()
    return arguments.ledger or f"sqlite:///{home / 'commsarchive' / 'ledger.db'}"
