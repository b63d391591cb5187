"""``check``: a connector, a mapping file, the connections: before a connector is activated."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path
from typing import Any

from include.commsarchive.cli.connections import run_connections
from include.commsarchive.connector import load_connector
from include.commsarchive.errors import Fatal
from include.commsarchive.mapping.table import read_mapping
from include.commsarchive.sources.registry import source


def add_commands(commands: Any) -> None:
    """Add ``check connector``, ``check mapping`` and ``check connections``."""
    check = commands.add_parser("check", help="check a connector, a mapping file or the connections")
    verbs = check.add_subparsers(dest="verb", required=True, metavar="WHAT")
    one = verbs.add_parser("connector", help="is this YAML file a connector?")
    one.add_argument("files", nargs="+", type=Path, metavar="FILE")
    one.set_defaults(run=run_connector)
    two = verbs.add_parser("mapping", help="is every row of this mapping CSV good?")
    two.add_argument("file", type=Path, metavar="FILE")
    two.set_defaults(run=run_mapping)
    three = verbs.add_parser("connections", help="can we log in, list, decrypt, reach the mailboxes?")
    three.add_argument("file", type=Path, metavar="FILE", help="YAML file of the connector")
    three.add_argument("--day", type=dt.date.fromisoformat, metavar="YYYY-MM-DD", help="default: yesterday")
    three.set_defaults(run=run_connections)


def run_connector(arguments: argparse.Namespace) -> int:
    """Load each file; exit code 4 when one is wrong."""
    wrong = 0
    for path in arguments.files:
        try:
            connector = load_connector(path)
            kind = source(connector.source)
        except Fatal as error:
            wrong += 1
            print(f"wrong  {error}")
        else:
            print(f"good   {path}: {connector.name}, {kind.title}, from {connector.schedule.start}")
    return 4 if wrong else 0


def run_mapping(arguments: argparse.Namespace) -> int:
    """Check each row; exit code 4 when one is wrong."""
    try:
        table = read_mapping(arguments.file.read_bytes())
    except OSError as error:
        raise Fatal(
            f"{arguments.file}: cannot be read: {error.strerror}. Name a readable CSV file"
        ) from error
    for problem in table.problems:
        print(f"wrong  {arguments.file}: {problem}")
    if table.problems:
        return 4
    print(f"good   {arguments.file}: {len(table.rows)} rows, version {table.snapshot.version}")
    return 0
