from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path

import pytest
from commsarchive_airflow.catalogue import find_connector
from commsarchive_airflow.connections import collector, decryptor, ledger_url, mailbox, mailboxes

from include.commsarchive.collect.sftp import SftpCollector
from include.commsarchive.errors import Fatal
from include.commsarchive.mailbox.maildir import Maildir
from tests.unit.plugins.desk import Desk, make_desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, airflow_database: None) -> Desk:
    return make_desk(tmp_path, monkeypatch)


def connect(monkeypatch: pytest.MonkeyPatch, name: str, **connection: object) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(connection))


def test_the_type_of_the_connection_says_how_exports_are_collected(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(
        monkeypatch, "desk_folder", conn_type="sftp", host="sftp.vendor.example", login="f1", password="x"
    )
    assert isinstance(collector(find_connector("desk_chat"), dt.date(2024, 3, 12)), SftpCollector)


def test_the_destination_is_named_by_the_connection(desk: Desk) -> None:
    with mailboxes(find_connector("desk_chat")) as places, mailbox("desk_mail") as place:
        assert isinstance(places["desk_mail"], Maildir)
        assert isinstance(place, Maildir)


@pytest.mark.parametrize(
    ("connection", "remedy"),
    [
        ({"conn_type": "generic"}, "or else its type, is generic. It must be one of: maildir"),
        ({"conn_type": "generic", "extra": {"destination": "fax"}}, "is fax. It must be one of: maildir"),
        ({"conn_type": "generic", "extra": {"destination": "maildir"}}, "Name the folder"),
    ],
)
def test_an_unusable_destination_is_refused_with_a_remedy(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, connection: dict[str, object], remedy: str
) -> None:
    connect(monkeypatch, "desk_mail", **connection)
    with pytest.raises(Fatal, match=f"connection desk_mail: .*{remedy}"), mailbox("desk_mail"):
        pass


def test_we_collect_only_from_types_we_know(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, "desk_folder", conn_type="ftp", host="vendor.example")
    with pytest.raises(Fatal, match=r"type, is ftp\. It must be one of: sftp, fs"):
        collector(find_connector("desk_chat"), dt.date(2024, 3, 12))


def test_a_missing_key_connection_is_named(desk: Desk) -> None:
    desk.write(pgp={"connection": "desk_keys"})
    with pytest.raises(Fatal, match="no Airflow connection desk_keys"):
        decryptor(find_connector("desk_chat"))


def test_the_ledger_is_named_by_the_environment_then_by_airflow_then_in_its_home(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ledger_url() == desk.ledger
    monkeypatch.delenv("COMMSARCHIVE_LEDGER")
    assert ledger_url() == f"sqlite:///{os.environ['AIRFLOW_HOME']}/commsarchive/ledger.db"
    account = {"conn_type": "postgres", "host": "db", "login": "me", "password": "p@ss", "schema": "archive"}
    connect(monkeypatch, "commsarchive_ledger", **account)
    assert ledger_url() == "postgres://me:p%40ss@db/archive"
    connect(monkeypatch, "commsarchive_ledger", conn_type="generic", extra={"url": "sqlite:////a.db"})
    assert ledger_url() == "sqlite:////a.db"
