"""A whole Airflow: API server, scheduler, triggerer and DAG processor as processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
import yaml
from commsarchive_airflow.catalogue import PROJECT
from commsarchive_airflow.local import Api, Home, free_port

from bench.export import make_export
from include.commsarchive.ledger.sql import connect

SAMPLES = PROJECT / "include" / "samples" / "instant_bloomberg"
MESSAGES = 12_000
STATES = ("archived", "duplicate", "excluded", "quarantined")
BIG_DAY = "2026-03-10"

Answer = TypeVar("Answer")

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),  # they are to run on
]


@dataclass(frozen=True)
class World:
    """Airflow with two connectors that read from folders, and a third one whose file is wrong."""

    home: Home
    api: Api
    root: Path

    def dags(self) -> set[str]:
        """Names of the DAGs that there are so far: files are read one after the other."""
        return {str(dag["dag_id"]) for dag in self.api.get("dags?limit=50")["dags"]}

    def trigger(self, dag: str, day: str) -> str:
        body = {"logical_date": None, "conf": {"day": day}}
        return str(self.api.post(f"dags/{dag}/dagRuns", body)["dag_run_id"])

    def ended(self, dag: str, run: str) -> str:
        """Wait for a run; its state."""
        return wait_for(lambda: self._end_state(dag, run), f"run {run}")

    def _end_state(self, dag: str, run: str) -> str:
        state = str(self.api.get(f"dags/{dag}/dagRuns/{run}")["state"])
        return state if state in {"success", "failed"} else ""

    def tasks(self, dag: str, run: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api.get(f"dags/{dag}/dagRuns/{run}/taskInstances")[
            "task_instances"
        ]
        return found

    def records(self, dag: str) -> list[dict[str, Any]]:
        with connect(self.home.ledger) as ledger:
            return [dict(record.body) for record in ledger.history(dag)]

    def mails(self, folder: str) -> list[str]:
        """Names of all copies in all mailboxes; the delivery key is the second part."""
        return [path.name for path in (self.root / "mail").glob(f"*/.{folder}/cur/*")]


def wait_for(question: Callable[[], Answer], what: str, seconds: float = 120) -> Answer:
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds} s for {what}")
        time.sleep(0.05)
    return answer


def connector(name: str, **changes: Any) -> dict[str, Any]:
    definition = {
        "name": name,
        "source": "instant_bloomberg",
        "collect": {"connection": f"{name}_folder", "allow_unencrypted": True, "poll_seconds": 1},
        "mapping": {"custom": "include/samples/mapping.csv", "third_party_mailbox": "all@quillbrook.example"},
        "deliver": {"connection": "archive", "folder": name, "partitions": 1},
        "schedule": {"start": "2024-03-11", "end": "2024-03-15", "catchup": False},
    }
    return {**definition, **changes}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("airflow")
    exports = root / "exports"
    for day in sorted(SAMPLES.iterdir()):
        for file in day.iterdir():
            exports.mkdir(exist_ok=True)
            (exports / file.name).write_bytes(file.read_bytes())
    big = root / "big"
    big.mkdir()
    make_export(big, MESSAGES).encrypted.unlink()
    connectors = root / "connectors"
    connectors.mkdir()
    desk, bulk = connector("desk_chat"), connector("bulk_chat", items={"per": "message"})
    late = connector("late_chat")
    late["collect"]["poll_seconds"] = 6  # long enough to be handed to the triggerer
    late["schedule"]["deadline_hours"] = 0.001
    (root / "late").mkdir()
    for definition in (desk, bulk, late, {"name": "wrong_chat"}):
        (connectors / f"{definition['name']}.yaml").write_text(yaml.safe_dump(definition), encoding="utf-8")
    home = Home(root / "home", free_port())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMMSARCHIVE_CONNECTORS", str(connectors))
        patch.setenv("AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY", "1")
        patch.setenv("AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION", "False")
        patch.delenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST")
        home.prepare()
        home.set_connections(
            {
                "desk_chat_folder": {"conn_type": "fs", "extra": {"path": str(exports)}},
                "bulk_chat_folder": {"conn_type": "fs", "extra": {"path": str(big)}},
                "late_chat_folder": {"conn_type": "fs", "extra": {"path": str(root / "late")}},
                "archive": {
                    "conn_type": "generic",
                    "extra": {"destination": "maildir", "path": str(root / "mail")},
                },
                "keys": {"conn_type": "generic", "password": "hush-1", "extra": {"private_keys": ["hush-2"]}},
            }
        )
        home.start()
        try:
            world = World(home, Api(home), root)
            wait_for(lambda: {"bulk_chat", "desk_chat", "late_chat"} <= world.dags(), "the DAGs")
            yield world
        finally:
            home.stop()


def test_a_triggered_day_is_archived_and_its_import_log_can_be_downloaded(world: World) -> None:
    run = world.trigger("desk_chat", "2024-03-11")
    assert world.ended("desk_chat", run) == "success"
    (record,) = [one for one in world.records("desk_chat") if one["day"] == "2024-03-11"]
    assert record["found"] == record["archived"] > 0
    assert len(world.mails("desk_chat")) == record["deliveries_made"]
    path = f"dags/desk_chat/dagRuns/{run}/taskInstances/reconcile/links"
    link = world.api.get(path)["extra_links"]["Import log"]
    assert download(world, link).status_code == 401
    assert download(world, link, "forged").status_code == 403
    assert "Items available for import" in download(world, link, world.api._token).text


def download(world: World, link: str, token: str = "") -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.get(f"http://127.0.0.1:{world.home.port}{link}", headers=headers, timeout=30)


def test_a_wrong_connector_file_is_shown_beside_the_dags_that_run(world: World) -> None:
    (error,) = world.api.get("importErrors")["import_errors"]
    assert error["filename"] == "connector_errors.py"
    for part in ("wrong_chat.yaml", "`source`", "add this key"):
        assert part in error["stack_trace"]


def test_secrets_of_a_connection_are_masked(world: World) -> None:
    shown = json.dumps(world.api.get("connections/keys"))
    assert "private_keys" in shown
    assert "hush" not in shown


def test_a_range_of_days_is_backfilled(world: World) -> None:
    body = {
        "dag_id": "desk_chat",
        "from_date": "2024-03-12T00:00:00Z",
        "to_date": "2024-03-15T00:00:00Z",
        "max_active_runs": 2,
    }
    world.api.post("backfills", body)
    days = ["2024-03-12", "2024-03-13", "2024-03-14"]

    def backfilled() -> list[dict[str, Any]]:
        return [one for one in world.records("desk_chat") if one["kind"] == "backfill"]

    wait_for(lambda: len(backfilled()) == len(days), "the backfill")
    assert sorted(one["day"] for one in backfilled()) == days
    assert all(one["found"] == sum(one[state] for state in STATES) for one in backfilled())


def test_a_task_killed_while_it_files_is_retried_and_nothing_is_doubled(world: World) -> None:
    run = world.trigger("bulk_chat", BIG_DAY)
    wait_for(lambda: len(world.mails("bulk_chat")) > 100, "the first copies")
    (ingest,) = [task for task in world.tasks("bulk_chat", run) if task["task_id"] == "ingest"]
    os.kill(ingest["pid"], signal.SIGKILL)
    there = len(world.mails("bulk_chat"))
    assert world.ended("bulk_chat", run) == "success"
    (again,) = [task for task in world.tasks("bulk_chat", run) if task["task_id"] == "ingest"]
    assert again["try_number"] == 2
    (record,) = world.records("bulk_chat")
    copies = Counter(name.split(".")[1] for name in world.mails("bulk_chat"))
    assert 0 < there < record["deliveries_made"] == record["deliveries_planned"] == len(copies)
    assert set(copies.values()) == {1}
    assert record["archived"] == MESSAGES


def test_a_late_export_raises_one_alert_and_is_archived_when_it_comes(world: World) -> None:
    run = world.trigger("late_chat", "2024-03-11")
    log = world.home.root / "logs" / "triggerer.log"
    alert = "day is not archived in time"
    wait_for(lambda: alert in log.read_text(encoding="utf-8"), "the alert")
    (wait,) = [task for task in world.tasks("late_chat", run) if task["task_id"] == "wait_for_export"]
    assert wait["state"] == "deferred"
    for file in (SAMPLES / "2024-03-11").iterdir():
        (world.root / "late" / file.name).write_bytes(file.read_bytes())
    assert world.ended("late_chat", run) == "success"
    assert log.read_text(encoding="utf-8").count(alert) == 1
    assert world.records("late_chat")[0]["archived"] > 0


def test_nothing_listens_beyond_loopback(world: World) -> None:
    """Ask the kernel which sockets Airflow's processes listen on."""
    inodes = {inode for pid in family(set(world.home.running().values())) for inode in sockets(pid)}
    heard = [
        line.split()[1]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[9] in inodes
    ]
    assert heard
    assert all(address.startswith("0100007F:") for address in heard)


def family(pids: set[int]) -> set[int]:
    """Processes and all of their descendants."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    while more := {pid for pid, parent in parents.items() if parent in pids} - pids:
        pids = pids | more
    return pids


def sockets(pid: int) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                kind, _, inode = str(link.readlink()).partition(":")
                if kind == "socket":
                    yield inode.strip("[]")
