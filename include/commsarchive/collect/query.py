"""Collect from a database: the rows of a query over a day's window, as JSON Lines, a row at a time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import sqlalchemy as sa
from sqlalchemy import exc

from include.commsarchive.collect.base import Fetched, RemoteFile
from include.commsarchive.collect.drawn import Draft, DrawnCollector
from include.commsarchive.collect.query_rules import parameters_of
from include.commsarchive.collect.query_settings import DatabaseSettings
from include.commsarchive.errors import CommsArchiveError, Fatal, Retriable
from include.commsarchive.landing import Landing

ROWS = 500
"""Rows that are on their way at any time."""
SAMPLE = 500
"""Rows of a sample."""
ANSWER_SECONDS = 600
SAMPLE_SECONDS = 30
"""How long PostgreSQL may think about the query, or about its next rows; for a sample somebody waits."""
_CONNECT = {"connect_timeout": 30, "keepalives_idle": 60, "keepalives_interval": 20, "keepalives_count": 3}
_SETTINGS = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "SET LOCAL TimeZone = 'UTC'",  # times without a zone are compared with ours
)
_REFUSED = re.compile(
    r"authentication failed|no pg_hba|does not exist|certificate|no such|syntax error", re.IGNORECASE
)


class QueryCollector(DrawnCollector):
    """A query's rows of one window, as one moment of the database has them. It writes nothing there."""

    def __init__(self, settings: DatabaseSettings, query: str, draft: Draft) -> None:
        """Keep the settings; entering connects."""
        super().__init__(draft)
        self._settings, self._query = settings, query

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            Fatal: login or password is refused.
            Retriable: the database cannot be reached.
        """
        url = self._settings.url
        is_postgres = url.get_backend_name() == "postgresql"
        seconds = SAMPLE_SECONDS if self._draft.sample else ANSWER_SECONDS
        timeout = f"SET LOCAL statement_timeout = '{seconds}s'"
        self._settle = (*_SETTINGS, timeout) if is_postgres else ()
        self._engine = sa.create_engine(
            url, connect_args=_CONNECT if is_postgres else {}, poolclass=sa.NullPool, hide_parameters=True
        )
        await asyncio.to_thread(self._try)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go."""
        self._engine.dispose()

    async def fetch(self, file: RemoteFile, target: Path) -> Fetched:
        """Write the rows.

        Raises:
            Retriable: the database cannot be reached, or does not answer in time.
            Fatal: it refuses us, or the query.
        """
        await self._check(file)
        return await asyncio.to_thread(self._draw, target)

    def _try(self) -> None:
        with self._explained("connecting"), self._engine.connect():
            pass

    def _draw(self, target: Path) -> Fetched:
        encoder = msgspec.json.Encoder(enc_hook=str)
        with Landing(target) as landing:
            for row in self._rows():
                landing.write(encoder.encode(row) + b"\n")
            landing.settle()
            return Fetched(landing.size, landing.sha256)

    def _rows(self) -> Iterator[dict[str, Any]]:
        """Give rows as columns by name; nothing is committed."""
        with self._explained("the query"), self._engine.connect() as connection:
            for statement in self._settle:
                connection.exec_driver_sql(statement)
            rows = connection.execution_options(stream_results=True, max_row_buffer=ROWS).execute(
                self._statement()
            )
            names = list(rows.keys())
            if len(set(names)) < len(names):
                raise Fatal(f"{self._settings.place}: the query names a column twice. Name each with AS")
            for row in islice(rows, SAMPLE if self._draft.sample else None):
                yield dict(zip(names, row, strict=True))

    def _statement(self) -> sa.TextClause:
        window = self._draft.window
        values: dict[str, Any] = {
            name: int(text) if name.endswith(("_epoch", "_ms")) else text
            for name, text in window.texts().items()
        }
        values |= {"from": window.start, "to": window.end, "day": window.day}
        kinds: dict[str, sa.types.TypeEngine[Any]] = {
            "from": sa.DateTime(timezone=True),
            "to": sa.DateTime(timezone=True),
            "day": sa.Date(),
        }
        return sa.text(self._query).bindparams(
            *(sa.bindparam(name, values[name], kinds.get(name)) for name in parameters_of(self._query))
        )

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except exc.SQLAlchemyError as error:
            raise _explain(error, f"{self._settings.place}: {what}") from error


def _explain(error: exc.SQLAlchemyError, where: str) -> CommsArchiveError:
    """Say who must act. What a database says about values is content, and is not told."""
    said = str(error.orig).strip().partition("\n")[0] if isinstance(error, exc.DBAPIError) else ""
    if isinstance(error, exc.OperationalError | exc.InterfaceError) and not _REFUSED.search(said):
        return Retriable(f"{where}: {said}. Check that the database can be reached and is not overloaded")
    if isinstance(error, exc.OperationalError | exc.ProgrammingError):
        return Fatal(f"{where}: {said}. Mend `collect.query`, or the connection and what it may read")
    kind = type(getattr(error, "orig", None) or error).__name__
    return Fatal(f"{where}: {kind}. Try it in the database's own console, and mend `collect.query`")
