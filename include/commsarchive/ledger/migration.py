"""How the ledger's tables came to be, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from include.commsarchive.errors import Fatal
from include.commsarchive.ledger.schema import (
    FOR_PAGES,
    METADATA,
    alert,
    audit,
    audit_head,
    connector,
    custodian,
    delivery,
    failure,
    import_record,
    mapping,
    notice,
    run,
    sealed_failure,
    sealed_file,
    version,
)
from include.commsarchive.ledger.seals import count_custodians, seal_failures, seal_files


def _seal_old_failures(connection: sa.Connection) -> None:
    """Let the failures of runs that were closed before failures were sealed outlast a new plan too."""
    sealed_failure.create(connection, checkfirst=True)
    _explain_failures(connection)
    seal_failures(connection, _last_records())


def _last_records() -> sa.Subquery:
    """Select the last record of each run."""
    last = sa.select(import_record.c.run_id, sa.func.max(import_record.c.seq).label("seq"))
    return last.group_by(import_record.c.run_id).subquery()


def _keep_what_servers_say(connection: sa.Connection) -> None:
    """Add the columns of deliveries that the first ledgers lack."""
    for column in (delivery.c.request_id, delivery.c.stored_hash):
        _add(connection, delivery, column, "TEXT NOT NULL DEFAULT ''")


def _add(connection: sa.Connection, table: sa.Table, column: sa.Column[Any], kind: str) -> None:
    """Add a column to a table that lacks it."""
    there = {one["name"] for one in sa.inspect(connection).get_columns(table.name)}
    if column.name not in there:
        connection.execute(sa.text(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}"))


def _keep_what_people_do(connection: sa.Connection) -> None:
    """Add the tables of what people decide and do, and what pages need."""
    METADATA.create_all(connection, [connector, audit, audit_head])
    for index in FOR_PAGES:
        index.create(connection, checkfirst=True)
    _add(connection, mapping, mapping.c.since, "BIGINT NOT NULL DEFAULT 0")


def _cover_files_and_alert(connection: sa.Connection) -> None:
    """Let the files of closed runs outlast a new plan, count by custodian, and keep alerts."""
    METADATA.create_all(connection, [sealed_file, custodian, alert, notice])
    _add(connection, run, run.c.planned, "BIGINT NOT NULL DEFAULT 0")
    for index in run.indexes:
        index.create(connection, checkfirst=True)
    if not connection.scalar(sa.select(sa.func.count()).select_from(custodian)):
        seal_files(connection, _last_records())
        count_custodians(connection, delivery.c.sealed.is_not(None))


def _count_doubts(connection: sa.Connection) -> None:
    """Let tries of a copy that end without a clear answer be counted over tasks."""
    _add(connection, delivery, delivery.c.doubts, "BIGINT NOT NULL DEFAULT 0")


def _name_workers(connection: sa.Connection) -> None:
    """Let the tasks of one run be told apart."""
    _add(connection, delivery, delivery.c.worker, "TEXT NOT NULL DEFAULT ''")


def _explain_failures(connection: sa.Connection) -> None:
    """Let failure rows say more than their reason."""
    for table in (failure, sealed_failure):
        _add(connection, table, table.c.detail, "TEXT NOT NULL DEFAULT ''")


STEPS: tuple[Callable[[sa.Connection], None], ...] = (
    METADATA.create_all,
    _seal_old_failures,
    _keep_what_servers_say,
    _keep_what_people_do,
    _cover_files_and_alert,
    _count_doubts,
    _name_workers,
    _explain_failures,
)
"""What takes a ledger from one version to the next. To change the tables, append a step."""


def bring_up_to_date(connection: sa.Connection) -> None:
    """Create or migrate the tables, within the caller's transaction, which must be the only writer.

    Raises:
        Fatal: the ledger was written by a newer version of the product.
    """
    found = 0
    if sa.inspect(connection).has_table(version.name):
        found = connection.scalar(sa.select(version.c.version)) or 0
    if found > len(STEPS):
        raise Fatal(
            f"the ledger has version {found}, this program knows {len(STEPS)}. Install the version of "
            "commsarchive that wrote it, or a newer one"
        )
    if found == len(STEPS):
        return
    for step in STEPS[found:]:
        step(connection)
    connection.execute(sa.delete(version))
    connection.execute(sa.insert(version).values(version=len(STEPS)))
