"""Watching: what is wrong becomes an alert, people are told once, and each day also that all is well."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import structlog
from airflow.sdk import BaseOperator, Context

from commsarchive_airflow.catalogue import catalogue
from commsarchive_airflow.connections import ledger_url
from commsarchive_airflow.endings import look_at_expiry, tell
from commsarchive_airflow.notify import channels, send_waiting
from commsarchive_airflow.outcome import explained
from include.commsarchive.alarms.messages import FeedLine, daily_notices
from include.commsarchive.alarms.watch import look
from include.commsarchive.ledger.alerts import AlertKind
from include.commsarchive.ledger.base import Run
from include.commsarchive.ledger.sql import SqlLedger, connect

DAY = dt.timedelta(days=1)

LONG = dt.timedelta(weeks=10)
"""How old the business days of imports of today are at most; older ones are backfills."""


class WatchOperator(BaseOperator):
    """Judge every connector by the rules, bring the alerts in line, and tell what is news."""

    def execute(self, context: Context) -> int:
        """Look, then send; a channel that cannot be reached is tried again with the task."""
        log = structlog.get_logger(self.task_id)
        with explained(), connect(ledger_url()) as ledger:
            connectors = list(catalogue().connectors.values())
            news = look(
                ledger, connectors, dt.datetime.now(dt.UTC), lambda run: _has_failed(run, context), tell
            )
            opened = ledger.alerts()
            for one in opened:
                finding = one.finding
                log.warning(
                    str(finding.kind), connector=finding.connector, why=finding.why, remedy=finding.remedy
                )
            if not channels():
                log.warning("nobody is told of alerts: set COMMSARCHIVE_ALERTS")
            sent = send_waiting(ledger, context)
        log.info(
            "watched", connectors=len(connectors), open=len(opened), cleared=len(news.cleared), sent=sent
        )
        return len(opened)


class CheckExpiryOperator(BaseOperator):
    """Look for keys, certificates and passwords that end soon. The key rings are opened for it."""

    def execute(self, context: Context) -> int:
        """Look at each connector's keys and connections."""
        del context
        now = dt.datetime.now(dt.UTC)
        connectors = catalogue().connectors.values()
        with explained(), connect(ledger_url()) as ledger:
            found = look_at_expiry(ledger, list(connectors), now)
        for one in found:
            structlog.get_logger(self.task_id).warning(one.why, connector=one.connector)
        return len(found)


class DailyOperator(BaseOperator):
    """Tell once a day how all feeds stand, also when all is well. ``verified``: `verify_ledger`'s output."""

    template_fields = ("verified",)

    def __init__(self, *, verified: Any, **kwargs: Any) -> None:
        """Take the output of `VerifyLedgerOperator`."""
        super().__init__(**kwargs)
        self.verified = verified

    def execute(self, context: Context) -> int:
        """Count, write, send."""
        now = dt.datetime.now(dt.UTC)
        with explained(), connect(ledger_url()) as ledger:
            alerts = ledger.alerts()
            feeds = list(_feeds(ledger, sorted(catalogue().connectors), now))
            proven = self.verified
            if any(one.finding.kind in (AlertKind.TAMPERED, AlertKind.INCOMPLETE) for one in alerts):
                proven = "not intact, see the alerts"
            elif not isinstance(proven, str):
                proven = "was not verified today, see the DAG upkeep"
            ledger.post(daily_notices(now.date(), feeds, alerts, proven, channels()))
            return send_waiting(ledger, context)


def _has_failed(run: Run, context: Context) -> bool:
    """Ask Airflow. The ledger names runs ``dag/run``; one that Airflow has forgotten has not failed."""
    dag_id, _, run_id = run.run_id.partition("/")
    return context["ti"].get_dr_count(dag_id=dag_id, run_ids=[run_id], states=["failed"]) > 0


def _feeds(ledger: SqlLedger, names: list[str], now: dt.datetime) -> Iterator[FeedLine]:
    closed = ledger.closed(names, (now - LONG).date(), now.date() + DAY)
    last_days = {one.connector: one.day for one in ledger.last_closed(names)}
    set_aside = ledger.set_aside(names)
    for name in names:
        recent = [one for one in closed if one.connector == name and one.closed_at > now - DAY]
        yield FeedLine(
            name,
            last_days.get(name),
            days=len({one.day for one in recent}),
            archived=sum(one.archived for one in recent),
            copies=sum(one.deliveries_made for one in recent),
            set_aside=sum(one.number for one in set_aside if one.connector == name),
        )
