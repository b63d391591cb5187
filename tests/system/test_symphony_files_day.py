"""A day that a Symphony pod hands out by its Files API: to mailboxes and an import record, and in Airflow."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import yaml
from airflow.dag_processing.dagbag import DagBag
from commsarchive_airflow.catalogue import PROJECT

from include.commsarchive.doors import Connection, open_collector
from include.commsarchive.ledger.sql import connect
from include.samples.symphony_samples import DAYS, HERE
from tests.servers.symphony_pod import ACCOUNT, Pod, running_pod
from tests.servers.vendor import PASSPHRASE, Vendor
from tests.system.test_symphony_day import EXAMPLE, connector
from tests.system.whole_path import Archive, numbers

pytestmark = pytest.mark.system
EXPORTS = {
    day: path for day in DAYS for path in (HERE / "symphony" / day).iterdir() if path.name.endswith("000.zip")
}
ACTIANCE = "2024-03-12"


@pytest.fixture
def pod(tmp_path: Path, vendor: Vendor) -> Iterator[Pod]:
    """A pod with both sample days of exports, encrypted."""
    (tmp_path / "pod").mkdir()
    with running_pod(tmp_path / "pod") as pod:
        for day, path in EXPORTS.items():
            sealed = tmp_path / "sealed"
            vendor.seal(path.read_bytes(), sealed)
            uploaded = dt.datetime.fromisoformat(f"{day}T23:10:00Z")
            pod.put(f"{path.name}.pgp", sealed.read_bytes(), int(uploaded.timestamp()))
        yield pod


def of_day(archive: Archive, pod: Pod, day: str) -> Archive:
    found = Connection("symphony_pod", "https", pod.url, login=ACCOUNT, extra=pod.extra)
    open_it = partial(open_collector, found, archive.connector, dt.date.fromisoformat(day))
    return replace(archive, collector=open_it)


def test_the_exports_of_a_pod_are_archived_once_with_every_number_closed(archive: Archive, pod: Pod) -> None:
    ours = replace(archive, connector=connector())
    expected = {"2024-03-12": {"archived": 1, "made": 1}, "2024-03-13": {"archived": 2, "made": 4}}
    for day in EXPORTS:
        record = of_day(ours, pod, day).archive(day, dt.date.fromisoformat(day))
        assert numbers(record) == expected[day]
    again = of_day(ours, pod, ACTIANCE).archive("again", dt.date.fromisoformat(ACTIANCE))
    assert numbers(again) == {"duplicate": 1, "known": 1}
    assert set(pod.proofs) == {""}


def test_an_export_without_the_hash_that_the_pod_states_is_set_aside(archive: Archive, pod: Pod) -> None:
    export = pod.exports[f"id/{EXPORTS[ACTIANCE].name}.pgp"]
    right, export.stated = export.stated, "0" * 64
    ours = of_day(replace(archive, connector=connector()), pod, ACTIANCE)
    assert numbers(ours.archive("one", dt.date.fromisoformat(ACTIANCE))) == {"quarantined": 1}
    assert ours.reasons() == ["checksum-mismatch"]
    assert export.content in ours.held_bytes().values()
    export.stated = right
    assert numbers(ours.archive("two", dt.date.fromisoformat(ACTIANCE))) == {"archived": 1, "made": 1}


@pytest.mark.usefixtures("airflow_database")
def test_a_day_by_the_files_api_runs_in_airflow(
    tmp_path: Path, pod: Pod, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = yaml.safe_load(EXAMPLE.read_text())
    definition["collect"] |= {"connection": "symphony_pod", "poll_seconds": 1}
    (tmp_path / "connectors").mkdir()
    (tmp_path / "connectors" / "symphony.yaml").write_text(yaml.safe_dump(definition))
    connections = {
        "symphony_pod": {"conn_type": "https", "host": pod.url, "login": ACCOUNT, "extra": pod.extra},
        "symphony_pgp": {
            "conn_type": "generic",
            "password": PASSPHRASE,
            "extra": {"private_keys": [vendor.ours.private]},
        },
        "archive": {
            "conn_type": "generic",
            "extra": {"destination": "maildir", "path": str(tmp_path / "mail")},
        },
    }
    for name, connection in connections.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(connection))
    monkeypatch.setenv("COMMSARCHIVE_CONNECTORS", str(tmp_path / "connectors"))
    monkeypatch.setenv("COMMSARCHIVE_LEDGER", f"sqlite:///{tmp_path / 'ledger.db'}")
    monkeypatch.setenv("COMMSARCHIVE_STAGING", str(tmp_path / "staging"))
    run = DagBag(PROJECT / "dags" / "connectors.py").dags["symphony"].test(run_conf={"day": ACTIANCE})
    assert run.state == "success"
    with connect(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        (record,) = ledger.history("symphony")
    assert numbers(record) == {"archived": 1, "made": 1}
