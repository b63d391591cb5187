"""Runs, backfills, replays and rehearsals over REST, as Airflow's database then has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from sqlalchemy import select

from include.commsarchive.ledger.sql import connect
from tests.letters import make_held
from tests.unit.plugins.api_desk import Api, load_dags, make_api
from tests.unit.plugins.desk import DAY, make_desk

ONE = {"first": "2024-03-11", "last": "2024-03-11"}
SOME = {"first": "2024-03-11", "last": "2024-03-13"}
RUNS = "/connectors/desk_chat/runs"


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_runs: None) -> Api:
    made = make_api(make_desk(tmp_path, monkeypatch), monkeypatch)
    load_dags()
    with create_session() as session:
        session.query(DagModel).update({"is_paused": True})
    return made


def runs(dag_id: str) -> list[Any]:
    with create_session() as session:
        return list(session.scalars(select(DagRun).where(DagRun.dag_id == dag_id).order_by(DagRun.id)))


def acts(api: Api) -> list[tuple[str, str, str, str]]:
    found = [entry["act"] for entry in api("ada", "GET", "/audit").json()["items"]]
    return [(act["who"], act["what"], act["thing"], act["outcome"]) for act in reversed(found)]


def test_one_day_is_a_run_of_that_day(api: Api) -> None:
    answer = api("otto", "POST", RUNS, json=ONE)
    assert answer.status_code == 202
    (run,) = runs("desk_chat")
    assert (run.conf, run.triggering_user_name) == ({"day": "2024-03-11"}, "otto")
    assert answer.json() == {
        "dag_id": "desk_chat", "run_id": run.run_id, "state": "queued", "paused": True, "created": True
    }  # fmt: skip
    assert acts(api) == [
        ("otto", "archive-days", "2024-03-11", "asked"),
        ("otto", "archive-days", "2024-03-11", "done"),
    ]


def test_the_same_key_gives_the_run_that_is_there(api: Api) -> None:
    key = {"Idempotency-Key": "k1"}
    first, again = (api("otto", "POST", RUNS, key, json=ONE).json() for _ in range(2))
    assert (first["run_id"], first["created"], again["created"]) == (again["run_id"], True, False)
    other = api("olga", "POST", RUNS, key, json=ONE).json()
    assert other["run_id"] != first["run_id"]
    assert len(runs("desk_chat")) == 2


def test_several_days_are_a_backfill_with_both_ends(api: Api) -> None:
    answer = api("otto", "POST", RUNS, json=SOME)
    assert answer.status_code == 202
    days = [run.data_interval_start.date().isoformat() for run in runs("desk_chat")]
    assert days == ["2024-03-11", "2024-03-12", "2024-03-13"]


def test_a_second_backfill_is_refused_while_the_first_is_under_way(api: Api) -> None:
    api("otto", "POST", RUNS, json=SOME)
    answer = api("otto", "POST", RUNS, json=SOME)
    assert (answer.status_code, answer.json()["error"]) == (409, "not-possible")
    assert "Another backfill" in answer.json()["message"]
    assert acts(api)[-1] == ("otto", "archive-days", "2024-03-11 to 2024-03-13", "failed")


def test_days_before_the_schedule_are_no_backfill(api: Api) -> None:
    answer = api("otto", "POST", RUNS, json={"first": "2020-01-01", "last": "2020-01-03"})
    assert answer.status_code == 409


def test_days_must_be_in_order(api: Api) -> None:
    answer = api("otto", "POST", RUNS, json={"first": "2024-03-13", "last": "2024-03-11"})
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid")
    assert "swap" in answer.json()["faults"][0]["message"]


def test_a_replay_takes_what_is_asked_and_unpauses_its_dag(api: Api) -> None:
    held = make_held("one", connector="desk_chat", day=DAY)
    with connect(api.desk.ledger) as ledger:
        ledger.hold([held])
    body = {**SOME, "which": "quarantined", "only": [held.held_id]}
    answer = api("otto", "POST", "/connectors/desk_chat/replay", json=body)
    assert (answer.status_code, answer.json()["paused"]) == (202, False)
    (run,) = runs("replay")
    assert run.conf == {"connector": "desk_chat", **body}
    with create_session() as session:
        assert not session.get_one(DagModel, "replay").is_paused


def test_a_replay_of_what_is_not_there_is_refused(api: Api) -> None:
    with connect(api.desk.ledger) as ledger:
        ledger.hold([make_held("other", connector="mail")])
    for held_id in (make_held("other").held_id, "nothing"):
        answer = api("otto", "POST", "/connectors/desk_chat/replay", json={**ONE, "only": [held_id]})
        assert answer.status_code == 404
    assert runs("replay") == []


def test_a_rehearsal_is_a_run_of_its_dag(api: Api) -> None:
    answer = api("otto", "POST", "/connectors/desk_chat/rehearsals", json={"day": "2024-03-11"})
    assert answer.status_code == 202
    (run,) = runs("rehearsal")
    assert run.conf == {"connector": "desk_chat", "day": "2024-03-11"}


def test_a_connector_is_activated_and_paused(api: Api) -> None:
    path = "/connectors/desk_chat/activation"
    for active in (True, False):
        assert api("ada", "POST", path, json={"active": active}).status_code == 204
        status = api("vera", "GET", "/connectors/desk_chat/status").json()["standing"]["status"]
        assert (status == "paused") is not active


def test_a_connector_that_airflow_has_not_read_cannot_run_yet(api: Api) -> None:
    new = api.desk.definition | {"name": "young_chat"}
    api("ada", "POST", "/connectors", json=new)
    for body in (ONE, SOME):
        answer = api("otto", "POST", "/connectors/young_chat/runs", json=body)
        assert (answer.status_code, answer.json()["error"]) == (409, "not-loaded")
    standing = api("vera", "GET", "/connectors/young_chat/status").json()["standing"]
    assert standing["status"] != "active"


def test_what_is_under_way_and_what_failed_shows_in_the_calendar(api: Api) -> None:
    api("otto", "POST", RUNS, json=ONE)
    api("otto", "POST", RUNS, json={"first": "2024-03-12", "last": "2024-03-12"})
    with create_session() as session:
        newest = select(DagRun).where(DagRun.dag_id == "desk_chat").order_by(DagRun.id.desc()).limit(1)
        session.scalars(newest).one().state = "failed"
    days = api("vera", "GET", "/connectors/desk_chat/days?first=2024-03-11&last=2024-03-13").json()
    assert [day["state"] for day in days] == ["late", "failed", "missing"]
    assert [bool(day["run_id"]) for day in days] == [True, True, False]
