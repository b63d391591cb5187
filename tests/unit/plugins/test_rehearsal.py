"""A dry run says what a day would file where, and leaves no trace but its list."""

from __future__ import annotations

import csv
import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from commsarchive_airflow.catalogue import PROJECT
from commsarchive_airflow.operators import RehearseOperator

from include.commsarchive.cli.main import main
from include.commsarchive.ledger.sql import connect
from tests.unit.plugins.desk import DAY, Desk, make_desk
from tests.unit.plugins.test_operators import archive

SAMPLE = PROJECT / "include" / "samples" / "instant_bloomberg" / DAY.isoformat()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    desk = make_desk(tmp_path, monkeypatch)
    for file in SAMPLE.iterdir():
        (desk.exports / file.name).write_bytes(file.read_bytes())
    return desk


def rehearse(desk: Desk) -> dict[str, Any]:
    operator = RehearseOperator(task_id="rehearse", connector="desk_chat", day=DAY.isoformat())
    return operator.execute(desk.context())


def test_what_a_rehearsal_says_is_what_a_run_then_does(desk: Desk) -> None:
    said = rehearse(desk)
    assert not desk.mail.exists() or not list(desk.mail.rglob("cur/*"))
    with connect(desk.ledger) as ledger:
        assert list(ledger.history()) == []
        assert list(ledger.held("desk_chat", DAY, DAY)) == []
    report = desk.root / "airflow" / "commsarchive" / "rehearsals" / f"desk_chat-{DAY}.csv"
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    with report.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    archive(desk)
    with connect(desk.ledger) as ledger:
        (record,) = ledger.history()
        filed = {(one.delivery.mailbox, one.delivery.folder or "Inbox") for one in ledger.receipts_of(1)}
    assert said["copies_to_file"] == len(rows) == record.body["deliveries_made"]
    assert said["found"] == record.body["found"]
    assert {(row["Mailbox"], row["Folder"]) for row in rows} == filed
    assert sum(int(row["Bytes"]) for row in rows) == said["bytes_to_file"]


def test_a_rehearsal_asks_the_directory_as_a_run_does(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    people = desk.root / "people.csv"
    people.write_text("PrimarySmtpAddress\nnobody@firm.example\n", encoding="utf-8")
    staff = {"conn_type": "fs", "extra": {"path": str(people)}}
    monkeypatch.setenv("AIRFLOW_CONN_DESK_STAFF", json.dumps(staff))
    desk.write(mapping={"directory": "desk_staff"})
    said = rehearse(desk)
    assert said["unmapped"] == said["copies_to_file"] > 0
    out = desk.root / "plan.csv"
    arguments = [str(desk.root / "connectors" / "desk.yaml"), "--day", str(DAY), "--out", str(out)]
    assert main(["rehearse", *arguments, "--ledger", desk.ledger]) == 0


def test_nothing_in_the_list_is_a_formula(desk: Desk) -> None:
    desk.write(mapping={"third_party_mailbox": "=1+1@firm.example", "automatic": False})
    assert rehearse(desk)["copies_to_file"] > 0
    [report] = (desk.root / "airflow" / "commsarchive" / "rehearsals").iterdir()
    with report.open(encoding="utf-8") as stream:
        assert {row["Mailbox"] for row in csv.DictReader(stream)} == {"'=1+1@firm.example"}


def test_what_was_archived_before_would_not_be_filed_again(desk: Desk) -> None:
    archive(desk)
    said = rehearse(desk)
    assert said["copies_to_file"] == 0
    assert said["duplicate"] == said["found"]


def test_the_command_line_rehearses_too(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    definition = desk.root / "connectors" / "desk.yaml"
    out = desk.root / "plan.csv"
    code = main(["rehearse", str(definition), "--day", str(DAY), "--out", str(out), "--ledger", desk.ledger])
    assert (code, len(out.read_text(encoding="utf-8").splitlines()) - 1) == (0, 15)
    assert '"copies_to_file": 15' in capsys.readouterr().out


def test_before_the_first_run_nothing_counts_as_archived_and_a_line_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COMMSARCHIVE_LEDGER")
    arguments = [str(desk.root / "connectors" / "desk.yaml"), "--day", str(DAY)]
    assert main(["rehearse", *arguments, "--out", str(desk.root / "plan.csv")]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["copies_to_file"] == 15
    place = desk.root / "airflow" / "commsarchive" / "ledger.db"
    assert said.err.startswith(f"no ledger at sqlite:///{place} yet")
    assert not (desk.root / "airflow" / "commsarchive").exists()


def test_the_first_of_what_would_be_set_aside_are_named_without_what_they_say(desk: Desk) -> None:
    for file in desk.exports.glob("*.xml"):
        broken = re.sub("<(RoomID|ConversationID)>.*?</.*?>", "", file.read_text(encoding="utf-8"))
        file.write_text(broken, encoding="utf-8")
    said = rehearse(desk)
    assert said["quarantined"]["missing-room-id"] > 5 == len(said["reasons"])
    first = said["reasons"][0]
    assert first["reason"] == "missing-room-id"
    assert first["place"].startswith("f855501.ib.240311.xml, conversation at byte ")
    assert first["detail"]
    assert "quillbrook" not in str(said)


def test_a_day_that_is_not_complete_is_said_to_be(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    definition = desk.root / "connectors" / "desk.yaml"
    arguments = ["rehearse", str(definition), "--day", "2024-05-01", "--out", str(desk.root / "plan.csv")]
    assert main([*arguments, "--ledger", desk.ledger]) == 5
    said = capsys.readouterr().err
    assert "2024-05-01 is not complete" in said
    assert "state `collect.files`. Rehearse it later" in said
