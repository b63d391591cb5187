from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from commsarchive_airflow.operators import SFTPSensor
from commsarchive_airflow.operators.export_watch import ExportTrigger
from structlog.testing import capture_logs

from include.commsarchive.errors import Retriable
from tests.unit.plugins.desk import Desk, make_desk

CHAT, FILES = "f855501.ib19.240311.xml", "f855501.ib19.att.240311.tar.gz"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("commsarchive_airflow.operators.sftp_sensor.SHORT_PAUSE", 0)
    blink = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda _seconds: blink(0))
    return make_desk(tmp_path, monkeypatch)


def sensor() -> SFTPSensor:
    return SFTPSensor(task_id="wait_for_export", connector="desk_chat")


def deferred(desk: Desk, **run: Any) -> ExportTrigger:
    """Let the sensor look once, and give the trigger as the triggerer gets it: made of its arguments."""
    with pytest.raises(TaskDeferred) as caught:
        sensor().execute(desk.context(**run))
    path, arguments = caught.value.trigger.serialize()
    assert path == "commsarchive_airflow.operators.export_watch.ExportTrigger"
    return ExportTrigger(**arguments)


def event_of(trigger: ExportTrigger) -> dict[str, Any]:
    async def first() -> Any:
        return await anext(aiter(trigger.run()))

    return asyncio.run(first()).payload  # type: ignore[no-any-return]


def names(bundles: list[dict[str, Any]]) -> list[list[str]]:
    return [[pickup["name"] for pickup in bundle["pickups"]] for bundle in bundles]


def test_an_export_that_does_not_change_between_two_looks_is_complete(desk: Desk) -> None:
    for name in (CHAT, FILES, "notes.txt"):
        (desk.exports / name).write_bytes(b"x")
    event = event_of(deferred(desk))
    assert names(sensor().execute_complete(desk.context(), event)) == [[CHAT, FILES]]


def test_a_file_that_grows_between_two_looks_is_waited_for(desk: Desk) -> None:
    desk.write(collect={"wait_minutes": 60 * 24 * 365 * 50})
    (desk.exports / CHAT).write_bytes(b"x")
    trigger = deferred(desk)
    (desk.exports / CHAT).write_bytes(b"xx")
    (pickup,) = event_of(trigger)["pickups"]
    assert pickup["file"]["size"] == 2


def test_secrets_do_not_travel_with_the_trigger(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_DESK_FOLDER",
        f'{{"conn_type": "fs", "password": "hush", "extra": {{"path": "{desk.exports}"}}}}',
    )
    assert "hush" not in str(deferred(desk).serialize())


def test_what_is_missing_at_the_deadline_is_named_and_not_retried(desk: Desk) -> None:
    desk.write(collect={"manifest": "manifest_{yymmdd}.txt"})
    (desk.exports / "manifest_240311.txt").write_text(f"{CHAT}\n{FILES}\n", encoding="ascii")
    (desk.exports / CHAT).write_bytes(b"x")
    event = event_of(deferred(desk))
    with pytest.raises(AirflowFailException, match=f"2024-03-11: the export is incomplete.*{FILES}"):
        sensor().execute_complete(desk.context(), event)


def test_a_day_without_files_is_an_error_or_an_empty_day_as_configured(desk: Desk) -> None:
    event = event_of(deferred(desk))
    with pytest.raises(AirflowFailException, match="allow_missing: true"):
        sensor().execute_complete(desk.context(), event)
    desk.write(collect={"allow_missing": True})
    assert sensor().execute_complete(desk.context(), event) == []


def test_a_day_with_some_of_its_files_is_never_taken_for_an_empty_one(desk: Desk) -> None:
    desk.write(collect={"allow_missing": True, "manifest": "manifest_{yymmdd}.txt"})
    (desk.exports / CHAT).write_bytes(b"x")
    event = event_of(deferred(desk))
    with pytest.raises(AirflowFailException, match=r"manifest_240311\.txt"):
        sensor().execute_complete(desk.context(), event)


def test_the_deadline_counts_from_when_the_run_was_due(desk: Desk) -> None:
    desk.write(collect={"wait_minutes": 90})
    due = dt.datetime(2026, 1, 2, 5, tzinfo=dt.UTC)
    assert deferred(desk, run_after=due).deadline == "2026-01-02T06:30:00+00:00"


def test_a_refusal_fails_at_once(desk: Desk) -> None:
    desk.write(collect={"folder": "nowhere"})
    with pytest.raises(AirflowFailException, match="no such folder"):
        sensor().execute(desk.context())


def test_a_refusal_while_deferred_fails_the_task_without_a_retry(desk: Desk) -> None:
    trigger = deferred(desk)
    desk.write(collect={"folder": "nowhere"})
    with pytest.raises(AirflowFailException, match="no such folder"):
        sensor().execute_complete(desk.context(), event_of(trigger))


def test_a_missing_connection_fails_at_once_and_is_named(
    desk: Desk, airflow_database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_DESK_FOLDER")
    with pytest.raises(AirflowFailException, match="no Airflow connection desk_folder"):
        sensor().execute(desk.context())


def test_while_the_network_is_down_it_looks_again_until_the_deadline(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(connector: object, day: object) -> None:
        raise Retriable("127.0.0.1:22: connection refused")

    monkeypatch.setattr("commsarchive_airflow.operators.export_watch.collector", down)
    trigger = deferred(desk)
    with capture_logs() as lines:
        event = event_of(trigger)
    assert [line["log_level"] for line in lines] == ["warning"]
    with pytest.raises(Retriable, match="connection refused"):
        sensor().execute_complete(desk.context(), event)
