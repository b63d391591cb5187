"""The example connector of Bloomberg mail in one process (`dags test`), beside the chat connector's files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from commsarchive_airflow.catalogue import PROJECT

from include.commsarchive.demo.publish import publish
from include.commsarchive.ledger.sql import connect
from tests.servers.sshd import running_sshd
from tests.system.test_airflow_day import Site, sftp, states

SAMPLES = PROJECT / "include" / "samples"
EXAMPLE = PROJECT / "include" / "connectors" / "bloomberg_message.yaml.example"

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("airflow_database")]


def test_the_example_connector_archives_a_day_of_mail_from_server_to_mailbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = publish(SAMPLES / "bloomberg_message", tmp_path / "vendor")
    connectors = tmp_path / "connectors"
    connectors.mkdir()
    shutil.copy(EXAMPLE, connectors / "bloomberg_message.yaml")
    monkeypatch.setenv("COMMSARCHIVE_CONNECTORS", str(connectors))
    monkeypatch.setenv("COMMSARCHIVE_LEDGER", f"sqlite:///{tmp_path / 'ledger.db'}")
    monkeypatch.setenv("COMMSARCHIVE_STAGING", str(tmp_path / "staging"))
    with running_sshd(tmp_path) as server:
        shutil.copytree(published.served, server.folder, dirs_exist_ok=True)
        site = Site(server, tmp_path, monkeypatch)
        site.connect("bloomberg_sftp", sftp(server))
        site.connect("bloomberg_pgp", published.pgp_connection())
        maildir = {"destination": "maildir", "path": str(tmp_path / "mail")}
        site.connect("archive", {"conn_type": "generic", "extra": maildir})
        run = DagBag(PROJECT / "dags").dags["bloomberg_message"].test(run_conf={"day": "2024-03-13"})
    assert run.state == "success", states(run)
    with connect(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        (record,) = (dict(one.body) for one in ledger.history())
    assert (record["found"], record["archived"], record["deliveries_made"]) == (8, 8, 14)
    folders = {path.parent.parent.name for path in (tmp_path / "mail").rglob("cur/*")}
    assert ".BloombergMessage" in folders
