from __future__ import annotations

import datetime as dt
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from commsarchive_airflow.catalogue import find_connector
from commsarchive_airflow.operators.upkeep import (
    CheckKeysOperator,
    FindSilentFeedsOperator,
    PurgeStagingOperator,
    VerifyLedgerOperator,
    silent_days,
)
from commsarchive_airflow.wiring import staging
from structlog.testing import capture_logs

from include.commsarchive.ledger.base import Run
from include.commsarchive.ledger.sql import connect
from include.commsarchive.stages.ingest import IngestReceipt
from include.commsarchive.stages.reconcile import reconcile
from include.commsarchive.stages.run import MapReceipt
from tests.unit.plugins.desk import DAY, Desk, make_desk

NOW = dt.datetime(2024, 3, 15, 12, tzinfo=dt.UTC)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return make_desk(tmp_path, monkeypatch)


def close(desk: Desk, day: dt.date, kind: str = "scheduled") -> str:
    """Close an empty run; its id."""
    run = Run(f"desk_chat/{kind}-{day}", "desk_chat", day, kind, NOW)
    with connect(desk.ledger) as ledger:
        ledger.open_run(run)
        reconcile(run, ledger, [], MapReceipt([], 0, 0, 0, 0, 0, 0, 0, "v"), [IngestReceipt()])
    return run.run_id


def stage(run_id: str) -> Any:
    folder = staging().run("desk_chat", run_id)
    with folder.write("raw/chat.xml") as sink:
        sink.write(b"x")
    return folder


def missing(desk: Desk, **schedule: Any) -> list[int]:
    desk.write(schedule=schedule)
    archived = {dt.date(2024, 3, 12)}
    return [day.day for day in silent_days(find_connector("desk_chat"), archived, NOW)]


def test_days_that_were_due_and_are_not_archived_are_found(desk: Desk) -> None:
    assert missing(desk) == [11, 13]


def test_a_day_is_not_missed_before_its_deadline(desk: Desk) -> None:
    assert missing(desk, deadline_hours=1) == [11, 13, 14]


def test_a_feed_that_has_ended_is_not_silent(desk: Desk) -> None:
    assert missing(desk, end="2024-03-12") == [11]


def test_a_connector_without_a_schedule_is_never_silent(desk: Desk) -> None:
    assert missing(desk, cron="") == []


def test_days_that_no_vendor_keeps_any_more_are_not_repeated_for_ever(desk: Desk) -> None:
    assert len(missing(desk, start="2020-01-01")) < 31


def test_each_silent_day_is_one_warning_line(desk: Desk) -> None:
    today = dt.datetime.now(dt.UTC).date()
    desk.write(schedule={"start": (today - dt.timedelta(days=3)).isoformat(), "cron": "0 0 * * *"})
    close(desk, today - dt.timedelta(days=3))
    with capture_logs() as lines:
        number = FindSilentFeedsOperator(task_id="find_silent_feeds").execute(desk.context())
    days = [line["day"] for line in lines if line["event"] == "day is not archived"]
    assert len(days) == number
    assert days[0] == (today - dt.timedelta(days=2)).isoformat()


def test_a_replay_does_not_hide_that_its_own_day_is_silent(desk: Desk) -> None:
    today = dt.datetime.now(dt.UTC).date()
    desk.write(schedule={"start": (today - dt.timedelta(days=2)).isoformat(), "cron": "0 0 * * *"})
    find = FindSilentFeedsOperator(task_id="find_silent_feeds")
    before = find.execute(desk.context())
    close(desk, today - dt.timedelta(days=2), "replay")
    assert find.execute(desk.context()) == before > 0


def test_staging_is_purged_after_the_run_has_closed_and_not_before_its_time(desk: Desk) -> None:
    kept, unclosed = stage(close(desk, DAY)), stage("desk_chat/open")
    purge = PurgeStagingOperator(task_id="purge_staging")
    assert purge.execute(desk.context()) == 0
    desk.write(keep_days=0)
    assert purge.execute(desk.context()) == 1
    assert not kept.exists("raw/chat.xml")
    assert unclosed.exists("raw/chat.xml")


def test_an_intact_ledger_is_verified_and_a_changed_one_fails(desk: Desk) -> None:
    close(desk, DAY)
    verify = VerifyLedgerOperator(task_id="verify_ledger")
    assert verify.execute(desk.context()) == 1
    with sqlite3.connect(desk.root / "ledger.db") as database:
        database.execute("UPDATE import_record SET day = '2024-03-12'")
    with pytest.raises(AirflowFailException, match="does not verify"):
        verify.execute(desk.context())


def test_a_connector_without_keys_has_none_to_expire(desk: Desk) -> None:
    assert CheckKeysOperator(task_id="check_keys", connector="desk_chat").execute(desk.context()) == 0
