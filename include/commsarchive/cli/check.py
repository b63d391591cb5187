"""``check``: a connector, a mapping file, the connections: before a connector is activated."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from include.commsarchive.cli.airflow_connections import find_connection
from include.commsarchive.cli.connections import run_connections
from include.commsarchive.connector import load_connector
from include.commsarchive.directory.base import DirectoryUser
from include.commsarchive.doors import open_directory
from include.commsarchive.errors import Fatal
from include.commsarchive.mapping.table import MappingTable, read_mapping
from include.commsarchive.profile import source_of


def add_commands(commands: Any) -> None:
    """Add ``check connector``, ``check mapping`` and ``check connections``."""
    check = commands.add_parser("check", help="check a connector, a mapping file or the connections")
    verbs = check.add_subparsers(dest="verb", required=True, metavar="WHAT")
    one = verbs.add_parser("connector", help="is this YAML file a connector?")
    one.add_argument("files", nargs="+", type=Path, metavar="FILE")
    one.set_defaults(run=run_connector)
    two = verbs.add_parser("mapping", help="is every row of this mapping CSV good?")
    two.add_argument("file", type=Path, metavar="FILE")
    two.add_argument(
        "--directory", metavar="CONNECTION", help="read this directory, too: does it know the mailboxes?"
    )
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
            kind = source_of(connector)
        except Fatal as error:
            wrong += 1
            told = str(error)
            print(f"wrong  {told if told.startswith(f'{path}:') else f'{path}: {told}'}")
        else:
            print(f"good   {path}: {connector.name}, {kind.title}, from {connector.schedule.start}")
    return 4 if wrong else 0


def run_mapping(arguments: argparse.Namespace) -> int:
    """Check each row, and the mailboxes against a directory if one is named; exit code 4 if one is wrong."""
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
    return _compare(table, arguments.directory) if arguments.directory else 0


def _compare(table: MappingTable, directory: str) -> int:
    """Say what a directory knows, and to which mailboxes the file maps that it does not know."""
    users = open_directory(find_connection(directory)).users(())
    print(f"good   {directory}: {_tell(users)}")
    known = {address for user in users for address in (user.mailbox, *user.aliases)}
    unknown = sorted({row.mailbox for row in table.rows} - known)
    for mailbox in unknown:
        print(f"wrong  {mailbox}: the directory has no such mailbox; mend its rows")
    return 4 if unknown else 0


def _tell(users: Sequence[DirectoryUser]) -> str:
    """Say in one line what a directory knows."""
    usable = sum(user.enabled and user.licensed for user in users)
    aliases = sum(len(user.aliases) for user in users)
    held = sum(bool(user.on_hold) for user in users)
    holds = (
        "does not say who is on hold" if any(user.on_hold is None for user in users) else f"{held} on hold"
    )
    return f"{len(users)} users, {usable} of them enabled and licensed, {aliases} aliases, {holds}"
