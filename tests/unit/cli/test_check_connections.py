"""Checking connections before a connector is activated."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from include.commsarchive.cli.main import main

SAMPLES = Path(__file__).parents[3] / "include" / "samples" / "instant_bloomberg"
CONNECTOR = """
name: feed
source: instant_bloomberg
collect: {connection: vendor_folder, manifest: "daily_manifest_{yymmdd}.txt", allow_unencrypted: true}
mapping: {third_party_mailbox: third-party@bank.example}
deliver: {connection: vendor_archive}
schedule: {start: 2024-03-11}
"""


@pytest.fixture
def feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A connector that collects the samples' first day from a folder."""
    shutil.copytree(SAMPLES / "2024-03-11", tmp_path / "exports")
    connections = {
        "VENDOR_FOLDER": {"conn_type": "fs", "extra": {"path": str(tmp_path / "exports")}},
        "VENDOR_ARCHIVE": {
            "conn_type": "generic",
            "extra": json.dumps({"destination": "maildir", "path": str(tmp_path / "mail"), "create": False}),
        },
    }
    for name, fields in connections.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(fields))
    path = tmp_path / "feed.yaml"
    path.write_text(CONNECTOR, encoding="utf-8")
    return path


def test_every_door_is_tried_and_named(
    feed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mail" / "third-party@bank.example").mkdir(parents=True)
    for part in ("cur", "new", "tmp"):
        (tmp_path / "mail" / "third-party@bank.example" / part).mkdir()
    assert main(["check", "connections", str(feed), "--day", "2024-03-11"]) == 0
    said = capsys.readouterr().out
    assert "2024-03-11 is complete: f855501.att.240311.tar.gz, f855501.ib.240311.xml" in said
    assert said.count("good ") == 5


def test_a_shut_door_does_not_keep_the_others_from_being_tried(
    feed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "connections", str(feed), "--day", "2024-03-12"]) == 4
    said = capsys.readouterr().out
    assert "-      log in and list: 3 files in .; 2024-03-12 is not complete: the manifest is not" in said
    assert "wrong  reach mailboxes: third-party mailbox third-party@bank.example: no-such-mailbox" in said


def test_nothing_is_filed_by_checking(feed: Path, tmp_path: Path) -> None:
    main(["check", "connections", str(feed), "--day", "2024-03-11"])
    assert not (tmp_path / "mail").exists()


@pytest.fixture
def staff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The CSV file of a directory, as the connection `staff`."""
    path = tmp_path / "mailboxes.csv"
    path.write_text(
        "PrimarySmtpAddress,EmailAddresses,AccountDisabled,LitigationHoldEnabled\n"
        "ann@bank.example,smtp:a@bank.example,False,True\nbob@bank.example,,True,False\n",
        encoding="utf-8",
    )
    fields = {"conn_type": "fs", "extra": {"path": str(path)}}
    monkeypatch.setenv("AIRFLOW_CONN_STAFF", json.dumps(fields))
    return path


def test_a_mapping_is_compared_with_the_directory(
    staff: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mapping = tmp_path / "mapping.csv"
    good = "External User ID,Microsoft 365 User Mailbox\n1,A@bank.example\n2,bob@bank.example\n"
    mapping.write_text(good, encoding="utf-8")
    assert main(["check", "mapping", str(mapping), "--directory", "staff"]) == 0
    told = "staff: 2 users, 1 of them enabled and licensed, 1 aliases, 1 on hold"
    assert told in capsys.readouterr().out
    mapping.write_text(f"{good}3,cid@bank.example\n", encoding="utf-8")
    assert main(["check", "mapping", str(mapping), "--directory", "staff"]) == 4
    assert "wrong  cid@bank.example: the directory has no such mailbox" in capsys.readouterr().out


def test_the_directory_of_a_connector_is_read(
    feed: Path, staff: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = "third-party@bank.example, directory: staff, on_hold: true}"
    feed.write_text(CONNECTOR.replace("third-party@bank.example}", rules), encoding="utf-8")
    main(["check", "connections", str(feed), "--day", "2024-03-11"])
    said = "good   read the directory: staff has 2 users, 1 of them in scope"
    assert said in capsys.readouterr().out
    staff.write_text("PrimarySmtpAddress\nann@bank.example\n", encoding="utf-8")
    assert main(["check", "connections", str(feed), "--day", "2024-03-11"]) == 4
    assert "wrong  read the directory: the directory does not say who is on hold" in capsys.readouterr().out
