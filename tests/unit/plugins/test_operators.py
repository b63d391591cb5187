"""The operators hand each other what they need: a day of the samples from a folder to mailboxes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowFailException
from airflow.utils.types import DagRunType
from commsarchive_airflow.catalogue import PROJECT
from commsarchive_airflow.operators import (
    ConvertToMessageOperator,
    DecryptOperator,
    IngestOperator,
    MapUsersOperator,
    ReconcileOperator,
    ReopenOperator,
    SFTPSensor,
)
from commsarchive_airflow.operators.map_users import RECEIPT
from commsarchive_airflow.operators.reopen import HELD
from structlog.testing import capture_logs

from include.commsarchive.ledger.sql import connect
from tests.letters import make_delivery
from tests.unit.plugins.desk import DAY, DUE, Desk, make_desk

SAMPLE = PROJECT / "include" / "samples" / "instant_bloomberg" / DAY.isoformat()
DESK = {"connector": "desk_chat"}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = make_desk(tmp_path, monkeypatch)
    monkeypatch.setattr("commsarchive_airflow.operators.sftp_sensor.time.sleep", lambda _seconds: None)
    shutil.copytree(SAMPLE, made.exports, dirs_exist_ok=True)
    return made


def through_xcom(value: Any) -> Any:
    """What the next task gets: Airflow keeps JSON."""
    return json.loads(json.dumps(value))


def file_away(desk: Desk, converted: list[Any], reopened: list[str], **run: Any) -> dict[str, Any]:
    """From receipts of conversion to the counts of the closed run."""
    context = desk.context(**run)
    plans = MapUsersOperator(task_id="map_users", converted=converted, **DESK).execute(context)
    ingested = [
        IngestOperator(task_id="ingest", plan=plan, **DESK).execute(context) for plan in through_xcom(plans)
    ]
    return ReconcileOperator(
        task_id="reconcile",
        converted=converted,
        mapped=context["ti"].pushed[RECEIPT],
        ingested=through_xcom(ingested),
        reopened=reopened,
        **DESK,
    ).execute(context)


def archive(desk: Desk, *, keep: bool = False, **run: Any) -> dict[str, Any]:
    """Run a whole day; give the counts, with everything that was handed over when asked to ``keep`` it."""
    context = desk.context(**run)
    listed = SFTPSensor(task_id="wait_for_export", **DESK).execute(context)
    staged = [
        DecryptOperator(task_id="decrypt", bundle=bundle, **DESK).execute(context)
        for bundle in through_xcom(listed)
    ]
    converted = [
        ConvertToMessageOperator(task_id="convert", bundle=bundle, **DESK).execute(context)
        for bundle in through_xcom(staged)
    ]
    counts = file_away(desk, through_xcom(converted), [], **run)
    return {**counts, "handed": [listed, staged, converted]} if keep else counts


def mails(desk: Desk) -> set[Path]:
    return set(desk.mail.rglob("*commsarchive*"))


def people_in(exports: Path) -> Iterator[str]:
    """What must never be logged: words of the chats and the people in them."""
    text = next(exports.glob("*.xml")).read_text(encoding="utf-8")
    for tag in ("FirstName", "LastName", "CorporateEmailAddress", "Content"):
        for part in text.split(f"<{tag}>")[1:]:
            yield part.split("</", 1)[0].strip()


def test_a_day_is_archived_and_its_numbers_close(desk: Desk) -> None:
    counts = archive(desk)
    assert counts["found"] == counts["archived"] > 0
    assert counts["deliveries_made"] == counts["deliveries_planned"] == len(mails(desk)) > 0


@pytest.mark.parametrize(
    ("made_as", "kind"),
    [
        (DagRunType.SCHEDULED, "scheduled"),
        (DagRunType.BACKFILL_JOB, "backfill"),
        (DagRunType.MANUAL, "manual"),
        (DagRunType.ASSET_TRIGGERED, "manual"),
    ],
)
def test_the_record_says_how_the_run_was_made(desk: Desk, made_as: DagRunType, kind: str) -> None:
    archive(desk, run_type=made_as)
    with connect(desk.ledger) as ledger:
        assert [record.body["kind"] for record in ledger.history()] == [kind]


def test_the_same_day_again_files_nothing_twice(desk: Desk) -> None:
    first = archive(desk)
    before = mails(desk)
    again = archive(desk, run_id="run-2")
    assert (again["archived"], again["duplicate"]) == (0, first["archived"])
    assert mails(desk) == before


def test_logs_and_receipts_hold_no_content_and_no_people(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = {text.lower() for text in people_in(desk.exports) if len(text) > 6}
    assert len(secrets) > 50
    with capture_logs() as lines:
        handed = archive(desk, keep=True)
    said = json.dumps([lines, handed], default=str) + capsys.readouterr().out
    assert not {text for text in secrets if text in said.lower()}


def test_every_step_says_connector_day_and_duration_in_one_line(desk: Desk) -> None:
    with capture_logs() as lines:
        archive(desk)
    steps = [line for line in lines if line["log_level"] == "info"]
    assert [line["event"] for line in steps][:1] == ["export is complete"]
    assert steps[-1]["event"] == "closed"
    assert all({"connector", "day", "seconds"} <= line.keys() for line in steps)


def test_what_cannot_be_read_is_a_warning_beside_a_closed_run(desk: Desk) -> None:
    chat = next(desk.exports.glob("*.xml"))
    chat.write_bytes(b"<!DOCTYPE x>" + chat.read_bytes())
    with capture_logs() as lines:
        assert archive(desk)["quarantined"] == 1
    warnings = [line["event"] for line in lines if line["log_level"] == "warning"]
    assert [event for event in warnings if "Task Runner" not in event] == ["items were set aside"]


def test_what_stopped_a_file_is_a_warning_with_its_remedy(desk: Desk) -> None:
    desk.write(collect={"allow_unencrypted": False})
    with capture_logs() as lines:
        counts = archive(desk)
    stopped = [line for line in lines if line["event"] == "stopped"]
    assert len(stopped) == counts["quarantined"] > 0
    for line in stopped:
        assert (line["log_level"], line["problem"]) == ("warning", "not-encrypted")
        assert "Ask the source why" in line["detail"]
    (last,) = [line for line in lines if line["event"] == "items were set aside"]
    assert "replay" not in last["remedy"], "what each reason asks for is not the same"
    assert "docs/failures.md" in last["remedy"]


def test_people_who_get_a_mailbox_later_are_served_by_a_replay(desk: Desk) -> None:
    desk.write(mapping={"automatic": False})
    first = archive(desk)
    assert first["unmapped"] == first["archived"]
    desk.write(mapping={"automatic": True, "custom": "include/samples/mapping.csv"})
    context = desk.context(dag_id="replay", run_id="run-2")
    day = DAY.isoformat()
    receipt = ReopenOperator(task_id="reopen", first=day, last=day, which="unmapped", **DESK).execute(context)
    held = context["ti"].pushed[HELD]
    counts = file_away(desk, [through_xcom(receipt)], held, dag_id="replay", run_id="run-2")
    assert counts["found"] == first["found"]
    assert counts["unmapped"] == 0
    assert counts["deliveries_made"] > first["deliveries_made"]
    with connect(desk.ledger) as ledger:
        assert [record.body["kind"] for record in ledger.history()] == ["manual", "replay"]
        still_held = {one.reason for one in ledger.held("desk_chat", DAY, DAY)}
    assert still_held <= {"person-unmapped"}


def test_a_replay_of_days_in_the_wrong_order_is_refused(desk: Desk) -> None:
    with pytest.raises(AirflowFailException, match="Swap them"):
        ReopenOperator(task_id="reopen", first="2024-03-12", last="2024-03-11", **DESK).execute(
            desk.context()
        )


def test_a_run_that_does_not_close_fails_and_says_what_is_missing(desk: Desk) -> None:
    context = desk.context()
    operator = ReconcileOperator(
        task_id="reconcile",
        converted=[{"bundle": "x", "items": 3}],
        mapped={
            "plans": [],
            "items": 2,
            "planned": 2,
            "duplicate": 0,
            "excluded": 0,
            "unmapped": 0,
            "unmapped_people": 0,
            "deliveries": 2,
            "mapping_version": "v",
        },
        ingested=[],
        **DESK,
    )
    with pytest.raises(AirflowFailException, match="handed over 3 items, map_users decided on 2"):
        operator.execute(context)


def test_what_a_killed_try_intended_and_nobody_plans_any_more_does_not_keep_a_run_open(desk: Desk) -> None:
    with connect(desk.ledger) as ledger:
        before = replace(make_delivery("planned before the mapping was mended"), destination="desk_mail")
        ledger.intend("desk_chat/run-1", [before])
        archive(desk)
        assert list(ledger.open_intents("desk_chat/run-1")) == []


def test_the_asset_event_carries_the_counts(desk: Desk) -> None:
    asset = Asset(name="archive/desk_chat")
    context = desk.context()
    event = type("Event", (), {"extra": {}})()
    context["outlet_events"] = {asset: event}
    empty = {"plans": [], "items": 0, "planned": 0, "duplicate": 0, "excluded": 0, "unmapped": 0}
    ReconcileOperator(
        task_id="reconcile",
        converted=[],
        mapped={**empty, "unmapped_people": 0, "deliveries": 0, "mapping_version": "v"},
        ingested=[],
        outlets=[asset],
        **DESK,
    ).execute(context)
    assert event.extra == {
        "day": "2024-03-11",
        "found": 0,
        **{name: 0 for name in event.extra if name != "day"},
    }


def test_day_and_window_of_a_run_stay_frozen_when_it_is_tried_again(desk: Desk) -> None:
    archive(desk)
    archive(desk, run_after=DUE.replace(day=20))
    with connect(desk.ledger) as ledger:
        assert {record.day for record in ledger.history()} == {DAY}


def test_one_dag_run_archives_one_connector(desk: Desk) -> None:
    archive(desk)
    desk.write(name="other_chat")
    with pytest.raises(AirflowFailException, match="in a DAG of its own"):
        SFTPSensor(task_id="wait_for_export", connector="other_chat").execute(desk.context())
