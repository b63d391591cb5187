"""SQLite or PostgreSQL behind a URL, with the one promise that the ledger builds on: one writer at a time.

SQLite: write-ahead log with ``synchronous=FULL``, because an intent must survive a power cut before the
mail is sent. The file must lie on a local disk: the log needs memory shared by all processes.
PostgreSQL: writers queue for an advisory lock, so that the same reasoning holds on both.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event, exc

from include.commsarchive.errors import Fatal, Retriable

BUSY_SECONDS = 60
"""How long a writer waits for its turn."""

GLANCE_SECONDS = 5
"""How long the parsing of DAGs, which has half a minute for all of them, waits for the ledger."""

_LOCK = 4_263_017_741
"""Our advisory lock in PostgreSQL; any number will do as long as it stays the same."""

_LOG_PAGES = 10_000
"""Pages of 4 KiB after which SQLite moves its log into the file: intents and receipts of a batch touch the
same pages, so a longer log writes them once."""

_BEGIN = {
    ("sqlite", False): "BEGIN",
    ("sqlite", True): "BEGIN IMMEDIATE",
    ("postgresql", False): "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    (
        "postgresql",
        True,
    ): f"SET LOCAL lock_timeout='{BUSY_SECONDS}s'; SELECT pg_advisory_xact_lock({_LOCK})",
}


class Database:
    """Connections to one database, opened when they are needed and kept until `close`."""

    def __init__(self, url: str, *, make: bool = True) -> None:
        """Take ``sqlite:////absolute/path`` or ``postgresql://user:password@host/name``.

        Without ``make`` it only reads what is there, and waits `GLANCE_SECONDS` for it: see `exists`.

        Raises:
            Fatal: the URL is none of these.
            Retriable: the folder or file cannot be made.
        """
        parsed = _parse(url)
        self._place = f"ledger {shown(url)}"
        self._file = Path(str(parsed.database)) if parsed.get_backend_name() == "sqlite" else None
        if self._file:
            if make:
                self._create_private(self._file)
            wait = {"timeout": BUSY_SECONDS if make else GLANCE_SECONDS}
            self._engine = sa.create_engine(parsed, connect_args=wait)
            event.listen(self._engine, "connect", _set_up_sqlite)
        else:
            wait = {} if make else {"connect_timeout": GLANCE_SECONDS}
            self._engine = sa.create_engine(
                parsed, executemany_mode="values_plus_batch", pool_pre_ping=True, connect_args=wait
            )
        event.listen(self._engine, "begin", _begin)
        self._writer = self._engine.execution_options(writes=True)

    @property
    def exists(self) -> bool:
        """Tell whether there is a file to read; a server is asked when it is read."""
        return self._file is None or self._file.is_file()

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Open a transaction that sees one moment, however long it reads."""
        with self._explained(), self._engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Open a transaction that is the only writer; it is durable when the block has ended."""
        with self._explained(), self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Let the connections go."""
        self._engine.dispose()

    def _create_private(self, path: Path) -> None:
        """Create the file for its owner alone; SQLite gives the same mode to the files beside it."""
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError as error:
            raise Retriable(
                f"{self._place}: cannot be created: {error.strerror}. Make its folder writable"
            ) from error

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the database's errors into ours; the driver's text names no rows."""
        try:
            yield
        except (exc.OperationalError, exc.InterfaceError) as error:
            raise Retriable(
                f"{self._place}: {_first_line(error)}. Check that it can be reached and written, has room, "
                "and is not kept locked by another program"
            ) from error
        except exc.DatabaseError as error:
            raise Fatal(
                f"{self._place}: {_first_line(error)}. Restore the ledger from its backup, or name another"
            ) from error


def shown(url: str) -> str:
    """Write a ledger's URL without its password.

    Raises:
        Fatal: the URL is neither SQLite's nor PostgreSQL's.
    """
    return _parse(url).render_as_string(hide_password=True)


def _parse(url: str) -> sa.URL:
    remedy = "Write sqlite:////absolute/path/ledger.db or postgresql://user:password@host/database"
    try:
        parsed = sa.make_url(url)
    except exc.ArgumentError as error:
        raise Fatal(f"the ledger's URL cannot be read. {remedy}") from error
    if parsed.drivername == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return parsed
    if parsed.drivername in ("postgres", "postgresql", "postgresql+psycopg2"):
        return parsed.set(drivername="postgresql+psycopg2")
    raise Fatal(f"the ledger cannot be kept in {parsed.render_as_string(hide_password=True)}. {remedy}")


def _first_line(error: exc.DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0]


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """Leave transactions to us, and switch to the write-ahead log, for which SQLite does not wait."""
    connection.isolation_level = None
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")


def _begin(connection: sa.Connection) -> None:
    writes = bool(connection.get_execution_options().get("writes"))
    connection.exec_driver_sql(_BEGIN[connection.dialect.name, writes])
