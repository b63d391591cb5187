"""``check connections``: log in, list, decrypt and read one file, reach the mailboxes. Nothing is filed."""

from __future__ import annotations

import argparse
import datetime as dt
from contextlib import AbstractContextManager, closing, nullcontext

from include.commsarchive.cli.airflow_connections import find_connection
from include.commsarchive.collect.base import Collector
from include.commsarchive.connector import Connector, load_connector
from include.commsarchive.directory.base import Directory
from include.commsarchive.doors import open_collector, open_decryptor, open_directory, open_mailbox
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.pgp.base import Decryptor
from include.commsarchive.stages.trial import Doors, Tried, try_connector


def run_connections(arguments: argparse.Namespace) -> int:
    """Try each door in turn and say how it went; exit code 4 when one is shut."""
    connector = load_connector(arguments.file)
    day = arguments.day or dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    doors = Doors(_collector, _decryptor, _directory, _mailbox)
    wrong = 0
    for tried in try_connector(connector, day, doors):
        print(_line(tried))
        wrong += not tried.good
    return 4 if wrong else 0


def _line(tried: Tried) -> str:
    word = "wrong" if not tried.good else "good" if tried.done else "-"
    return f"{word:<6} {tried.step}: {tried.says}"


def _collector(connector: Connector, day: dt.date) -> Collector:
    return open_collector(find_connection(connector.collect.connection), connector, day, sample=True)


def _decryptor(connector: Connector) -> AbstractContextManager[Decryptor | None]:
    if connector.pgp is None:
        return nullcontext()
    found = find_connection(connector.pgp.connection)
    return open_decryptor(found, require_signature=connector.pgp.require_signature)


def _directory(connector: Connector) -> Directory:
    return open_directory(find_connection(connector.mapping.directory))


def _mailbox(destination: str) -> AbstractContextManager[Mailbox]:
    return closing(open_mailbox(find_connection(destination)))
