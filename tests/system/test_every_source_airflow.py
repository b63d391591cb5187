"""Every feed of the demo in one process (`dags test`): from the vendors' servers to the very mails."""

from __future__ import annotations

import email
import email.policy
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from commsarchive_airflow.catalogue import PROJECT

from include.commsarchive.connector import Connector
from include.commsarchive.control.equations import equations
from include.commsarchive.demo.feeds import NAMES, Vendors, chosen, write_connectors
from include.commsarchive.ledger.base import ImportRecord
from include.commsarchive.ledger.sql import connect

GOLDEN = PROJECT / "tests" / "golden" / "mailboxes"
FEEDS = {feed.name: feed for feed in chosen("all")}
DAYS = {name: [day.name for day in feed.days] for name, feed in FEEDS.items()} | {
    "instant_bloomberg": ["2024-03-13"]  # the others: test_airflow_day.py and test_samples_numbers.py
}

pytestmark = [pytest.mark.system, pytest.mark.timeout(120), pytest.mark.usefixtures("airflow_database")]


@dataclass(frozen=True)
class World:
    """An archive with a DAG for each feed."""

    root: Path
    dags: DagBag

    def run(self, connector: Connector, day: str) -> ImportRecord:
        run = self.dags.dags[connector.name].test(run_conf={"day": day})
        assert run.state == "success", {task.task_id: task.state for task in run.get_task_instances()}
        with connect(f"sqlite:///{self.root / 'ledger.db'}") as ledger:
            *_, record = ledger.history(connector.name)
        assert str(record.day) == day
        assert all(one.closes for one in equations(record)), record.body
        return record

    def mails(self, connector: Connector) -> dict[str, EmailMessage]:
        """A connector's mails, by their place in the mailboxes."""
        found = {}
        for path in self.root.glob("mail/*@*/**/cur/*"):
            mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if mail["X-Commsarchive-Connector"] == connector.name:
                assert isinstance(mail, EmailMessage)
                found[str(path.relative_to(self.root / "mail"))] = mail
        return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("world")
    vendors, ports = Vendors(root / "vendors"), root / "ports.json"
    command = [sys.executable, *vendors.command, "--ports", str(ports)]
    process = subprocess.Popen(command, cwd=PROJECT, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while not ports.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        write_connectors(FEEDS.values(), root / "connectors")
        with pytest.MonkeyPatch.context() as settings:
            settings.setenv("COMMSARCHIVE_CONNECTORS", str(root / "connectors"))
            settings.setenv("COMMSARCHIVE_LEDGER", f"sqlite:///{root / 'ledger.db'}")
            settings.setenv("COMMSARCHIVE_STAGING", str(root / "staging"))
            maildir = {"destination": "maildir", "path": str(root / "mail")}
            connections = {"archive": {"conn_type": "generic", "extra": maildir}}
            for feed in FEEDS.values():
                connections |= vendors.publish(feed, json.loads(ports.read_bytes()))
            for name, connection in connections.items():
                settings.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(connection))
            yield World(root, DagBag(PROJECT / "dags" / "connectors.py"))
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("name", NAMES)
def test_a_feed_s_days_become_the_mails_that_they_should_and_run_again_become_none(
    world: World, name: str, tmp_path: Path
) -> None:
    connector = FEEDS[name].connector
    records = [world.run(connector, day) for day in DAYS[name]]
    mails = world.mails(connector)
    assert sum(record.body["deliveries_made"] for record in records) == len(mails) > 0
    told, expected = "".join(shown(record) for record in records) + listed(mails), GOLDEN / f"{name}.txt"
    (tmp_path / "told.txt").write_text(told, encoding="utf-8")
    assert told == expected.read_text(encoding="utf-8"), (
        f"look at the difference, then: cp {tmp_path / 'told.txt'} {expected}"
    )
    again = world.run(connector, DAYS[name][-1])
    assert (again.body["archived"], again.body["deliveries_made"]) == (0, 0)
    assert again.body["duplicate"] > 0
    assert world.mails(connector).keys() == mails.keys()


def shown(record: ImportRecord) -> str:
    """What is not zero in an import record."""
    names = ("found", "archived", "duplicate", "quarantined", "unmapped", "partial")
    counts = {name: record.body[name] for name in (*names, "deliveries_planned", "deliveries_made")}
    return f"{record.day}: {', '.join(f'{name} {n}' for name, n in counts.items() if n)}\n"


def listed(mails: dict[str, EmailMessage]) -> str:
    """Each mail once, with everybody's folder that has it: head, files, and what was said."""
    owners: dict[str, list[str]] = {}
    for place, mail in mails.items():
        owners.setdefault(described(mail), []).append(place.partition("/cur/")[0])
    return "".join(
        "\n".join(["", "=" * 100, *(f"in {place}" for place in sorted(places)), text])
        for text, places in sorted(owners.items())
    )


def described(mail: EmailMessage) -> str:
    heads = ("Date", "From", "To", "Cc", "Bcc", "Subject", "X-Commsarchive-Item-Class")
    lines = [f"{name}: {mail[name]}" for name in heads if mail[name]]
    for part in mail.iter_attachments():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        lines.append(f"file: {part.get_filename()}, {part.get_content_type()}, {len(content)} bytes")
    body = mail.get_body(("plain",))
    assert body is not None
    said = str(body.get_content()).replace("\r\n", "\n")
    return "\n".join([*lines, "", said[said.index("\n--- ") + 1 :].rstrip(), ""])
