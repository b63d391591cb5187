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
    FileRecord,
    ImportRecord,
    ItemState,
    PlannedItem,
    Receipt,
    Totals,
)
from include.commsarchive.ledger.rows import IN_ONE_QUERY, Row, Rows, stream, to_row
from include.commsarchive.ledger.schema import (
    delivery,
    fate,
    file,
    head,
    import_record,
    item,
    run,
    sealed_failure,
)
from include.commsarchive.ledger.seals import (
    count_custodians,
    failure_order,
    forgive,
    seal_failures,
    seal_files,
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
            for planned, fates in read_fates(connection, run_id):
                tally.add(planned, fates)
            return tally.totals(
                made=count_copies(connection, made_by(run_id)),
                still_open=count_copies(
                    connection, sa.and_(delivery.c.run_id == run_id, delivery.c.state == "intended")
                ),
                root=chain.delivery_root(read_receipts(connection, made_by(run_id))),
            )

    def close_run(self, run_id: str, body: Mapping[str, Any]) -> ImportRecord:
        """See `Ledger.close_run`."""
        with self._database.write() as connection:
            forgive(connection, run_id)
            failures = read_failures(connection, failures_in_order(run_id))
            body = dict(body) | {
                "failure_root": chain.failure_root(failures),
                "file_root": chain.file_root(read_files(connection, run_id)),
                "item_root": chain.item_root(read_items(connection, run_id)),
            }
            connection.execute(sa.update(run).where(run.c.run_id == run_id).values(planned=0))
            mine = sa.select(import_record).where(import_record.c.run_id == run_id)
            last = next(read_records(connection, mine.order_by(import_record.c.seq.desc()).limit(1)), None)
            if last and chain.canonical(last.body) == chain.canonical(body):
                return last
            opened = read_run(connection, run_id)
            if opened is None:
                raise Fatal(f"run {run_id} was never opened, so it cannot be closed; report this as a bug")
            root = chain.delivery_root(read_receipts(connection, made_by(run_id)))
            record = chain.next_record(read_head(connection), opened, body, root)
            written = {"closed_at": record.closed_at.isoformat(), "body": chain.canonical(record.body)}
            connection.execute(sa.insert(import_record), [to_row(ImportRecord)(record) | written])
            connection.execute(sa.delete(head))
            connection.execute(sa.insert(head).values(seq=record.seq, hash=record.hash))
            this = sa.select(import_record).where(import_record.c.seq == record.seq)
            seal_failures(connection, this.subquery())
            seal_files(connection, this.subquery())
            unsealed = sa.update(delivery).where(made_by(run_id), delivery.c.sealed.is_(None))
            connection.execute(unsealed.values(sealed=record.seq))
            count_custodians(connection, (delivery.c.run_id == run_id) & (delivery.c.sealed == record.seq))
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
            yield from read_failures(connection, sealed_failures(seq))

    def receipts_of(self, seq: int) -> Iterator[Receipt]:
        """See `Ledger.receipts_of`."""
        run_id = sa.select(import_record.c.run_id).where(import_record.c.seq == seq).scalar_subquery()
        with self._database.read() as connection:
            yield from read_receipts(connection, (delivery.c.run_id == run_id) & (delivery.c.sealed == seq))


def made_by(run_id: str) -> sa.ColumnElement[bool]:
    """Choose the copies that a run made."""
    return sa.and_(delivery.c.run_id == run_id, delivery.c.state == "delivered")


def count_copies(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> int:
    """Count the copies that are chosen."""
    return connection.scalar(sa.select(sa.func.count()).select_from(delivery).where(chosen)) or 0


def read_fates(connection: sa.Connection, run_id: str) -> Iterator[tuple[PlannedItem, Fates]]:
    """Read a run's items, each with what became of its copies, by key."""
    for row in stream(connection, _items_with_fates(run_id)):
        fates = Fates(*(int(row.pop(name)) for name in _FATES))
        yield PlannedItem(**row | {"state": ItemState(row["state"])}), fates


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
    ).where(made_by(run_id))
    unmade = (
        sa.select(
            *_ITEM_KEY, *no_item, *(sa.case((fate.c.fate == name, 1), else_=0).label(name) for name in _FATES)
        )
        .join(fate, fate.c.delivery_key == delivery.c.delivery_key)
        .where(fate.c.run_id == run_id, sa.not_(made_by(run_id)))
    )
    rows = sa.union_all(items, made, unmade).subquery()
    state = sa.func.max(rows.c.state)
    numbers = (sa.func.sum(rows.c[name]).label(name) for name in (*_ITEM_NUMBERS, *_FATES))
    key = (rows.c.key, rows.c.revision)
    chosen = sa.select(*key, state.label("state"), *numbers).group_by(*key).having(state.is_not(None))
    return chosen.order_by(*key)


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


def read_files(connection: sa.Connection, run_id: str) -> Iterator[FileRecord]:
    """Read a run's files by name."""
    columns = [file.c[field.name] for field in fields(FileRecord)]
    for row in stream(connection, sa.select(*columns).where(file.c.run_id == run_id).order_by(file.c.name)):
        yield FileRecord(**row)


def read_items(connection: sa.Connection, run_id: str) -> Iterator[PlannedItem]:
    """Read what was decided about a run's items, by key."""
    columns = [item.c[field.name] for field in fields(PlannedItem)]
    rows = sa.select(*columns).where(item.c.run_id == run_id).order_by(item.c.key, item.c.revision)
    for row in stream(connection, rows):
        yield PlannedItem(**row | {"state": ItemState(row["state"])})


def read_failures(connection: sa.Connection, chosen: sa.Select[Any]) -> Iterator[Failure]:
    """Read failure rows."""
    for row in stream(connection, chosen):
        yield Failure(**row)


def read_head(connection: sa.Connection) -> chain.Head:
    """Read the head of the chain."""
    row = connection.execute(sa.select(head)).mappings().first()
    return chain.Head(**row) if row else chain.Head()


def read_records(connection: sa.Connection, chosen: sa.Select[Any]) -> Iterator[ImportRecord]:
    """Read import records."""
    for row in stream(connection, chosen):
        yield ImportRecord(**row | _decoded(row))


def _decoded(row: Row) -> Row:
    return {"closed_at": dt.datetime.fromisoformat(row["closed_at"]), "body": json.loads(row["body"])}
