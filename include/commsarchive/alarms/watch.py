"""Look at the ledger for what is wrong, and bring the alerts in line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from typing import Protocol

from include.commsarchive.alarms.rules import RULES, Facts, judge
from include.commsarchive.connector import Connector
from include.commsarchive.control.habit import HABIT, JUDGED
from include.commsarchive.ledger.alerts import Alerts, News, Tell
from include.commsarchive.ledger.base import Run
from include.commsarchive.ledger.proof import Proof
from include.commsarchive.ledger.views import Views

HasFailed = Callable[[Run], bool]
"""Asks the scheduler whether a run has failed."""


class Books(Proof, Views, Alerts, Protocol):
    """What watching reads and writes: `sql.SqlLedger` is one."""


def look(
    books: Books, connectors: Collection[Connector], now: dt.datetime, has_failed: HasFailed, tell: Tell
) -> News:
    """Judge connectors by all rules, and bring their alerts in line; say what is news.

    An alert of a connector that there is no more is cleared, too.

    Raises:
        Retriable: the ledger cannot be reached.
    """
    found = [one for connector in connectors for one in judge(facts(books, connector, now, has_failed))]
    names = {one.name for one in connectors} | {one.finding.connector for one in books.alerts()} - {""}
    return books.take({(kind, name) for kind in RULES for name in names}, found, tell)


def facts(books: Books, connector: Connector, now: dt.datetime, has_failed: HasFailed) -> Facts:
    """Gather what is known of a connector."""
    name, since = connector.name, (now - JUDGED - HABIT).date()
    runs = books.unclosed(name, since)
    first = min([since, *(run.day for run in runs)])
    return Facts(
        connector,
        now,
        archived=books.archived_days(name),
        closed=books.closed([name], first, now.date() + dt.timedelta(days=1)),
        unclosed=runs,
        failed={run.run_id for run in runs if has_failed(run)},
        shares=list(books.shares(name, since)),
        unmapped=books.unmapped_people(name),
        waiting=books.waiting(name),
    )
