"""The ledger in a database: SQLite by default, PostgreSQL by URL."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import sqlalchemy as sa

from include.commsarchive.ledger.control import StoredConnector
from include.commsarchive.ledger.database import Database
from include.commsarchive.ledger.migration import bring_up_to_date
from include.commsarchive.ledger.schema import connector, import_record
from include.commsarchive.ledger.sql_alerts import SqlAlerts
from include.commsarchive.ledger.sql_control import SqlControl, last_connectors
from include.commsarchive.ledger.sql_deliveries import Deliveries
from include.commsarchive.ledger.sql_history import History
from include.commsarchive.ledger.sql_proof import SqlProof
from include.commsarchive.ledger.sql_runs import Kept, Runs
from include.commsarchive.ledger.sql_views import SqlViews


class SqlLedger(Runs, Deliveries, Kept, History, SqlControl, SqlViews, SqlProof, SqlAlerts):
    """A `Ledger`, its `Control`, `Views`, `Proof` and `Alerts`, whose verbs are one transaction each."""

    def __init__(self, database: Database) -> None:
        """Work on this database, whose tables it creates or migrates.

        Raises:
            Fatal: the ledger is newer than this program.
            Retriable: the database cannot be reached or written.
        """
        super().__init__(database)
        with database.write() as connection:
            bring_up_to_date(connection)

    def verify(self) -> Iterator[str]:
        """See `Ledger.verify`; the audit trail is verified, too."""
        yield from super().verify()
        yield from self.verify_audit()

    def close(self) -> None:
        """Let its connections go."""
        self._database.close()


@contextlib.contextmanager
def connect(url: str) -> Iterator[SqlLedger]:
    """Open the ledger at a URL, creating or migrating it; several processes may do so at once.

    Raises:
        Fatal: the URL is neither SQLite's nor PostgreSQL's, or the ledger is newer than this program.
        Retriable: the database cannot be reached or written.
    """
    database = Database(url)
    try:
        yield SqlLedger(database)
    finally:
        database.close()


def is_there(url: str) -> bool:
    """Tell whether there is a ledger at a URL, and make none.

    Raises:
        Fatal: the URL is neither SQLite's nor PostgreSQL's, or the file is no database.
        Retriable: the database cannot be reached.
    """
    with contextlib.closing(Database(url, make=False)) as database:
        if not database.exists:
            return False
        with database.read() as connection:
            return sa.inspect(connection).has_table(import_record.name)


def stored_connectors(url: str) -> list[StoredConnector]:
    """Read the connectors made by hand, and nothing else: make no ledger, and hardly wait.

    Raises:
        Fatal: the URL is neither SQLite's nor PostgreSQL's.
        Retriable: the database cannot be reached.
    """
    database = Database(url, make=False)
    try:
        if not database.exists:
            return []
        with database.read() as connection:
            return last_connectors(connection) if sa.inspect(connection).has_table(connector.name) else []
    finally:
        database.close()
