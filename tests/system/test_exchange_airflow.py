"""A day of chats into Exchange Online and Exchange Server at once, by Airflow's own engine (`dags test`)."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pytest
import yaml
from airflow.dag_processing.dagbag import DagBag
from airflow.models.dagrun import DagRun
from commsarchive_airflow.catalogue import PROJECT

from include.commsarchive.doors import Connection
from include.commsarchive.ledger.sql import connect
from include.commsarchive.stages.deliver import deliver
from include.commsarchive.stages.waiting import Patience
from tests.servers.ews.server import EwsServer
from tests.servers.faults import Fault
from tests.servers.graph.server import GraphServer
from tests.system.exchange_rigs import EwsRig, GraphRig
from tests.system.test_airflow_day import states

SAMPLE = PROJECT / "include" / "samples" / "instant_bloomberg" / "2024-03-11"
THIRD_PARTY = "third-party@quillbrook.example"
LONG = 3
"""Seconds that these tasks do not wait for on their worker."""

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("airflow_database"), pytest.mark.timeout(600)]


class Cloud(GraphRig):
    """Exchange Online with these people."""

    def __init__(self, people: list[str]) -> None:
        super().__init__()
        self.people = people

    def __enter__(self) -> GraphServer:  # type: ignore[override]
        self.server.__enter__()
        self.server.store.add_users(self.people)
        return self.server


def people() -> list[str]:
    rows = (PROJECT / "include" / "samples" / "mapping.csv").read_text(encoding="utf-8").splitlines()[1:]
    return sorted({row.split(",")[1].strip().lower() for row in rows if "," in row} | {THIRD_PARTY})


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[GraphServer, EwsServer]]:
    definition = {
        "name": "desk_chat",
        "source": "instant_bloomberg",
        "collect": {"connection": "desk_folder", "allow_unencrypted": True, "poll_seconds": 1},
        "mapping": {
            "custom": "include/samples/mapping.csv",
            "automatic": False,
            "third_party_mailbox": THIRD_PARTY,
        },
        "deliver": [
            {"connection": "cloud", "read_back": "all", "message_class": "source"},
            {"connection": "server", "read_back": "sample", "folder": "Chats"},
        ],
        "schedule": {"start": "2024-03-11"},
    }
    connectors = tmp_path / "connectors"
    connectors.mkdir()
    (connectors / "desk.yaml").write_text(yaml.safe_dump(definition), encoding="utf-8")
    shutil.copytree(SAMPLE, tmp_path / "exports")
    monkeypatch.setenv("COMMSARCHIVE_CONNECTORS", str(connectors))
    monkeypatch.setenv("COMMSARCHIVE_LEDGER", f"sqlite:///{tmp_path / 'ledger.db'}")
    monkeypatch.setenv("COMMSARCHIVE_STAGING", str(tmp_path / "staging"))
    cloud, exchange = Cloud(people()), EwsRig()
    with cloud as online, exchange:
        for address in people():
            exchange.server.store.add(address)
        folder = Connection("desk_folder", "fs", extra={"path": str(tmp_path / "exports")})
        for name, found in (
            ("desk_folder", folder),
            ("cloud", cloud.connection),
            ("server", exchange.connection),
        ):
            monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", _as_json(found))
        yield online, exchange.server


def _as_json(found: Connection) -> str:
    fields = asdict(found)
    fields["conn_type"] = fields.pop("kind")
    del fields["name"]
    return json.dumps(fields)


def run() -> DagRun:
    done: DagRun = DagBag(PROJECT / "dags").dags["desk_chat"].test(run_conf={"day": "2024-03-11"})
    return done


def test_both_exchanges_get_every_copy_once_and_a_long_wait_leaves_the_worker(
    world: tuple[GraphServer, EwsServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    online, server = world
    hasty = partial(deliver, patience=Patience(longest_wait=LONG - 1))
    monkeypatch.setattr("include.commsarchive.stages.deliver.deliver", hasty)
    wait = Fault.status(429, wait=LONG)
    online.faults.at(2, wait, lambda call: call.what == "POST messages")
    assert run().state == "success"
    assert run().state == "success"
    in_cloud = Counter(path for box in online.store.mailboxes() for path in box.paths())
    on_server = Counter(item.folder.path for box in server.store.mailboxes for item in box.items)
    assert in_cloud.keys() == {"Inbox/InstantBloomberg", "Inbox"}
    assert on_server.keys() == {"Inbox/Chats", "Inbox"}
    with connect(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        first, again = (record.body for record in ledger.history())
        receipts = list(ledger.receipts_of(1))
    copies = sum(len(box.messages()) for box in online.store.mailboxes()) + on_server.total()
    assert first["deliveries_made"] == copies == len(receipts)
    assert (again["deliveries_made"], again["duplicate"]) == (0, first["archived"])
    assert {one.delivery.destination for one in receipts} == {"cloud", "server"}
    assert all(one.server_id for one in receipts)
    cloud = [one for one in receipts if one.delivery.destination == "cloud"]
    assert any(one.request_id and one.stored_hash for one in cloud)  # one that was looked up has neither
    message = online.store.mailbox(receipts[0].delivery.mailbox).messages()[0]
    assert message.property("String 0x001A") == "IPM.NOTE.InstantBloomberg.Conversation"
    assert not message.fields["isDraft"]


def test_people_without_a_mailbox_are_reported_and_nothing_is_lost(
    world: tuple[GraphServer, EwsServer], tmp_path: Path
) -> None:
    online, _ = world
    gone = next(user for user in people() if user != THIRD_PARTY)
    user = online.store.known_as(gone)
    assert user is not None
    user.licensed = False
    user.mailbox = None
    done = run()
    assert done.state == "success", states(done)
    with connect(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        (record,) = ledger.history()
        failures = [one for one in ledger.failures_of(record.seq) if one.mailbox == gone]
    assert failures
    assert {one.stage for one in failures} == {"map_users"}
    assert record.body["deliveries_planned"] == record.body["deliveries_made"]
