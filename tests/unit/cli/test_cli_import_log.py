"""``import-log``, as a person calls it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from include.commsarchive.cli.main import main
from include.commsarchive.ledger.base import Failure
from include.commsarchive.ledger.sql import connect
from tests.letters import DAY, NEXT_DAY, make_run
from tests.unit.stages.proven import archive_day, mailboxes


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    """A day of two copies, another run of it without any, and the day after."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with connect(url) as opened:
        body = archive_day(opened, mailboxes(), DAY, "ann", "bob").body
        opened.open_run(make_run("again"))
        row = Failure("x", "", "", "convert", "attachment-missing", "Fläche.xlsx")
        opened.record_failures("again", [row])
        nothing = {"deliveries_made": 0, "delivery_root": opened.totals("again").delivery_root}
        opened.close_run("again", {**body, **nothing})
        archive_day(opened, mailboxes(), NEXT_DAY, "cid")
    return url


def test_a_day_is_one_table_of_its_runs_in_which_each_row_names_its_record(
    ledger: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["import-log", "chat", str(DAY), "--ledger", ledger]) == 0
    rows = list(csv.DictReader(io.StringIO(capfdbinary.readouterr().out.decode("utf-8"), newline="")))
    shown = [(row["Record"], row["Items imported"], row["Failure reason"], row["User"]) for row in rows]
    assert shown[:2] == [("1", "2", "", ""), ("1", "", "no-key", "")]
    assert sorted(shown[2:4]) == [("1", "", "", "ann@firm.example"), ("1", "", "", "bob@firm.example")]
    assert shown[4:] == [("2", "0", "", ""), ("2", "", "attachment-missing", "")]
    assert rows[5]["Detail"] == "Fläche.xlsx"


def test_for_programs_it_is_a_list_of_its_runs(
    ledger: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["import-log", "chat", str(DAY), "--json", "--ledger", ledger]) == 0
    runs = json.loads(capfdbinary.readouterr().out)
    assert [(run["summary"]["Record"], len(run["copies"])) for run in runs] == [(1, 2), (2, 0)]
    assert runs[1]["failures"][0]["Detail"] == "Fläche.xlsx"


@pytest.mark.parametrize(("connector", "day"), [("chatt", DAY), ("chat", DAY.replace(year=2001))])
def test_what_has_no_log_says_so_and_prints_nothing(
    ledger: str, connector: str, day: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import-log", connector, str(day), "--ledger", ledger]) == 4
    said = capsys.readouterr()
    assert f"no run of {connector} for {day} has closed" in said.err
    assert said.out == ""
