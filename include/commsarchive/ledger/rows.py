"""Rows of a database: the few ways in which the ledger writes and reads them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import fields
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from include.commsarchive.ledger.database import Database

IN_ONE_QUERY = 1000
"""Keys that are looked up together; databases limit the parameters of a statement."""


Row = dict[str, Any]
_Statement = tuple[str, list[str] | None]
"""A statement as the driver takes it, and the order of its parameters where they have no names."""


class Rows:
    """What the parts of the ledger have in common: a database, and how rows get in and out."""

    def __init__(self, database: Database) -> None:
        """Work on this database, whose tables are up to date."""
        self._database = database

    def _put(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
        """Insert rows; one whose key is there replaces it, and of two alike the last counts."""
        if rows:
            key = itemgetter(*[column.name for column in table.primary_key])
            distinct = {key(row): row for row in rows}
            statement = _upsert(connection.dialect, table, tuple(rows[0]))
            _execute_each(connection, statement, list(distinct.values()))

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
    result = connection.execute(statement.execution_options(yield_per=IN_ONE_QUERY))
    names = list(result.keys())
    for row in result:
        yield dict(zip(names, row, strict=True))


def among(
    connection: sa.Connection, statement: sa.Select[Any], column: sa.Column[str], values: Collection[str]
) -> Iterator[sa.Row[Any]]:
    """Read the rows in which a column has one of these values.

    They travel as one parameter: to bind each of them takes longer than to find its row.
    """
    listed = list(values)
    for start in range(0, len(listed), IN_ONE_QUERY):
        part = listed[start : start + IN_ONE_QUERY]
        yield from connection.execute(statement.where(is_one_of(connection, column, part)))


def is_one_of(
    connection: sa.Connection, column: sa.Column[str], values: Sequence[str]
) -> sa.ColumnElement[bool]:
    """Choose the rows in which a column has one of these values, which travel as one parameter."""
    if connection.dialect.name == "sqlite":
        given = sa.func.json_each(json.dumps(values)).table_valued("value").c.value
        return column.in_(sa.select(given))
    return column == sa.any_(sa.literal(values, postgresql.ARRAY(sa.Text)))


def update_each(connection: sa.Connection, table: sa.Table, rows: Sequence[Row], **values: object) -> None:
    """Set values in the row of each key, a row's first column: ``values`` in all, and what the rows name."""
    if rows:
        whole = [row | values for row in rows]
        _execute_each(connection, _update(connection.dialect, table, tuple(whole[0])), whole)


@lru_cache(maxsize=64)
def _upsert(dialect: sa.Dialect, table: sa.Table, names: tuple[str, ...]) -> _Statement:
    insert = sqlite.insert(table) if dialect.name == "sqlite" else postgresql.insert(table)
    key = [column.name for column in table.primary_key]
    change = {name: insert.excluded[name] for name in names if name not in key}
    if change:
        return _compile(insert.on_conflict_do_update(index_elements=key, set_=change), dialect, names)
    return _compile(insert.on_conflict_do_nothing(), dialect, names)


@lru_cache(maxsize=64)
def _update(dialect: sa.Dialect, table: sa.Table, names: tuple[str, ...]) -> _Statement:
    key, *given = names
    return _compile(sa.update(table).where(table.c[key] == sa.bindparam(key)), dialect, given)


def _compile(statement: sa.Insert | sa.Update, dialect: sa.Dialect, names: Sequence[str]) -> _Statement:
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    return str(compiled), getattr(compiled, "positiontup", None)


def _execute_each(connection: sa.Connection, statement: _Statement, rows: Sequence[Row]) -> None:
    """Execute a statement for each row by the driver's own means.

    SQLAlchemy takes several times as long over the parameters as the database over the row.
    """
    text, order = statement
    connection.exec_driver_sql(text, [*map(itemgetter(*order), rows)] if order else [*rows])
