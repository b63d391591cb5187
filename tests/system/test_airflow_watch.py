"""The DAGs `watch` and `upkeep`, run by Airflow itself, which alone can say whether a run has failed."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.dagrun import DagRun

from include.commsarchive.ledger.base import Run
from include.commsarchive.ledger.sql import connect
from tests.servers.smtp import HookServer, running_webhook
from tests.unit.plugins.desk import Desk, make_desk

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("airflow_database")]
PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def hook() -> Iterator[HookServer]:
    with running_webhook() as server:
        yield server


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hook: HookServer) -> Desk:
    made = make_desk(tmp_path, monkeypatch)
    made.write(schedule={"start": dt.datetime.now(dt.UTC).date().isoformat()}, collect={"wait_minutes": 0})
    monkeypatch.setenv("AIRFLOW_CONN_DESK_HOOK", json.dumps({"conn_type": "http", "password": hook.url}))
    monkeypatch.setenv("COMMSARCHIVE_ALERTS", "desk_hook")
    return made


def run(name: str, **conf: Any) -> DagRun:
    done: DagRun = DagBag(PROJECT / "dags").dags[name].test(run_conf=conf)
    return done


def test_a_failed_run_is_told_by_the_next_look(desk: Desk, hook: HookServer) -> None:
    failed = run("desk_chat", day="2024-03-11")
    assert failed.state == "failed"
    assert run("watch").state == "success"
    [post] = hook.posts
    assert "1 run has failed or not closed: 2024-03-11" in post["body"]
    assert run("watch").state == "success"
    assert len(hook.posts) == 1


def test_a_run_that_airflow_does_not_know_has_not_failed(desk: Desk, hook: HookServer) -> None:
    with connect(desk.ledger) as ledger:
        now = dt.datetime.now(dt.UTC)
        ledger.open_run(Run("desk_chat/forgotten", "desk_chat", now.date(), "manual", now))
    assert run("watch").state == "success"
    assert hook.posts == []


def test_upkeep_tells_that_all_is_well(desk: Desk, hook: HookServer) -> None:
    assert run("upkeep").state == "success"
    [post] = hook.posts
    assert post["subject"].endswith("all is well")
    assert "Evidence: no import records yet: there is nothing to verify." in post["body"]
