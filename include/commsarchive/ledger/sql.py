"""The ledger in a database: SQLite by default, PostgreSQL by URL."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from include.commsarchive.ledger.base import Ledger
from include.commsarchive.ledger.database import Database
from include.commsarchive.ledger.schema import bring_up_to_date
from include.commsarchive.ledger.sql_deliveries import Deliveries
from include.commsarchive.ledger.sql_history import History
from include.commsarchive.ledger.sql_runs import Kept, Runs


class SqlLedger(Runs, Deliveries, Kept, History):
    """A `Ledger` whose verbs are one transaction each."""


@contextlib.contextmanager
def connect(url: str) -> Iterator[Ledger]:
    """Open the ledger at a URL, creating or migrating it; several processes may do so at once.

    Raises:
        Fatal: the URL is neither SQLite's nor PostgreSQL's, or the ledger is newer than this program.
        Retriable: the database cannot be reached or written.
    """
    database = Database(url)
    try:
        with database.write() as connection:
            bring_up_to_date(connection)
        yield SqlLedger(database)
    finally:
        database.close()
