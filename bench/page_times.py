"""Time each page over a large ledger, for `pages.py`, which sets it up.

Pages are rendered as Airflow's web server does, in this process. Printed are medians: seconds by the clock,
and of processor time, which a busy machine does not blur.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
from airflow.api_fastapi.app import get_auth_manager, init_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.utils import db
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from commsarchive_airflow.connections import ledger_url
from commsarchive_airflow.web.pages.app import app

from bench.pages import CONNECTORS
from include.commsarchive.ledger.sql import connect
from tests.many_days import fill, fill_trail

DAYS, ACTS, TRIES = 500, 100_000, 9
GOAL = 0.5
"""Seconds of processor time that a page may take."""

YESTERDAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
SUNDAY = 6
NAMES = [f"feed_{number:03}" for number in range(CONNECTORS)]
ONE = f"/connectors/{NAMES[99]}"
PAGES = {
    "connectors, first 50 of 200": "/connectors",
    "connectors, last 50 of 200": "/connectors?page=4",
    "connectors, searched": "/connectors?q=feed_12",
    "a connector, three months": ONE,
    "a connector, a year ago": f"{ONE}?month={YESTERDAY - dt.timedelta(days=365):%Y-%m}",
    "a day with its record": f"{ONE}/days/{YESTERDAY}",
    "its people": f"{ONE}/people",
    "its settings": f"{ONE}/settings",
    "its quarantine": f"{ONE}/quarantine",
    "quarantine of all": "/quarantine",
    "audit trail": "/audit",
    "audit trail, its oldest page": "/audit?after=100",
    "audit trail, one person": "/audit?who=person_7",
    "audit trail, nobody": "/audit?who=nobody",
    "audit trail, one connector and kind": f"/audit?connector={NAMES[99]}&what=open-content",
    "audit trail, a day": f"/audit?first={YESTERDAY}&last={YESTERDAY}",
    "verification": "/verification",
    "verification of one": f"{ONE}/verification",
}


def main() -> int:
    """Fill the ledger and Airflow's database, then time each page; 1 when one is too slow."""
    fill_ledger()
    fill_airflow()
    get = browser()
    print(f"{'page':38} {'clock s':>8} {'cpu s':>8} {'kB':>7}", flush=True)
    slow = 0
    for title, path in PAGES.items():
        took = timed(get, path)
        slow += took.cpu > GOAL
        print(f"{title:38} {took.clock:8.3f} {took.cpu:8.3f} {took.size / 1000:7.0f}", flush=True)
    return int(slow > 0)


def fill_ledger() -> None:
    """Close all days, and let many people do many things, unless that was done before."""
    with connect(ledger_url()) as ledger:
        if not ledger.recorded():
            started = time.perf_counter()
            fill(ledger, NAMES, DAYS, YESTERDAY)
            fill_trail(ledger, NAMES, ACTS)
            print(f"filled {CONNECTORS * DAYS} days, {ACTS} acts in {time.perf_counter() - started:.1f} s\n")


def fill_airflow() -> None:
    """Let Airflow's database know a DAG for each connector, and what it has run in the last months."""
    db.initdb()
    with create_session() as session:
        session.add(DagBundleModel(name="dags"))
        session.flush()
        for name in NAMES:
            known = {"dag_id": name, "bundle_name": "dags", "is_paused": False, "is_stale": False}
            session.add(DagModel(**known))  # type: ignore[no-untyped-call]
            session.add_all(run_of(name, YESTERDAY - dt.timedelta(days=back)) for back in range(60))


def run_of(name: str, day: dt.date) -> DagRun:
    """Make a run of a day; those of Sundays failed."""
    at = dt.datetime.combine(day, dt.time(5), dt.UTC)
    return DagRun(
        dag_id=name,
        run_id=f"scheduled__{day}",
        logical_date=at,
        run_after=at,
        run_type=DagRunType.SCHEDULED,
        triggered_by=DagRunTriggeredByType.TIMETABLE,
        state=DagRunState.SUCCESS if day.weekday() < SUNDAY else DagRunState.FAILED,
    )


def browser() -> Callable[[str], bytes]:
    """Give somebody who may see everything a way to ask for a page."""
    init_auth_manager()
    token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="ada", role="admin"))
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://airflow.example",
        headers={"Authorization": f"Bearer {token}"},
    )
    loop = asyncio.new_event_loop()

    def get(path: str) -> bytes:
        answer = loop.run_until_complete(client.get(path))
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer.content

    gc.freeze()  # as the pages do once Airflow is loaded
    return get


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds by the clock and of processor time, and bytes of the page."""

    clock: float
    cpu: float
    size: int


def timed(get: Callable[[str], bytes], path: str) -> Took:
    """Give the median of some tries, after one that does not count."""
    size, took = len(get(path)), []
    for _ in range(TRIES):
        clock, cpu = time.perf_counter(), time.process_time()
        get(path)
        took.append((time.perf_counter() - clock, time.process_time() - cpu))
    clocks, cpus = (sorted(column)[TRIES // 2] for column in zip(*took, strict=True))
    return Took(clocks, cpus, size)


if __name__ == "__main__":
    sys.exit(main())
