"""``rehearse``: a day's whole path up to the wire, without filing anything."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import tempfile
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from pathlib import Path
from typing import Any

from include.commsarchive.cli.airflow_connections import find_connection
from include.commsarchive.cli.evidence import add_ledger, stated_ledger
from include.commsarchive.connector import load_connector
from include.commsarchive.doors import open_collector, open_decryptor, open_directory, open_mailbox
from include.commsarchive.ledger.base import Ledger
from include.commsarchive.ledger.database import shown
from include.commsarchive.ledger.memory import MemoryLedger
from include.commsarchive.ledger.sql import connect, is_there
from include.commsarchive.profile import source_of
from include.commsarchive.stages.rehearse import Doors, rehearse, told


def add_commands(commands: Any) -> None:
    """Add ``rehearse``."""
    one = commands.add_parser("rehearse", help="dry run: say what a day would file where, and file nothing")
    one.add_argument("file", type=Path, metavar="CONNECTOR.yaml")
    one.add_argument("--day", type=dt.date.fromisoformat, required=True, metavar="YYYY-MM-DD")
    one.add_argument("--out", type=Path, required=True, metavar="FILE.csv", help="one line for each copy")
    add_ledger(one)
    one.set_defaults(run=run_rehearse)


def run_rehearse(arguments: argparse.Namespace) -> int:
    """Rehearse; exit code 3 when something would be quarantined."""
    connector = load_connector(arguments.file)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        keys = None
        if connector.pgp:
            found = find_connection(connector.pgp.connection)
            keys = stack.enter_context(
                open_decryptor(found, require_signature=connector.pgp.require_signature)
            )
        mailboxes = {
            name: stack.enter_context(closing(open_mailbox(find_connection(name))))
            for name in (place.connection for place in connector.deliver)
        }
        people = connector.mapping.directory
        doors = Doors(
            source=source_of(connector),
            collector=open_collector(find_connection(connector.collect.connection), connector, arguments.day),
            decryptor=keys,
            mailboxes=mailboxes,
            ledger=stack.enter_context(_ledger(arguments)),
            directory=open_directory(find_connection(people)) if people else None,
        )
        report = stack.enter_context(arguments.out.open("w", encoding="utf-8", newline=""))
        rehearsed = rehearse(connector, arguments.day, doors, scratch, report)
    print(json.dumps(told(rehearsed), indent=2))
    return 3 if rehearsed.stopped or rehearsed.converted.quarantined else 0


def _ledger(arguments: argparse.Namespace) -> AbstractContextManager[Ledger]:
    """Open the ledger; an empty one on an installation that has not had a run yet."""
    url = stated_ledger(arguments)
    if is_there(url):
        return connect(url)
    print(
        f"no ledger at {shown(url)} yet: nothing counts as archived before. "
        "If there is one elsewhere, pass --ledger URL",
        file=sys.stderr,
    )
    return nullcontext(MemoryLedger())
