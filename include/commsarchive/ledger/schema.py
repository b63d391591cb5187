"""The ledger's tables and their version.

Times that only the ledger sets are milliseconds since 1970 (UTC); times that were handed in are ISO 8601
text, so that they come back as they went in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from include.commsarchive.errors import Fatal

METADATA = sa.MetaData()


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=key, nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _table(name: str, *columns: sa.schema.SchemaItem, rowid: bool = False) -> sa.Table:
    """Make a table. In SQLite one without rowid is stored once, in the order of its key."""
    return sa.Table(name, METADATA, *columns, sqlite_with_rowid=rowid)


run = _table(
    "run",
    _text("run_id", key=True),
    _text("connector"),
    sa.Column("day", sa.Date, nullable=False),
    _text("kind"),
    _text("window_end"),
)

file = _table(
    "file",
    _text("run_id", key=True),
    _text("name", key=True),
    _number("size"),
    _text("sha256"),
    _number("clear_size"),
    _text("clear_sha256"),
    _text("signed_by"),
    _text("problem"),
)

item = _table(
    "item",
    _text("run_id", key=True),
    _text("key", key=True),
    _text("revision", key=True),
    _text("state"),
    _number("deliveries"),
    _number("duplicates"),
    sa.Column("unmapped", sa.Boolean, nullable=False),
    sa.Column("partial", sa.Boolean, nullable=False),
    _text("reason"),
)

failure = _table(
    "failure",
    _text("run_id", key=True),
    _text("item_id", key=True),
    _text("source_user", key=True),
    _text("mailbox", key=True),
    _text("stage", key=True),
    _text("reason", key=True),
)

sealed_failure = _table(
    "sealed_failure",
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    _text("item_id"),
    _text("source_user"),
    _text("mailbox"),
    _text("stage"),
    _text("reason"),
)
"""The failure rows that an import record covers, in the order in which they were hashed."""

delivery = _table(
    "delivery",
    _text("delivery_key", key=True),
    _text("key"),
    _text("revision"),
    _text("destination"),
    _text("mailbox"),
    _text("folder"),
    _text("run_id"),
    _text("state"),
    _text("server_id"),
    _text("content_hash"),
    _number("settled_at"),
    sa.Column("sealed", sa.BigInteger),
    sa.Column("request_id", sa.Text, nullable=False, server_default=""),
    sa.Column("stored_hash", sa.Text, nullable=False, server_default=""),
    sa.Index("delivery_by_run", "run_id"),
    rowid=True,
)
"""One copy in one place. ``run_id`` intended it, or, once it is delivered, made it; ``settled_at`` is when.
``sealed`` is the first import record that covers it."""

fate = _table("fate", _text("run_id", key=True), _text("delivery_key", key=True), _text("fate"))
"""Copies that a run planned and did not make: ``duplicate`` or ``failed``."""

held = _table(
    "held",
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("held_id", sa.Text, nullable=False, unique=True),
    _text("run_id"),
    _text("connector"),
    sa.Column("day", sa.Date, nullable=False),
    _text("stage"),
    _text("reason"),
    _text("detail"),
    _text("place"),
    _text("path"),
    _text("sha256"),
    _text("key"),
    _text("revision"),
    _text("people"),
    _text("resolved_by"),
    rowid=True,
)

mapping = _table(
    "mapping",
    _text("connector", key=True),
    _text("kind", key=True),
    _text("version", key=True),
    _text("body"),
    sa.Column("in_force", sa.Boolean, nullable=False),
    sa.Column("since", sa.BigInteger, nullable=False, server_default="0"),
)
"""``since`` is when the version last came into force; 0 in ledgers that did not say."""

import_record = _table(
    "import_record",
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    _text("run_id"),
    _text("connector"),
    sa.Column("day", sa.Date, nullable=False),
    _text("closed_at"),
    _text("previous"),
    _text("hash"),
    _text("body"),
)

head = _table("head", _number("seq"), _text("hash"), rowid=True)
"""One row: the last import record."""

connector = _table(
    "connector",
    _text("name", key=True),
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    _text("definition"),
    _text("who"),
    _number("at"),
)

audit = _table(
    "audit",
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    _number("at"),
    _text("who"),
    _text("what"),
    _text("connector"),
    _text("thing"),
    _text("outcome"),
    _text("detail"),
    _text("previous"),
    _text("hash"),
    sa.Index("audit_by_connector", "connector", "seq"),
)

audit_head = _table("audit_head", _number("seq"), _text("hash"), rowid=True)
"""One row: the last entry of the audit trail."""

FOR_PAGES = (
    sa.Index("import_record_by_day", import_record.c.connector, import_record.c.day, import_record.c.seq),
    sa.Index(
        "held_open",
        held.c.connector,
        held.c.day,
        held.c.seq,
        sqlite_where=held.c.resolved_by == "",
        postgresql_where=held.c.resolved_by == "",
    ),
)
"""What keeps pages fast over years of history."""

version = _table("version", sa.Column("version", sa.Integer, nullable=False), rowid=True)
"""One row: how far `STEPS` have been taken."""


def failure_order(rows: sa.FromClause) -> list[Any]:
    """Give the order in which failure rows are listed and hashed."""
    return [rows.c[name] for name in ("item_id", "source_user", "mailbox", "stage", "reason")]


def seal_failures(connection: sa.Connection, records: sa.Subquery) -> None:
    """Copy the failure rows of runs for import records, which have ``run_id`` and ``seq``."""
    row = failure_order(failure)
    number = sa.func.row_number().over(partition_by=records.c.seq, order_by=row)
    rows = sa.select(records.c.seq, number, *row).join(failure, failure.c.run_id == records.c.run_id)
    connection.execute(sa.insert(sealed_failure).from_select(list(sealed_failure.c), rows))


def _seal_old_failures(connection: sa.Connection) -> None:
    """Let the failures of runs that were closed before failures were sealed outlast a new plan too."""
    sealed_failure.create(connection, checkfirst=True)
    last = sa.select(import_record.c.run_id, sa.func.max(import_record.c.seq).label("seq"))
    seal_failures(connection, last.group_by(import_record.c.run_id).subquery())


def _keep_what_servers_say(connection: sa.Connection) -> None:
    """Add the columns of deliveries that the first ledgers lack."""
    there = {column["name"] for column in sa.inspect(connection).get_columns(delivery.name)}
    for column in (delivery.c.request_id, delivery.c.stored_hash):
        if column.name not in there:
            kind = f"{column.name} TEXT NOT NULL DEFAULT ''"
            connection.execute(sa.text(f"ALTER TABLE {delivery.name} ADD COLUMN {kind}"))


def _keep_what_people_do(connection: sa.Connection) -> None:
    """Add the tables of what people decide and do, and what pages need."""
    METADATA.create_all(connection, [connector, audit, audit_head])
    for index in FOR_PAGES:
        index.create(connection, checkfirst=True)
    there = {column["name"] for column in sa.inspect(connection).get_columns(mapping.name)}
    if mapping.c.since.name not in there:
        connection.execute(sa.text(f"ALTER TABLE {mapping.name} ADD COLUMN since BIGINT NOT NULL DEFAULT 0"))


STEPS: tuple[Callable[[sa.Connection], None], ...] = (
    METADATA.create_all,
    _seal_old_failures,
    _keep_what_servers_say,
    _keep_what_people_do,
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
