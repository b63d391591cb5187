"""How long pages take over years of history: 200 connectors, 100,000 days. `python -m bench.pages [URL]`."""

from __future__ import annotations

import datetime as dt
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from include.commsarchive.connector import Connector
from include.commsarchive.control.days import Books
from include.commsarchive.control.feed import Feed
from include.commsarchive.control.habit import HABIT
from include.commsarchive.control.standing import PICTURE_DAYS, standing
from include.commsarchive.ledger.control import AuditFilter
from include.commsarchive.ledger.database import Database
from include.commsarchive.ledger.sql import SqlLedger
from include.commsarchive.ledger.views import Closed, HeldFilter
from tests.many_days import LAST, fill

CONNECTORS, DAYS, TRIES = 200, 500, 7
NEWEST = 2**62
OLD = LAST - dt.timedelta(days=450)
EVER = (dt.date.min, dt.date.max)


def main() -> None:
    """Fill a ledger, then time what each page asks of it."""
    with tempfile.TemporaryDirectory() as scratch:
        url = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{Path(scratch) / 'ledger.db'}"
        ledger = SqlLedger(Database(url))
        names = [f"feed_{number:03}" for number in range(CONNECTORS)]
        if not ledger.recorded():
            started = time.perf_counter()
            fill(ledger, names, DAYS)
            print(f"filled {CONNECTORS * DAYS} days in {time.perf_counter() - started:.1f} s")
        name = names[100]
        for title, ask in {
            "overview, 200 connectors": lambda: overview(ledger, names),
            "overview, page of 50": lambda: overview(ledger, names[:50]),
            "one connector's standing": lambda: overview(ledger, [name]),
            "last imports, all dormant": lambda: ledger.last_closed(names),
            "calendar of a year": lambda: ledger.closed([name], LAST - dt.timedelta(days=410), LAST),
            "history, newest of all": lambda: ledger.records(names, *EVER, NEWEST, 50),
            "history of one, newest": lambda: ledger.records([name], *EVER, NEWEST, 50),
            "history of one, oldest": lambda: ledger.records([name], *EVER, 5000, 50),
            "history of one, one day": lambda: ledger.records([name], LAST, LAST, NEWEST, 50),
            "history of all, one old day": lambda: ledger.records(names, OLD, OLD, NEWEST, 50),
            "quarantine of one": lambda: ledger.held_page(HeldFilter(name), 0, 50),
            "custodians of one": lambda: ledger.custodians(name, "", 50),
            "unmapped people of one": lambda: ledger.unmapped_people(name),
            "audit trail": lambda: ledger.audit(AuditFilter(), NEWEST, 50),
        }.items():
            print(f"{title:32} {timed(ask) * 1000:8.1f} ms")
        ledger.close()


def overview(ledger: SqlLedger, names: list[str]) -> list[object]:
    """Do what the overview does, without Airflow's own two queries."""
    now = dt.datetime.combine(LAST + dt.timedelta(days=1), dt.time(8), dt.UTC)
    closed: dict[str, list[Closed]] = {name: [] for name in names}
    for record in ledger.closed(names, LAST - dt.timedelta(days=PICTURE_DAYS) - HABIT, LAST):
        closed[record.connector].append(record)
    waiting: dict[str, dict[dt.date, int]] = {name: {} for name in names}
    for one in ledger.set_aside(names):
        waiting[one.connector][one.day] = one.number
    feed = Feed(known=True)
    return [
        standing(definition(name), Books(closed[name], waiting[name], feed), closed[name][-1], now)
        for name in names
    ]


def definition(name: str) -> Connector:
    """Give the least that a connector states."""
    return Connector.model_validate(
        json.loads(
            '{"source": "instant_bloomberg", "collect": {"connection": "a"}, "deliver": {"connection": "b"},'
            '"mapping": {"third_party_mailbox": "c@firm.example"}, "schedule": {"start": "2025-01-01"}}'
        )
        | {"name": name}
    )


def timed(ask: Callable[[], object]) -> float:
    """Give the median of some tries, in seconds."""
    seconds = []
    for _ in range(TRIES):
        started = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - started)
    return sorted(seconds)[TRIES // 2]


if __name__ == "__main__":
    main()
