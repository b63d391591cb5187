"""``make demo``, ``make up``, ``make down``: the sample chats, from an SFTP server to mailboxes.

``python -m commsarchive_airflow.demo demo|up|down``
"""

from __future__ import annotations

import contextlib
import email
import email.policy
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from commsarchive_airflow.local import PROJECT, USER, Api, Home, LocalError, free_port
from include.commsarchive.cli.evidence import as_json, table
from include.commsarchive.demo.publish import Published, publish
from include.commsarchive.errors import CommsArchiveError
from include.commsarchive.ledger.base import ImportRecord
from include.commsarchive.ledger.sql import connect

CONNECTOR = "instant_bloomberg"
SAMPLES = PROJECT / "include" / "samples" / CONNECTOR
DAYS = sorted(path.name for path in SAMPLES.iterdir() if path.is_dir())
DATA = PROJECT / ".demo"
MAIL = DATA / "mail"
Answer = TypeVar("Answer")
LONGEST_WAIT = 900
"""Seconds after which the demo gives up on its runs."""


def demo() -> None:
    """Archive every sample day in Airflow and show what came of it."""
    home = _home()
    with _running(home) as api:
        started = time.monotonic()
        runs = _follow(api, _start_runs(home, api))
        print(f"\nAll {len(runs)} days done in {time.monotonic() - started:.0f} s.\n")
    with connect(home.ledger) as ledger:
        records = [record for record in ledger.history(CONNECTOR) if record.run_id.split("/")[-1] in runs]
    _report(records)


def up() -> None:
    """Start Airflow and the sample server; say how to get in."""
    home = _home()
    if home.running():
        print(f"Airflow is running already: http://127.0.0.1:{home.port}")
    else:
        _prepare(home)
        _say("Starting Airflow ...")
        home.start()
    print(f"""
  Airflow    http://127.0.0.1:{home.port}
  user       {USER}
  password   {home.password}

Unpause `{CONNECTOR}` to archive the sample days. End everything with: make down""")


def down() -> None:
    """End what `up` started."""
    number = _home().stop()
    served = _stop_server()
    print(f"Ended {number} Airflow processes{' and the sample SFTP server' if served else ''}.")


def _home() -> Home:
    """The local Airflow; it keeps its port for as long as it is there."""
    root = PROJECT / ".airflow"
    port_file = root / "port"
    if not port_file.exists():
        root.mkdir(mode=0o700, exist_ok=True)
        port_file.write_text(str(free_port()), encoding="utf-8")
    return Home(root, int(port_file.read_text(encoding="utf-8")))


@contextlib.contextmanager
def _running(home: Home) -> Iterator[Api]:
    """Airflow with the sample connector: ours for this block, or the one that `up` started."""
    mine = not home.running()
    try:
        if mine:
            _prepare(home)
            _say("Starting Airflow (scheduler, triggerer, DAG processor, API server) ...")
            home.start()
        yield Api(home)
    finally:
        if mine:
            home.stop()
            _stop_server()


def _prepare(home: Home) -> None:
    """Serve the samples and tell Airflow where they are."""
    _say("Making keys, encrypting and signing the sample exports ...")
    published = publish(SAMPLES, DATA / "vendor")
    port = _serve(published)
    _say("Setting up Airflow's database and connections ...")
    home.prepare()
    home.set_connections(
        {
            "bloomberg_sftp": published.sftp_connection(port),
            "bloomberg_pgp": published.pgp_connection(),
            "archive": {"conn_type": "generic", "extra": {"destination": "maildir", "path": str(MAIL)}},
        }
    )


