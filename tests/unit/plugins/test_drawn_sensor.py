"""The same sensor and operator serve a database as they serve files."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from commsarchive_airflow.operators import DecryptOperator, SFTPSensor

from tests.unit.plugins.desk import Desk, make_desk

QUERY = "SELECT id FROM said WHERE sent = :day ORDER BY id"
CAUGHT_UP = {"connection": "desk_rows", "query": QUERY, "poll_seconds": 1}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    with closing(sqlite3.connect(tmp_path / "rows.db")) as rows:
        rows.execute("CREATE TABLE said (id integer, sent text)")
        rows.execute("INSERT INTO said VALUES (1, '2024-03-11'), (2, '2024-03-12')")
        rows.commit()
    found = {"conn_type": "sqlite", "host": str(tmp_path / "rows.db")}
    monkeypatch.setenv("AIRFLOW_CONN_DESK_ROWS", json.dumps(found))
    made = make_desk(tmp_path, monkeypatch)
    made.write(collect=CAUGHT_UP)
    return made


def sensor() -> SFTPSensor:
    return SFTPSensor(task_id="wait_for_export", connector="desk_chat")


def test_a_day_that_is_over_is_drawn_without_being_deferred(desk: Desk) -> None:
    (bundle,) = sensor().execute(desk.context())
    operator = DecryptOperator(task_id="decrypt", connector="desk_chat", bundle=bundle)
    (file,) = operator.execute(desk.context())["files"]
    assert (file["name"], file["problem"]) == ("desk_chat.240311.jsonl", "")
    (drawn,) = (desk.root / "staging").rglob("clear/*.jsonl")
    assert drawn.read_bytes() == b'{"id":1}\n'


def test_a_day_that_is_not_over_is_waited_for(desk: Desk) -> None:
    with pytest.raises(TaskDeferred):
        sensor().execute(desk.context(partition_key="2999-01-01"))


def test_a_query_needs_a_database(desk: Desk) -> None:
    desk.write(collect={**CAUGHT_UP, "connection": "desk_folder"})
    with pytest.raises(
        AirflowFailException, match=r"type, is fs\. It must be one of: postgres, sqlite, database"
    ):
        sensor().execute(desk.context())
