"""Checking the connections of an API and of a database: the beginning of a day is drawn and read."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from include.commsarchive.cli.main import main
from include.commsarchive.collect.query import SAMPLE
from include.commsarchive.profile import PROJECT
from tests.servers.answering import Said
from tests.servers.paged_api import PagedApi, running_api

EXAMPLES = PROJECT / "include" / "connectors"
API = EXAMPLES / "https_api.yaml.example"
QUERY = "SELECT * FROM message WHERE at >= :from_epoch AND at < :to_epoch"
BEGINNING = "good   fetch and decrypt: desk_messages_api.240313.jsonl.pages.tar, the beginning of the day: "


def row(number: int) -> dict[str, object]:
    return {
        "id": number,
        "sent": f"2024-03-13T08:{number // 60:02}:{number % 60:02}Z",
        "room": "a",
        "room_name": "Room a",
        "author": "nina.oakes@quillbrook.example",
        "author_name": "Nina Oakes",
        "readers": "zoe.lindqvist@quillbrook.example",
        "body": f"Text {number}",
    }


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PagedApi]:
    with running_api() as server:
        server.records = [row(number) for number in range(5)]
        connect(monkeypatch, "desk_api", conn_type="https", host=server.url, password="good")
        connect(monkeypatch, "archive", extra={"destination": "maildir", "path": str(tmp_path / "mail")})
        yield server


def connect(monkeypatch: pytest.MonkeyPatch, name: str, conn_type: str = "generic", **fields: object) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps({"conn_type": conn_type, **fields}))


def check(path: Path) -> int:
    return main(["check", "connections", str(path), "--day", "2024-03-13"])


def test_of_an_api_the_first_page_is_fetched_and_read(
    api: PagedApi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(API) == 0
    said = capsys.readouterr().out
    assert BEGINNING in said
    assert "good   read: desk_messages_api.240313.jsonl: 1 items, 2 people in them, nothing set aside" in said
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    ("answer", "step"),
    [
        (Said(401, b"no"), "wrong  fetch and decrypt: connection desk_api: GET /v1/messages: answers 401"),
        (Said(200, b'{"rows": []}'), "wrong  fetch and decrypt: .*no list of records"),
        (Said(200, b'{"data": {"rows": [{"id": 9}]}}'), "wrong  read: .*1 row-does-not-fit"),
        (Said(200, b'{"data": {"rows": []}}'), "-      read: the day has no records"),
    ],
)
def test_what_is_wrong_with_an_api_is_told_before_a_day_is_drawn(
    api: PagedApi,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    answer: Said,
    step: str,
) -> None:
    monkeypatch.setattr("include.commsarchive.collect.api_session.TRIES", 1)
    api.said = {1: answer}
    assert check(API) == (0 if step.startswith("-") else 4)
    assert any(re.match(step, line) for line in capsys.readouterr().out.splitlines())


def test_of_a_database_the_first_rows_are_read(
    api: PagedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    del api
    file = tmp_path / "desk.db"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(f"CREATE TABLE message ({', '.join(row(0))}, at)")
        for number in range(SAMPLE + 100):
            values = (*row(number).values(), 1_710_316_800 + number)
            database.execute("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    connect(monkeypatch, "desk_database", conn_type="sqlite", host=str(file))
    told = yaml.safe_load((EXAMPLES / "sql_query.yaml.example").read_text(encoding="utf-8"))
    told["collect"]["query"] = QUERY
    told["items"] = {"per": "message"}
    (tmp_path / "feed.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    assert check(tmp_path / "feed.yaml") == 0
    assert f"jsonl: {SAMPLE} items, 2 people in them, nothing set aside" in capsys.readouterr().out
