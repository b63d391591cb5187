"""The examples of the documentation, as a data engineer would try them: `dags test`, real operators."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from commsarchive_airflow.catalogue import PROJECT, catalogue

from include.commsarchive.ledger.sql import connect

EXAMPLES = PROJECT / "docs" / "examples"
SAMPLES = PROJECT / "include" / "samples" / "instant_bloomberg"

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("airflow_database")]


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The example's connections, pointing at the samples; gives the URL of the ledger."""
    maildir = {"destination": "maildir", "path": str(tmp_path / "mail")}
    connections = {
        "chat_folder": {"conn_type": "fs", "extra": {"path": str(SAMPLES)}},
        "archive": {
            "conn_type": "generic",
            "extra": maildir,
        },
    }
    for name, value in connections.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(value))
    monkeypatch.setenv("COMMSARCHIVE_CONNECTORS", str(EXAMPLES))
    monkeypatch.setenv("COMMSARCHIVE_STAGING", str(tmp_path / "staging"))
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    monkeypatch.setenv("COMMSARCHIVE_LEDGER", url)
    return url


def test_the_example_connector_is_valid(ledger: str) -> None:
    found = catalogue()
    assert (list(found.connectors), found.faults) == (["fixed_income_chat"], ())


def test_the_example_dag_archives_a_day(ledger: str, tmp_path: Path) -> None:
    dag = DagBag(EXAMPLES / "own_dag.py").dags["fixed_income_by_hand"]
    run = dag.test(run_conf={"day": "2024-03-11"})
    assert run.state == "success"
    with connect(ledger) as book:
        (record,) = book.history()
    assert record.body["found"] == record.body["archived"] > 0
    assert (
        len(list((tmp_path / "mail").rglob(".FixedIncomeChat/cur/*"))) == record.body["deliveries_made"] > 0
    )


def test_without_its_empty_cron_the_example_connector_gets_a_dag(
    ledger: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = (EXAMPLES / "own_connector.yaml").read_text(encoding="utf-8")
    lines = [line for line in definition.splitlines() if not line.strip().startswith("cron:")]
    (tmp_path / "own.yaml").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setenv("COMMSARCHIVE_CONNECTORS", str(tmp_path))
    assert list(DagBag(PROJECT / "dags" / "connectors.py").dags) == ["fixed_income_chat"]