def _serve(published: Published) -> int:
    """Start the sample SFTP server in the background; give its port."""
    _stop_server()
    port_file = DATA / "sftp.port"
    port_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "include.commsarchive.demo.server"]
    where = ["--root", published.served, "--state", published.state, "--port-file", port_file]
    with (DATA / "sftp.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, *map(str, where)],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (DATA / "sftp.pid").write_text(str(process.pid), encoding="utf-8")
    deadline = time.monotonic() + 30
    while not (port_file.exists() and port_file.read_text(encoding="utf-8").strip()):
        if process.poll() is not None or time.monotonic() > deadline:
            raise LocalError(f"the sample SFTP server did not start. Look at {DATA / 'sftp.log'}")
        time.sleep(0.1)
    return int(port_file.read_text(encoding="utf-8"))


def _stop_server() -> bool:
    """End the sample server; say whether it ran."""
    pid_file = DATA / "sftp.pid"
    try:
        pid = int(pid_file.read_text(encoding="utf-8"))
        ours = b"demo.server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return False
    pid_file.unlink()
    if ours:
        os.kill(pid, signal.SIGTERM)
    return ours


def _start_runs(home: Home, api: Api) -> Callable[[], list[dict[str, Any]]]:
    """Let the schedule catch up on the sample days; where it has done so before, trigger each day anew.

    Gives a way to ask for the runs so started, which appear one after the other.
    """
    _await(lambda: _known(api), "the DAG to be loaded")
    before = {run["dag_run_id"] for run in _runs(api)}
    with connect(home.ledger) as ledger:
        archived = any(ledger.history(CONNECTOR))
    api.patch(f"dags/{CONNECTOR}", {"is_paused": False})
    if archived:
        _say("These days were archived before. Each is triggered again, to see that nothing is doubled:")
        for day in DAYS:
            api.post(f"dags/{CONNECTOR}/dagRuns", {"logical_date": None, "conf": {"day": day}})
    else:
        _say(f"Airflow catches up on {len(DAYS)} days of `{CONNECTOR}`:")
    return lambda: [run for run in _runs(api) if run["dag_run_id"] not in before]


def _known(api: Api) -> bool:
    with contextlib.suppress(LocalError):
        return bool(api.get(f"dags/{CONNECTOR}")["dag_id"])
    return False


def _runs(api: Api) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = api.get(f"dags/{CONNECTOR}/dagRuns?limit=200&order_by=run_after")["dag_runs"]
    return runs


def _follow(api: Api, started: Callable[[], list[dict[str, Any]]]) -> list[str]:
    """Print a line for each step that ends, until a run for every day has ended; give the runs' ids."""
    told: set[tuple[str, str, int]] = set()
    deadline = time.monotonic() + LONGEST_WAIT
    while True:
        runs = started()
        for number, run in enumerate(runs, start=1):
            if run["state"] != "queued":
                _tell(api, run["dag_run_id"], f"{number}/{len(DAYS)}", told)
        if failed := [run["dag_run_id"] for run in runs if run["state"] == "failed"]:
            raise LocalError(f"run {failed[0]} failed. Look at its logs in the UI: make up")
        if sum(run["state"] == "success" for run in runs) >= len(DAYS):
            return [str(run["dag_run_id"]) for run in runs]
        if time.monotonic() > deadline:
            raise LocalError(
                f"the runs did not end in {LONGEST_WAIT} s. Look at their logs in the UI: make up"
            )
        time.sleep(1)


def _tell(api: Api, run: str, number: str, told: set[tuple[str, str, int]]) -> None:
    """Print the steps of a run that have ended since the last look."""
    path = f"dags/{CONNECTOR}/dagRuns/{run}/taskInstances?limit=200"
    ended = [task for task in api.get(path)["task_instances"] if task["end_date"] and task["state"]]
    for task in sorted(ended, key=lambda one: one["end_date"]):
        name = (run, task["task_id"], task["map_index"])
        if name in told or task["state"] not in {"success", "failed", "skipped", "upstream_failed"}:
            continue
        told.add(name)
        part = f"[{task['map_index']}]" if task["map_index"] >= 0 else ""
        _say(f"  {number}  {task['task_id'] + part:<18} {task['state']:<8} {task['duration'] or 0:5.1f} s")


def _await(question: Callable[[], Answer], what: str) -> Answer:
    deadline = time.monotonic() + 120
    while not (answer := question()):
        if time.monotonic() > deadline:
            raise LocalError(f"waited two minutes for {what}. Look at .airflow/logs/*.log")
        time.sleep(0.5)
    return answer


def _report(records: list[ImportRecord]) -> None:
    """Show the import records, one conversation, and where everything lies."""
    print(table(records))
    copies = sum(record.body["deliveries_made"] for record in records)
    if not copies:
        doubles = sum(record.body["deliveries_duplicate"] for record in records)
        print(f"\nNothing was archived twice: all {doubles} copies were there already.")
    _show_conversation()
    somebody = next(iter(sorted(MAIL.glob("[!.]*"))), MAIL)
    print(f"""
The mail, one mailbox for each person, for any mail program:   {MAIL}
A mailbox in a terminal, for example:   mutt -f {somebody}/.InstantBloomberg
Airflow with its UI:   make up
The import records as JSON:""")
    path = DATA / "import-records.json"
    path.write_text(json.dumps([as_json(record) for record in records], indent=2), encoding="utf-8")
    print(path)


def _show_conversation() -> None:
    """Print the text of one archived conversation."""
    mails = sorted(MAIL.glob("*/.InstantBloomberg/cur/*"), key=lambda path: path.stat().st_size)
    if not mails:
        return
    with mails[len(mails) // 2].open("rb") as stream:
        mail = email.message_from_binary_file(stream, policy=email.policy.default)
    body = mail.get_body(("plain",))
    lines = body.get_content().splitlines() if body else []
    print(f"\nOne of the conversations, as {mails[len(mails) // 2].parents[2].name} keeps it:\n")
    for name in ("From", "To", "Subject", "Date"):
        print(f"  {name}: {mail[name]}"[:150])
    print("\n".join(f"  | {line}" for line in ["", *lines[:40]]))


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    """Run one command; a foreseeable fault is one line."""
    commands = {"demo": demo, "up": up, "down": down}
    try:
        commands[sys.argv[1]]()
    except (LocalError, CommsArchiveError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; what was done is kept.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
