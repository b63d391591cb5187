"""What `make demo` starts, tells and shows; that it works is shown by test_every_source_airflow.py."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from commsarchive_airflow.demo import report as report_module
from commsarchive_airflow.demo.__main__ import main
from commsarchive_airflow.demo.report import report, table
from commsarchive_airflow.demo.runs import AT_ONCE, archive
from commsarchive_airflow.local import Api, Home, LocalError

from include.commsarchive.demo.feeds import NAMES, chosen
from include.commsarchive.ledger.base import ImportRecord
from include.commsarchive.ledger.sql import connect


def record(connector: str = "dig", **numbers: int) -> ImportRecord:
    names = ("found", "archived", "duplicate", "excluded", "quarantined", "unmapped", "deliveries_planned")
    body = dict.fromkeys((*names, "deliveries_made", "deliveries_duplicate", "deliveries_failed"), 0)
    at = dt.datetime(2024, 3, 14, tzinfo=dt.UTC)
    return ImportRecord(1, f"{connector}/r", connector, dt.date(2024, 3, 13), at, "", "", body | numbers)


def test_the_table_says_of_each_day_whether_its_numbers_close() -> None:
    lines = table([record(found=3, archived=2, quarantined=1), record(found=3, archived=2)]).splitlines()
    assert lines[0].split()[:4] == ["connector", "day", "found", "archived"]
    assert [line.split()[-1] for line in lines[2:]] == ["yes", "NO"]
    assert len({len(line) for line in lines}) == 1


def test_the_report_ends_with_the_path_of_the_records_and_says_that_nothing_was_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report_module, "DATA", tmp_path)
    monkeypatch.setattr(report_module, "MAIL", tmp_path / "mail")
    again = record(found=2, duplicate=2, deliveries_planned=5, deliveries_duplicate=5)
    report([record("vantage", deliveries_planned=0), again], chosen("dig,vantage"))
    said = capsys.readouterr().out
    assert "Nothing was archived twice: all 5 copies were there already." in said
    shown = json.loads(Path(said.splitlines()[-1]).read_text())
    assert [one["connector"] for one in shown] == ["vantage", "dig"]


@dataclass
class Airflow:
    """Answers as Airflow's API does. Each run ends at the look after it was started.

    ``days`` are those that a DAG has to catch up on when it is unpaused.
    """

    days: dict[str, int]
    fails: str = ""
    running: list[dict[str, Any]] = field(default_factory=list)
    ended: list[dict[str, Any]] = field(default_factory=list)
    most: int = 0

    def get(self, path: str) -> Any:
        if not path.startswith("dags/~"):
            return {"task_instances": []} if path.endswith("taskInstances?limit=100") else {"is_stale": False}
        self.most = max(self.most, len({run["dag_id"] for run in self.running}))
        for run in self.running:
            run["state"] = "failed" if run["dag_id"] == self.fails else "success"
        self.ended += self.running
        self.running = []
        return {"dag_runs": self.ended}

    def patch(self, path: str, body: dict[str, Any]) -> None:
        assert body == {"is_paused": False}
        name = path.removeprefix("dags/")
        for number in range(self.days.get(name, 0)):
            self._start(name, f"scheduled__{number}", "2024-03-13")

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._start(path.split("/")[1], f"manual__{len(self.running)}", body["conf"]["day"])

    def _start(self, name: str, run_id: str, day: str) -> dict[str, Any]:
        conf = {"day": day}
        self.running.append({"dag_id": name, "dag_run_id": run_id, "duration": 1.0, "conf": conf})
        return self.running[-1]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr("commsarchive_airflow.demo.runs.time.sleep", lambda seconds: None)
    home = Home(tmp_path, 1)
    (tmp_path / "commsarchive").mkdir()
    with connect(home.ledger):
        return home


def test_every_day_of_every_feed_runs_once_a_few_feeds_at_a_time(home: Home) -> None:
    feeds = chosen("all")
    airflow = Airflow({feed.connector.name: len(feed.days) for feed in feeds})
    runs = archive(home, cast("Api", airflow), feeds)
    assert Counter(run.partition("/")[0] for run in runs) == airflow.days
    assert airflow.most == AT_ONCE


def test_days_that_were_archived_before_are_triggered_each_by_its_date(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = SimpleNamespace(history=lambda: [record("symphony")])
    monkeypatch.setattr("commsarchive_airflow.demo.runs.connect", lambda url: nullcontext(before))
    airflow = Airflow({})
    archive(home, cast("Api", airflow), chosen("symphony"))
    days = [run["conf"]["day"] for run in airflow.ended]
    assert days == ["2024-03-11", "2024-03-12", "2024-03-13"]
    assert "nothing is doubled: 3 days of `symphony`, by SFTP" in capsys.readouterr().out


def test_a_run_that_fails_ends_the_demo_and_is_named(home: Home) -> None:
    airflow = Airflow({"dig": 1, "vantage": 1}, fails="dig")
    with pytest.raises(LocalError, match="run dig, scheduled__0 failed"):
        archive(home, cast("Api", airflow), chosen("dig,vantage"))


def test_a_wrong_source_is_one_line_that_names_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("demo", "slack") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: SOURCES=slack: ")
    assert line.endswith(",".join(NAMES))
