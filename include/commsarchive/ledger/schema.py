"""The ledger's tables; `migration` says how they came to be.

Times that only the ledger sets are milliseconds since 1970 (UTC); times that were handed in are ISO 8601
text, so that they come back as they went in.
"""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=key, nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _detail() -> sa.Column[str]:
    return sa.Column("detail", sa.Text, nullable=False, server_default="")


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
    sa.Column("planned", sa.BigInteger, nullable=False, server_default="0"),
    sa.Index("run_by_connector", "connector", "window_end"),
)
"""``planned`` is when a plan was begun that no import record covers yet, else 0."""

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
    _detail(),
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
    _detail(),
)
"""The failure rows that an import record covers, in the order in which they were hashed."""

sealed_file = _table(
    "sealed_file",
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    _text("name"),
    _number("size"),
    _text("sha256"),
    _number("clear_size"),
    _text("clear_sha256"),
    _text("signed_by"),
    _text("problem"),
)
"""The files that an import record covers, by name."""

custodian = _table(
    "custodian",
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    _text("mailbox", key=True),
    _number("copies"),
)
"""How many copies each mailbox got of those that an import record is the first to cover. Counted from
`delivery`, so that a habit can be known without reading all of it."""

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
    sa.Column("doubts", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("worker", sa.Text, nullable=False, server_default=""),
    sa.Index("delivery_by_run", "run_id"),
    rowid=True,
)
"""One copy in one place. ``run_id`` intended it, or, once it is delivered, made it; ``settled_at`` is when.
``sealed`` is the first import record that covers it; ``doubts`` as in `Known`; ``worker`` is
the task that intended it."""

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

alert = _table(
    "alert",
    _text("kind", key=True),
    _text("connector", key=True),
    sa.Column("opened", sa.BigInteger, primary_key=True, autoincrement=False),
    _number("seen"),
    _number("cleared"),
    _text("why"),
    _text("remedy"),
    _text("things"),
    _text("known"),
    sa.Index("alert_open", "cleared"),
)
"""``things`` and ``known`` are JSON lists: what it is about now, and all that it ever was about."""

notice = _table(
    "notice",
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    _text("channel"),
    _text("name"),
    _text("subject"),
    _text("text"),
    _number("at"),
    _number("sent"),
    sa.UniqueConstraint("channel", "name"),
    rowid=True,
)
"""The outbox; ``sent`` is 0 for what waits."""

FOR_PAGES = (
    sa.Index("import_record_by_day", import_record.c.connector, import_record.c.day, import_record.c.seq),
    sa.Index("import_record_by_connector", import_record.c.connector, import_record.c.seq),
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
"""One row: how far `migration.STEPS` have been taken."""
