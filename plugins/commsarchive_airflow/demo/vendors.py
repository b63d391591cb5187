"""The vendors of the demo: their servers as a process in the background, and the way to them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from commsarchive_airflow.local import PROJECT, LocalError
from include.commsarchive.demo.feeds import Feed, Vendors

DATA = PROJECT / ".demo"
MAIL = DATA / "mail"
VENDORS = Vendors(DATA / "vendor")
_PID = DATA / "vendors.pid"
_LOG = DATA / "vendors.log"


def start_vendors(feeds: list[Feed]) -> dict[str, dict[str, Any]]:
    """Let them serve the sample days of these feeds; give the Airflow connections to them, by name.

    Raises:
        LocalError: the servers do not start.
    """
    stop_vendors()
    DATA.mkdir(exist_ok=True)
    ports = _start_servers(DATA / "ports.json")
    return {name: found for feed in feeds for name, found in VENDORS.publish(feed, ports).items()}


def _start_servers(port_file: Path) -> dict[str, int]:
    port_file.unlink(missing_ok=True)
    with _LOG.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *VENDORS.command, "--ports", str(port_file)],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _PID.write_text(str(process.pid), encoding="utf-8")
    deadline = time.monotonic() + 30
    while not port_file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise LocalError(f"the vendors' servers did not start. Look at {_LOG}")
        time.sleep(0.1)
    ports: dict[str, int] = json.loads(port_file.read_bytes())
    return ports


def stop_vendors() -> bool:
    """End their servers; say whether they ran."""
    try:
        pid = int(_PID.read_text(encoding="utf-8"))
        ours = b"demo.server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return False
    _PID.unlink()
    if ours:
        os.kill(pid, signal.SIGTERM)
    return ours


def say(line: str) -> None:
    """Print a line of progress at once."""
    print(line, flush=True)
