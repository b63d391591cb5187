"""The shipped connector in one process (`dags test`): real sshd, gpg and mailboxes, Airflow's own engine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.dag_processing.dagbag import DagBag
from airflow.models.dagrun import DagRun
from commsarchive_airflow.catalogue import PROJECT

from include.commsarchive.demo.publish import publish
from include.commsarchive.ledger.sql import connect
from include.commsarchive.pgp.keys import make_key
from tests.servers.sshd import Sshd, running_sshd

SAMPLES = PROJECT / "include" / "samples" / "instant_bloomberg"
DAY = "2024-03-14"

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("airflow_database")]


@dataclass
class Site:
    """A vendor's server with all sample days, and an archive of our own."""

    server: Sshd
    root: Path
    monkeypatch: pytest.MonkeyPatch

    def connect(self, name: str, connection: dict[str, Any]) -> None:
        self.monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(connection))

    def configure(self, **collect: Any) -> None:
        """Write the shipped connector's file, perhaps with other rules for collecting."""
        shipped = PROJECT / "include" / "connectors" / "instant_bloomberg.yaml"
        definition = yaml.safe_load(shipped.read_text(encoding="utf-8"))
        definition["collect"] |= collect
        folder = self.root / "connectors"
        folder.mkdir(exist_ok=True)
        (folder / shipped.name).write_text(yaml.safe_dump(definition), encoding="utf-8")

    def run(self, day: str = DAY) -> DagRun:
        return self.run_dag("instant_bloomberg", day=day)

    def run_dag(self, name: str, **conf: str) -> DagRun:
        run: DagRun = DagBag(PROJECT / "dags").dags[name].test(run_conf=conf)
        return run

    def records(self) -> list[dict[str, Any]]:
        with connect(f"sqlite:///{self.root / 'ledger.db'}") as ledger:
            return [dict(record.body) for record in ledger.history()]

    def mails(self) -> set[str]:
        return {path.name for path in (self.root / "mail").rglob("cur/*")}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return publish(SAMPLES, tmp_path_factory.mktemp("vendor"))


@pytest.fixture
def site(tmp_path: Path, published: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("COMMSARCHIVE_CONNECTORS", str(tmp_path / "connectors"))
    monkeypatch.setenv("COMMSARCHIVE_LEDGER", f"sqlite:///{tmp_path / 'ledger.db'}")
    monkeypatch.setenv("COMMSARCHIVE_STAGING", str(tmp_path / "staging"))
    maildir = {"destination": "maildir", "path": str(tmp_path / "mail")}
    with running_sshd(tmp_path) as server:
        shutil.copytree(published.served, server.folder, dirs_exist_ok=True)
        site = Site(server, tmp_path, monkeypatch)
        site.configure()
        site.connect("bloomberg_sftp", sftp(server))
        site.connect("bloomberg_pgp", published.pgp_connection())
        site.connect("archive", {"conn_type": "generic", "extra": maildir})
        yield site


def sftp(server: Sshd, **extra: str) -> dict[str, Any]:
    return {
        "conn_type": "sftp",
        "host": "127.0.0.1",
        "port": server.port,
        "login": server.username,
        "extra": {**server.extra, **extra},
    }


def states(run: DagRun) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for task in run.get_task_instances():
        found.setdefault(task.task_id, set()).add(str(task.state))
    return found


def test_a_day_goes_from_encrypted_files_to_mailboxes_once_however_often_it_runs(site: Site) -> None:
    assert site.run().state == "success"
    mails = site.mails()
    assert site.run().state == "success"
    first, again = site.records()
    assert first["found"] == first["archived"] + first["quarantined"]
    assert first["archived"] > 0
    assert first["deliveries_made"] == len(mails) > 0
    assert (again["archived"], again["duplicate"]) == (0, first["archived"])
    assert site.mails() == mails


def test_an_empty_export_is_waited_for_deferred_and_closed_with_zeros(site: Site) -> None:
    site.monkeypatch.setattr("commsarchive_airflow.operators.sftp_sensor.SHORT_PAUSE", 0)
    (site.server.folder / "daily_manifest_240316.txt").write_text("", encoding="ascii")
    run = site.run("2024-03-16")
    assert run.state == "success"
    assert states(run)["convert"] == states(run)["ingest"] == {"skipped"}
    (record,) = site.records()
    assert (record["found"], record["deliveries_planned"], record["files"]) == (0, 0, 0)


def test_a_missing_file_fails_the_run_at_the_deadline_under_dags_test(site: Site) -> None:
    site.configure(wait_minutes=0, poll_seconds=1)
    site.monkeypatch.setattr("commsarchive_airflow.operators.sftp_sensor.SHORT_PAUSE", 0)
    next(site.server.folder.glob("*240314*.tar.gz.gpg")).unlink()
    run = site.run()
    assert run.state == "failed"
    assert states(run)["reconcile"] == {"upstream_failed"}
    assert site.records() == []


def test_a_server_with_another_host_key_is_refused_at_the_first_try(site: Site, published: Any) -> None:
    other = published.sftp_connection(0)["extra"]["host_key"]
    site.connect("bloomberg_sftp", sftp(site.server, host_key=other))
    run = site.run()
    assert run.state == "failed"
    wait = run.get_task_instance("wait_for_export")
    assert wait is not None
    assert (wait.state, wait.try_number) == ("failed", 1)


def test_a_file_with_flipped_bits_is_stopped_alone_and_the_run_still_closes(site: Site) -> None:
    encrypted = next(site.server.folder.glob("*240314*.tar.gz.gpg"))
    content = bytearray(encrypted.read_bytes())
    content[len(content) // 2] ^= 1
    encrypted.write_bytes(bytes(content))
    assert site.run().state == "success"
    (record,) = site.records()
    assert record["archived"] > 0
    assert record["quarantined"] >= 1


def test_files_of_a_new_signer_are_archived_by_a_replay_once_it_is_known(site: Site, published: Any) -> None:
    right = published.pgp_connection()
    stranger = make_key("Stranger", "stranger@vendor.example", "x", days=1, algorithm="ed25519").public
    site.connect("bloomberg_pgp", {**right, "extra": {**right["extra"], "signers": [stranger]}})
    site.run()
    site.connect("bloomberg_pgp", right)
    replay = {"connector": "instant_bloomberg", "first": DAY, "last": DAY, "which": "quarantined"}
    assert site.run_dag("replay", **replay).state == "success"
    stopped, replayed = site.records()
    assert (stopped["archived"], stopped["quarantined"]) == (0, 2)
    assert replayed["kind"] == "replay"
    assert replayed["archived"] > 0
    assert len(site.mails()) == replayed["deliveries_made"] > 0


def test_upkeep_runs_on_a_healthy_archive(site: Site) -> None:
    site.run()
    assert site.run_dag("upkeep").state == "success"
