"""What an import record covers, copied or counted when a run closes, so that it outlasts a new plan."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from include.commsarchive.ledger.schema import custodian, delivery, failure, file, sealed_failure, sealed_file


def failure_order(rows: sa.FromClause) -> list[Any]:
    """Give the order in which failure rows are listed and hashed."""
    return [rows.c[name] for name in ("item_id", "source_user", "mailbox", "stage", "reason")]


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
