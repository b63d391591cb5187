"""The ledger's import history in a database: counting runs, closing them, and the proof."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from include.commsarchive.errors import Fatal
from include.commsarchive.ledger import chain
from include.commsarchive.ledger.base import (
    Delivery,
    Failure,
    ImportRecord,
    ItemState,
    PlannedItem,
    Receipt,
    Totals,
)
from include.commsarchive.ledger.rows import IN_ONE_QUERY, Row, Rows, stream, to_row
from include.commsarchive.ledger.schema import (
    delivery,
    failure_order,
    fate,
    head,
    import_record,
    item,
    seal_failures,
    sealed_failure,
)
from include.commsarchive.ledger.sql_runs import failures_in_order, read_run
from include.commsarchive.ledger.tally import Fates, Tally

_ITEM_KEY = (delivery.c.key, delivery.c.revision)
_ITEM_NUMBERS = ("deliveries", "duplicates", "unmapped", "partial")
_PLACE = [delivery.c[field.name] for field in fields(Delivery)]
_RECEIPT = [delivery.c[field.name] for field in fields(Receipt)[1:]]
_FATES = [field.name for field in fields(Fates)]


class History(Rows):
    """Closed runs, as evidence."""

    def totals(self, run_id: str) -> Totals:
        """See `Ledger.totals`."""
        tally = Tally()
        with self._database.read() as connection:
            for row in stream(connection, _items_with_fates(run_id)):
                fates = Fates(*(int(row.pop(name)) for name in _FATES))
                tally.add(PlannedItem(**row | {"state": ItemState(row["state"])}), fates)
            return tally.totals(
                made=_count(connection, _made(run_id)),
                still_open=_count(
                    connection, sa.and_(delivery.c.run_id == run_id, delivery.c.state == "intended")
                ),
                root=chain.delivery_root(read_receipts(connection, _made(run_id))),
            )

    def close_run(self, run_id: str, body: Mapping[str, Any]) -> ImportRecord:
        """See `Ledger.close_run`."""
        with self._database.write() as connection:
            failures = _failures(connection, failures_in_order(run_id))
            body = dict(body) | {"failure_root": chain.failure_root(failures)}
            mine = sa.select(import_record).where(import_record.c.run_id == run_id)
            last = next(read_records(connection, mine.order_by(import_record.c.seq.desc()).limit(1)), None)
            if last and chain.canonical(last.body) == chain.canonical(body):
                return last
            run = read_run(connection, run_id)
            if run is None:
                raise Fatal(f"run {run_id} was never opened, so it cannot be closed; report this as a bug")
            root = chain.delivery_root(read_receipts(connection, _made(run_id)))
            record = chain.next_record(_head(connection), run, body, root)
            written = {"closed_at": record.closed_at.isoformat(), "body": chain.canonical(record.body)}
            connection.execute(sa.insert(import_record), [to_row(ImportRecord)(record) | written])
            connection.execute(sa.delete(head))
            connection.execute(sa.insert(head).values(seq=record.seq, hash=record.hash))
            this = sa.select(import_record).where(import_record.c.seq == record.seq)
            seal_failures(connection, this.subquery())
            unsealed = sa.update(delivery).where(_made(run_id), delivery.c.sealed.is_(None))
            connection.execute(unsealed.values(sealed=record.seq))
            return record

    def history(self, connector: str = "", first: dt.date | None = None) -> Iterator[ImportRecord]:
        """See `Ledger.history`."""
        chosen = sa.select(import_record).order_by(import_record.c.seq)
        if connector:
            chosen = chosen.where(import_record.c.connector == connector)
        if first:
            chosen = chosen.where(import_record.c.day >= first)
        with self._database.read() as connection:
            yield from read_records(connection, chosen)

    def failures_of(self, seq: int) -> Iterator[Failure]:
        """See `Ledger.failures_of`."""
        with self._database.read() as connection:
            yield from _failures(connection, sealed_failures(seq))

    def receipts_of(self, seq: int) -> Iterator[Receipt]:
        """See `Ledger.receipts_of`."""
        run_id = sa.select(import_record.c.run_id).where(import_record.c.seq == seq).scalar_subquery()
        with self._database.read() as connection:
            yield from read_receipts(connection, (delivery.c.run_id == run_id) & (delivery.c.sealed == seq))

    def verify(self) -> Iterator[str]:
        """See `Ledger.verify`."""
        with self._database.read() as connection:
            yield from chain.check(
                list(read_records(connection, sa.select(import_record).order_by(import_record.c.seq))),
                _head(connection),
                lambda record: chain.delivery_root(
                    read_receipts(connection, _made(record.run_id) & (delivery.c.sealed <= record.seq))
                ),
                lambda record: chain.failure_root(_failures(connection, sealed_failures(record.seq))),
                lambda run_id, seq: _count(
                    connection,
                    _made(run_id) & (delivery.c.sealed.is_(None) | (delivery.c.sealed > seq)),
                ),
            )


def _made(run_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(delivery.c.run_id == run_id, delivery.c.state == "delivered")


def _count(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(delivery).where(chosen)) or 0


def _items_with_fates(run_id: str) -> sa.Select[Any]:
    """Select a run's items, each with the number of its copies by fate.

    One pass over both, grouped: a join would be at the mercy of statistics that a young table lacks.
    """
    nothing = sa.literal(0)
    items = sa.select(
        item.c.key,
        item.c.revision,
        item.c.state,
        *(sa.cast(item.c[name], sa.Integer).label(name) for name in _ITEM_NUMBERS),
        *(nothing.label(name) for name in _FATES),
    ).where(item.c.run_id == run_id)
    no_item = (sa.null().label("state"), *(nothing.label(name) for name in _ITEM_NUMBERS))
    made = sa.select(
        *_ITEM_KEY, *no_item, *(sa.literal(int(name == "made")).label(name) for name in _FATES)
    ).where(_made(run_id))
    unmade = (
        sa.select(
            *_ITEM_KEY, *no_item, *(sa.case((fate.c.fate == name, 1), else_=0).label(name) for name in _FATES)
        )
        .join(fate, fate.c.delivery_key == delivery.c.delivery_key)
        .where(fate.c.run_id == run_id, sa.not_(_made(run_id)))
    )
    rows = sa.union_all(items, made, unmade).subquery()
    state = sa.func.max(rows.c.state)
    numbers = (sa.func.sum(rows.c[name]).label(name) for name in (*_ITEM_NUMBERS, *_FATES))
    key = (rows.c.key, rows.c.revision)
    return sa.select(*key, state.label("state"), *numbers).group_by(*key).having(state.is_not(None))


def read_receipts(
    connection: sa.Connection, chosen: sa.ColumnElement[bool], limit: int | None = None
) -> Iterator[Receipt]:
    """Read receipts in the order of their delivery keys."""
    rows = sa.select(*_PLACE, *_RECEIPT).where(chosen).order_by(delivery.c.delivery_key).limit(limit)
    for row in connection.execute(rows.execution_options(yield_per=IN_ONE_QUERY)):
        yield Receipt(Delivery(*row[: len(_PLACE)]), *row[len(_PLACE) :])


def sealed_failures(seq: int) -> sa.Select[Any]:
    """Select the failure rows that an import record covers, in their order."""
    rows = sa.select(*failure_order(sealed_failure)).where(sealed_failure.c.seq == seq)
    return rows.order_by(sealed_failure.c.number)


def _failures(connection: sa.Connection, chosen: sa.Select[Any]) -> Iterator[Failure]:
    for row in stream(connection, chosen):
        yield Failure(**row)


def _head(connection: sa.Connection) -> chain.Head:
    row = connection.execute(sa.select(head)).mappings().first()
    return chain.Head(**row) if row else chain.Head()


def read_records(connection: sa.Connection, chosen: sa.Select[Any]) -> Iterator[ImportRecord]:
    """Read import records."""
    for row in stream(connection, chosen):
        yield ImportRecord(**row | _decoded(row))


def _decoded(row: Row) -> Row:
    return {"closed_at": dt.datetime.fromisoformat(row["closed_at"]), "body": json.loads(row["body"])}
