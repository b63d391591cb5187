"""What an import record covers, made true and copied when a run closes, so that it outlasts a new plan."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from include.commsarchive.ledger.base import Failure, HeldStage
from include.commsarchive.ledger.schema import (
    custodian,
    delivery,
    failure,
    fate,
    file,
    held,
    item,
    sealed_failure,
    sealed_file,
)
from include.commsarchive.ledger.tally import TRIED


def failure_order(rows: sa.FromClause) -> list[Any]:
    """Give the columns of failure rows, in the order in which these are listed and hashed."""
    return [rows.c[field.name] for field in fields(Failure)]


def forgive(connection: sa.Connection, run_id: str) -> None:
    """Take back what a run's earlier tries said of copies that are there after all.

    Its failure rows of `ingest` go, and what it held there is resolved, where no failed copy stands behind.
    """
    is_made = (delivery.c.run_id == run_id) & (delivery.c.state == "delivered")
    failed = (
        sa.select(delivery)
        .join(fate, fate.c.delivery_key == delivery.c.delivery_key)
        .where(fate.c.run_id == run_id, fate.c.fate == "failed", sa.not_(is_made))
        .subquery()
    )
    tried = sa.select(item.c.key, item.c.revision).where(item.c.run_id == run_id, item.c.state.in_(TRIED))
    row = sa.tuple_(failure.c.item_id, failure.c.mailbox)
    mended = sa.delete(failure).where(
        failure.c.run_id == run_id,
        failure.c.stage == HeldStage.INGEST,
        failure.c.item_id.in_(sa.select(tried.subquery().c.key)),
        row.not_in(sa.select(failed.c.key, failed.c.mailbox)),
    )
    connection.execute(mended)
    thing = sa.tuple_(held.c.key, held.c.revision)
    resolved = sa.update(held).where(
        held.c.run_id == run_id,
        held.c.stage == HeldStage.INGEST,
        held.c.resolved_by == "",
        thing.in_(tried),
        thing.not_in(sa.select(failed.c.key, failed.c.revision)),
    )
    connection.execute(resolved.values(resolved_by=run_id))


def seal_failures(connection: sa.Connection, records: sa.Subquery) -> None:
    """Copy the failure rows of runs for import records, which have ``run_id`` and ``seq``."""
    row = failure_order(failure)
    number = sa.func.row_number().over(partition_by=records.c.seq, order_by=row)
    rows = sa.select(records.c.seq, number, *row).join(failure, failure.c.run_id == records.c.run_id)
    connection.execute(sa.insert(sealed_failure).from_select(list(sealed_failure.c), rows))


def seal_files(connection: sa.Connection, records: sa.Subquery) -> None:
    """Copy the files of runs for import records, which have ``run_id`` and ``seq``."""
    number = sa.func.row_number().over(partition_by=records.c.seq, order_by=file.c.name)
    columns = [file.c[column.name] for column in list(sealed_file.c)[2:]]
    rows = sa.select(records.c.seq, number, *columns).join(file, file.c.run_id == records.c.run_id)
    connection.execute(sa.insert(sealed_file).from_select(list(sealed_file.c), rows))


def count_custodians(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> None:
    """Count copies by the record that was the first to cover them."""
    key = (delivery.c.sealed, delivery.c.mailbox)
    rows = sa.select(*key, sa.func.count()).where(delivery.c.state == "delivered", chosen).group_by(*key)
    connection.execute(sa.insert(custodian).from_select(list(custodian.c), rows))
