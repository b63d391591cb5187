"""Alerts and the outbox, in a database."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from include.commsarchive.ledger.alerts import Alert, AlertKind, Finding, Looked, News, Notice, Tell
from include.commsarchive.ledger.rows import Row, Rows, stream
from include.commsarchive.ledger.schema import alert, notice

_NOTICE = [notice.c[name] for name in ("channel", "name", "subject", "text")]


class SqlAlerts(Rows):
    """See `Alerts`."""

    def take(self, looked: Looked, found: Sequence[Finding], tell: Tell) -> News:
        """See `Alerts.take`."""
        now = time.time_ns() // 1_000_000
        findings = {(one.kind, one.connector): one for one in found}
        opened, grown, cleared = [], [], []
        with self._database.write() as connection:
            before = {
                (row["kind"], row["connector"]): row
                for row in stream(connection, sa.select(alert).where(alert.c.cleared == 0))
            }
            for key, one in findings.items():
                row = before.get(key)
                known = set(json.loads(row["known"])) if row else set()
                values = _values(one, known, now)
                if row is None:
                    connection.execute(sa.insert(alert).values(**values, opened=now, cleared=0))
                    opened.append(Alert(one, now, now))
                    continue
                connection.execute(_this(row).values(**values))
                if set(one.things) - known:
                    grown.append(Alert(one, row["opened"], now))
            for key, row in before.items():
                if key in looked and key not in findings:
                    connection.execute(_this(row).values(cleared=now))
                    cleared.append(_alert(row | {"cleared": now}))
            news = News(tuple(opened), tuple(grown), tuple(cleared))
            _post(connection, tell(news))
        return news

    def alerts(self, connectors: Collection[str] | None = None, *, since: int | None = None) -> list[Alert]:
        """See `Alerts.alerts`."""
        chosen = alert.c.cleared == 0
        if since is not None:
            chosen |= alert.c.cleared >= since
        rows = sa.select(alert).where(chosen)
        if connectors is not None:
            rows = rows.where(alert.c.connector.in_(connectors))
        order = (alert.c.opened, alert.c.connector, alert.c.kind)
        return [_alert(row) for row in self._stream(rows.order_by(*order))]

    def post(self, notices: Sequence[Notice]) -> None:
        """See `Alerts.post`."""
        with self._database.write() as connection:
            _post(connection, notices)

    def unsent(self) -> list[Notice]:
        """See `Alerts.unsent`."""
        rows = sa.select(*_NOTICE).where(notice.c.sent == 0).order_by(notice.c.seq)
        return [Notice(**row) for row in self._stream(rows)]

    def sent(self, one: Notice) -> None:
        """See `Alerts.sent`."""
        this = (notice.c.channel == one.channel) & (notice.c.name == one.name)
        with self._database.write() as connection:
            connection.execute(sa.update(notice).where(this).values(sent=time.time_ns() // 1_000_000))


def _post(connection: sa.Connection, notices: Sequence[Notice]) -> None:
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    for one in notices:
        values = {column.name: getattr(one, column.name) for column in _NOTICE}
        row = insert(notice).values(**values, at=time.time_ns() // 1_000_000, sent=0)
        connection.execute(row.on_conflict_do_nothing(index_elements=["channel", "name"]))


def _values(one: Finding, known: set[str], now: int) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "connector": one.connector,
        "why": one.why,
        "remedy": one.remedy,
        "things": json.dumps(one.things),
        "known": json.dumps(sorted(known | set(one.things))),
        "seen": now,
    }


def _this(row: Row) -> sa.Update:
    key = (alert.c[name] == row[name] for name in ("kind", "connector", "opened"))
    return sa.update(alert).where(*key)


def _alert(row: Row) -> Alert:
    things = tuple(json.loads(row["things"]))
    finding = Finding(AlertKind(row["kind"]), row["connector"], row["why"], row["remedy"], things)
    return Alert(finding, row["opened"], row["seen"], row["cleared"])
