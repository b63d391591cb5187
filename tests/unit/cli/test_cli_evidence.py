"""``verify`` and ``export-evidence``, as a person calls them."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from include.commsarchive.cli.main import main
from include.commsarchive.ledger.sql import connect
from include.commsarchive.mailbox.maildir import Maildir
from tests.letters import DAY, encode
from tests.unit.stages.proven import archive_day


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A day of two copies in Maildirs that are the Airflow connection `mail`."""
    extra = {"destination": "maildir", "path": str(tmp_path / "mail")}
    monkeypatch.setenv("AIRFLOW_CONN_MAIL", json.dumps({"conn_type": "generic", "extra": extra}))
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with connect(url) as opened:
        mailboxes = Maildir(tmp_path / "mail", encode)
        archive_day(opened, mailboxes, DAY, "ann", "bob", read_back="first")
    return url


def verify(url: str, *options: str) -> int:
    return main(["verify", "--ledger", url, *options])


def tamper(url: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE sealed_failure SET reason = 'other'"))
    engine.dispose()


def test_copies_in_their_mailboxes_are_intact(ledger: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(ledger, "--mailboxes", "all") == 0
    assert "1 import record, 2 copies looked up, 2 compared: intact" in capsys.readouterr().out


def test_a_mail_that_somebody_changed_ends_with_6_though_nothing_was_read_back(
    ledger: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [bob] = (tmp_path / "mail" / "bob@firm.example").rglob("*:2,S")
    bob.write_bytes(bob.read_bytes().replace(b"what was said", b"what was not"))
    assert verify(ledger, "--mailboxes", "all") == 6
    said = capsys.readouterr().out
    assert "is not what was filed: it was changed" in said
    assert "1 import record, 2 copies looked up, 2 compared: tampered" in said


def test_a_copy_that_is_gone_ends_with_7_and_only_when_it_was_asked_for(
    ledger: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(tmp_path / "mail" / "bob@firm.example")
    assert verify(ledger) == 0
    assert verify(ledger, "--mailboxes", "sample") == 7
    said = capsys.readouterr().out
    assert "is not in its mailbox any more" in said
    assert "bob@" not in said


def test_a_changed_row_ends_with_6_even_where_a_copy_is_gone_too(ledger: str, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "mail" / "bob@firm.example")
    tamper(ledger)
    assert verify(ledger, "--mailboxes", "all") == 6


COMMANDS = [["verify", "--mailboxes", "all"], ["history"]]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_misspelled_connector_is_refused(
    ledger: str, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert main([*command, "--connector", "chatt", "--ledger", ledger]) == 4
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "fatal: no records of chatt, only of: chat. Check the spelling\n")
    assert main([*command, "--connector", "chat", "--ledger", ledger]) == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_a_ledger_that_is_not_there_is_refused_and_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    nowhere, empty = tmp_path / "nowhere" / "ledger.db", tmp_path / "empty.db"
    empty.touch()
    for path in (nowhere, empty):
        assert main([*command, "--ledger", f"sqlite:///{path}"]) == 4
        assert f"no ledger: sqlite:///{path} is not there. Pass --ledger" in capsys.readouterr().err
    assert not nowhere.parent.exists()


def test_a_ledger_without_records_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with connect(url):
        pass
    for command, said in zip(COMMANDS, ["yet: there is nothing to verify", "yet"], strict=True):
        assert main([*command, "--ledger", url]) == 0
        assert capsys.readouterr().out == f"no import records {said}\n"
        assert main([*command, "--ledger", url, "--connector", "chat"]) == 4
        assert "no records of chat, nor of any other connector. Check" in capsys.readouterr().err


def test_days_without_records_are_no_bare_header(ledger: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "--ledger", ledger, "--since", "2030-01-01"]) == 0
    assert capsys.readouterr().out == "no import records since 2030-01-01\n"


def test_a_destination_that_is_no_connection_any_more_ends_with_7(
    ledger: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MAIL", json.dumps({"conn_type": "generic"}))
    assert verify(ledger, "--mailboxes", "all") == 7
    assert "destination mail: cannot be asked" in capsys.readouterr().out


def export(url: str, out: Path, connector: str = "chat", last: dt.date = DAY) -> int:
    days = ["--first", str(DAY), "--last", str(last)]
    return main(["export-evidence", connector, *days, "--out", str(out), "--ledger", url])


def test_no_empty_package_is_written_of_a_misspelled_connector_or_of_days_that_are_swapped(
    ledger: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(ledger, tmp_path / "q1.zip", "chatt") == 4
    assert "no records of chatt, only of: chat" in capsys.readouterr().err
    assert export(ledger, tmp_path / "q1.zip", last=DAY - dt.timedelta(days=1)) == 4
    assert not (tmp_path / "q1.zip").exists()


def test_a_package_is_written_once_and_never_over_another_file(
    ledger: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "q1.zip"
    assert export(ledger, out) == 0
    assert "sha256sum -c MANIFEST.sha256" in capsys.readouterr().out
    content = out.read_bytes()
    assert zipfile.is_zipfile(out)
    assert export(ledger, out) == 4
    assert out.read_bytes() == content


def test_a_package_of_a_ledger_that_was_changed_says_so_and_ends_with_6(ledger: str, tmp_path: Path) -> None:
    tamper(ledger)
    assert export(ledger, tmp_path / "q1.zip") == 6
    with zipfile.ZipFile(tmp_path / "q1.zip") as archive:
        assert json.loads(archive.read("package.json"))["verification"] == "tampered"
        assert b"its failures are not what it covers" in archive.read("verification.txt")
