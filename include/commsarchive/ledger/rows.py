"""Rows of a database: the few ways in which the ledger writes and reads them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from include.commsarchive.ledger.database import Database

IN_ONE_QUERY = 1000
"""Keys that are looked up together; databases limit the parameters of a statement."""


Row = dict[str, Any]


class Rows:
    """What the parts of the ledger have in common: a database, and how rows get in and out."""

    def __init__(self, database: Database) -> None:
        """Work on this database, whose tables are up to date."""
        self._database = database

    def _put(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
        """Insert rows; one whose key is there replaces it, and of two alike the last counts."""
        key = [column.name for column in table.primary_key]
        if distinct := list({tuple(row[name] for name in key): row for row in rows}.values()):
            insert = self._insert(table)
            change = {name: insert.excluded[name] for name in distinct[0] if name not in key}
            connection.execute(
                insert.on_conflict_do_update(index_elements=key, set_=change)
                if change
                else insert.on_conflict_do_nothing(),
                distinct,
            )

    def _insert(self, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
        return sqlite.insert(table) if self._database.dialect == "sqlite" else postgresql.insert(table)

    def _stream(self, statement: sa.Select[Any]) -> Iterator[Row]:
        """Read rows as they were at one moment, with flat memory."""
        with self._database.read() as connection:
            yield from stream(connection, statement)


def to_row(kind: type, **values: object) -> Callable[[object], Row]:
    """Make a function that turns values of a dataclass into rows, with further columns."""
    names = [field.name for field in fields(kind)]
    read = attrgetter(*names)
    return lambda value: dict(zip(names, read(value), strict=True)) | values


def stream(connection: sa.Connection, statement: sa.Select[Any]) -> Iterator[Row]:
    """Read rows within the caller's transaction, with flat memory."""
    for row in connection.execute(statement.execution_options(yield_per=IN_ONE_QUERY)).mappings():
        yield dict(row)


def among(
    connection: sa.Connection, statement: sa.Select[Any], column: sa.Column[str], values: Collection[str]
) -> Iterator[sa.RowMapping]:
    """Read the rows in which a column has one of these values."""
    listed = list(values)
    for start in range(0, len(listed), IN_ONE_QUERY):
        chosen = statement.where(column.in_(listed[start : start + IN_ONE_QUERY]))
        yield from connection.execute(chosen).mappings()


def update_each(
    connection: sa.Connection, table: sa.Table, key: str, rows: Sequence[Row], **values: object
) -> None:
    """Set values in the row of each key: ``values`` in all of them, and what the rows name."""
    if not rows:
        return
    given: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in rows[0]}
    change = {name: bound for name, bound in given.items() if name != key}
    renamed = [{f"new_{name}": value for name, value in row.items()} for row in rows]
    connection.execute(sa.update(table).where(table.c[key] == given[key]).values(**change, **values), renamed)
