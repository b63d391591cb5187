from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.commsarchive.ledger.sql import SqlLedger, connect
from tests.unit.plugins.desk import Desk, make_desk
from tests.unit.plugins.pages_desk import close_day, get

YESTERDAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, airflow_database: None) -> Desk:
    monkeypatch.setenv("COMMSARCHIVE_COMPLIANCE", "cora")
    desk = make_desk(tmp_path, monkeypatch)
    desk.write(schedule={"start": str(YESTERDAY - dt.timedelta(days=20))})
    return desk


@pytest.fixture
def ledger(desk: Desk) -> Iterator[SqlLedger]:
    with connect(desk.ledger) as ledger:
        yield ledger


def test_smoke(desk: Desk, ledger: SqlLedger) -> None:
    for back in range(15):
        if back != 4:
            close_day(ledger, "desk_chat", YESTERDAY - dt.timedelta(days=back), quarantined=int(back == 2))
    record = close_day(ledger, "desk_chat", YESTERDAY - dt.timedelta(days=1), found=9)
    (held,) = ledger.held("desk_chat", dt.date.min, dt.date.max)
    c = "/connectors/desk_chat"
    paths = [
        "/connectors",
        c,
        f"{c}/settings",
        f"{c}/days/{YESTERDAY}",
        f"{c}/days/2026-01-01",
        f"{c}/imports/{record.seq}",
    ]
    paths += [f"{c}/imports/{record.seq}/{x}" for x in ("items", "copies", "failures")]
    paths += [
        f"{c}/people",
        f"{c}/keys",
        "/quarantine",
        f"{c}/quarantine",
        "/setup",
        "/static/pages.css",
        "/static/no",
    ]
    paths += [f"{c}/quarantine/{held.held_id}", "/connectors/none", "/connectors?status=bad"]
    for path in paths:
        seen = get(path)
        assert seen.status < 500, path
