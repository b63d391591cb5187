"""What people decide and do, in a database."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from include.commsarchive.ledger.chain import Head, canonical
from include.commsarchive.ledger.control import (
    Act,
    AuditEntry,
    AuditFilter,
    StoredConnector,
    change_of,
    check_audit,
    next_entry,
    next_version,
)
from include.commsarchive.ledger.rows import Rows, stream, to_row
from include.commsarchive.ledger.schema import audit, audit_head, connector

_BY_NAME = sa.select(connector).order_by(connector.c.version.desc())


class SqlControl(Rows):
    """See `Control`."""

    def connectors(self) -> list[StoredConnector]:
        """See `Control.connectors`."""
        with self._database.read() as connection:
            return last_connectors(connection)

    def versions(self, name: str) -> list[StoredConnector]:
        """See `Control.versions`."""
        return [StoredConnector(**row) for row in self._stream(_BY_NAME.where(connector.c.name == name))]

    def put_connector(self, name: str, definition: str, expected: int, who: str) -> StoredConnector:
        """See `Control.put_connector`."""
        return self._add_version(name, definition, expected, who)

    def retire_connector(self, name: str, expected: int, who: str) -> StoredConnector:
        """See `Control.retire_connector`."""
        return self._add_version(name, None, expected, who)

    def _add_version(self, name: str, definition: str | None, expected: int, who: str) -> StoredConnector:
        with self._database.write() as connection:
            rows = stream(connection, _BY_NAME.where(connector.c.name == name).limit(1))
            last = next((StoredConnector(**row) for row in rows), None)
            made = next_version(last, name, definition, expected, who, now_ms())
            if made is not last:
                connection.execute(sa.insert(connector), [to_row(StoredConnector)(made)])
                _append(connection, change_of(last, made))
            return made

    def note(self, act: Act) -> AuditEntry:
        """See `Control.note`."""
        with self._database.write() as connection:
            return _append(connection, act)

    def audit(self, chosen: AuditFilter, before: int, limit: int) -> list[AuditEntry]:
        """See `Control.audit`."""
        rows = sa.select(audit).where(
            audit.c.seq < before, audit.c.at >= chosen.first, audit.c.at < chosen.last
        )
        if chosen.connectors is not None:
            rows = rows.where(audit.c.connector.in_(chosen.connectors))
        for column, wanted in ((audit.c.who, chosen.who), (audit.c.what, chosen.what)):
            if wanted:
                rows = rows.where(column == wanted)
        with self._database.read() as connection:
            return list(_entries(connection, rows.order_by(audit.c.seq.desc()).limit(limit)))

    def verify_audit(self) -> Iterator[str]:
        """See `Control.verify_audit`."""
        with self._database.read() as connection:
            yield from check_audit(
                _entries(connection, sa.select(audit).order_by(audit.c.seq)), _head(connection)
            )


def last_connectors(connection: sa.Connection) -> list[StoredConnector]:
    """Read the last version of each connector, by name."""
    last = sa.select(connector.c.name, sa.func.max(connector.c.version).label("version"))
    chosen = last.group_by(connector.c.name).subquery()
    is_last = (connector.c.name == chosen.c.name) & (connector.c.version == chosen.c.version)
    rows = sa.select(connector).join(chosen, is_last).order_by(connector.c.name)
    return [StoredConnector(**row) for row in stream(connection, rows)]


def now_ms() -> int:
    """Give the time in ms since 1970."""
    return time.time_ns() // 1_000_000


def _append(connection: sa.Connection, act: Act) -> AuditEntry:
    entry = next_entry(_head(connection), act, now_ms())
    row = to_row(Act)(act) | {
        "seq": entry.seq,
        "at": entry.at,
        "detail": canonical(dict(act.detail)),
        "previous": entry.previous,
        "hash": entry.hash,
    }
    connection.execute(sa.insert(audit), [row])
    connection.execute(sa.delete(audit_head))
    connection.execute(sa.insert(audit_head).values(seq=entry.seq, hash=entry.hash))
    return entry


def _head(connection: sa.Connection) -> Head:
    row = connection.execute(sa.select(audit_head)).mappings().first()
    return Head(**row) if row else Head()


def _entries(connection: sa.Connection, chosen: sa.Select[Any]) -> Iterator[AuditEntry]:
    for row in stream(connection, chosen):
        envelope = {name: row.pop(name) for name in ("seq", "at", "previous", "hash")}
        yield AuditEntry(act=Act(**row | {"detail": json.loads(row["detail"])}), **envelope)
