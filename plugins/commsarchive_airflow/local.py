"""Airflow on one machine, for trying things out: ``up``, ``down`` and ``demo``. Loopback only.

Four processes instead of ``airflow standalone``: standalone's log servers listen on every interface
and nothing binds them to loopback (measured on Airflow 3.3.2).
"""

from __future__ import annotations

import contextlib
import http
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

PROJECT = Path(__file__).resolve().parents[2]
USER = "admin"
_IMPATIENT = {  # somebody is watching; Airflow's own five minutes each are for a night's run
    "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "10",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
}
PROCESSES = {
    "api-server": ("api-server", "--host", "127.0.0.1"),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "triggerer": ("triggerer", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
}


class LocalError(Exception):
    """The local Airflow could not do what was asked; the text says what to look at."""


class BusyError(LocalError):
    """Airflow could not do it now and has undone what it had begun: the same may be asked again."""


@dataclass(frozen=True, slots=True)
class Home:
    """Everything that a local Airflow keeps, in one folder."""

    root: Path
    port: int

    @property
    def airflow(self) -> str:
        """The airflow program beside the Python that runs this."""
        return str(Path(sys.executable).parent / "airflow")

    @property
    def environment(self) -> dict[str, str]:
        """Settings of every process. No secret is among them: the JWT key lies in a private file."""
        settings = {
            "AIRFLOW_HOME": str(self.root),
            "PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'plugins'}",
            "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.root / "passwords.json"),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{self.port}/execution/",
            "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{self.port}",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API_AUTH__JWT_SECRET_CMD": f"cat {self.root / 'jwt-secret'}",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
            "PYTHONWARNINGS": "ignore::DeprecationWarning",  # Airflow's own, in every task log
        }
        kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        return {**_IMPATIENT, **kept, **settings}

    @property
    def password(self) -> str:
        """The administrator's password."""
        return str(json.loads((self.root / "passwords.json").read_text(encoding="utf-8"))[USER])

    @property
    def ledger(self) -> str:
        """URL of the ledger."""
        return f"sqlite:///{self.root / 'commsarchive' / 'ledger.db'}"

    def prepare(self) -> None:
        """Make the folder, its secrets and its database, once."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        _keep(self.root / "jwt-secret", lambda: secrets.token_urlsafe(48))
        _keep(self.root / "passwords.json", lambda: json.dumps({USER: secrets.token_urlsafe(9)}))
        self.command("db", "migrate")

    def command(self, *arguments: str) -> str:
        """Run one airflow command to its end.

        Raises:
            LocalError: it failed; the text ends with what it said.
        """
        done = subprocess.run(
            [self.airflow, *arguments], env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise LocalError(f"airflow {arguments[0]} failed:\n{said}")
        return done.stdout

    def set_connections(self, connections: Mapping[str, Mapping[str, Any]]) -> None:
        """Put connections into Airflow's database; they pass through a private file, never an argument."""
        path = self.root / "connections.json"
        path.unlink(missing_ok=True)
        _keep(path, lambda: json.dumps(connections))
        try:
            self.command("connections", "import", "--overwrite", str(path))
        finally:
            path.unlink()

    def start(self) -> None:
        """Start the four processes and wait until they are healthy.

        Raises:
            LocalError: they are running already, or do not come up within two minutes.
        """
        if self.running():
            raise LocalError(f"Airflow is running already at http://127.0.0.1:{self.port}. End it: make down")
        logs = self.root / "logs"
        logs.mkdir(exist_ok=True)
        processes = {}
        for name, arguments in PROCESSES.items():
            with (logs / f"{name}.log").open("ab") as log:
                process = subprocess.Popen(
                    [self.airflow, *arguments],
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            processes[name] = (process.pid, _started(process.pid))
        self._process_file.write_text(json.dumps(processes), encoding="utf-8")
        self._await_health(time.monotonic() + 120)

    def _await_health(self, deadline: float) -> None:
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, ValueError):
                health = _json(f"http://127.0.0.1:{self.port}/api/v2/monitor/health")
                if all(part["status"] == "healthy" for part in health.values() if part.get("status")):
                    return
            if len(self.running()) < len(PROCESSES):
                break
            time.sleep(0.5)
        self.stop()
        raise LocalError(f"Airflow did not come up. Look at the end of {self.root / 'logs'}/*.log")

    def running(self) -> dict[str, int]:
        """Name and process id of each process that `start` started and that still runs."""
        try:
            processes = json.loads(self._process_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return {
            name: pid for name, (pid, started) in processes.items() if started and started == _started(pid)
        }

    def stop(self) -> int:
        """End the processes that `start` started, with their children; give their number."""
        found = self.running()
        for how, wait in ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0)):
            for pid in self.running().values():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, how)
            deadline = time.monotonic() + wait
            while self.running() and time.monotonic() < deadline:
                time.sleep(0.2)
        self._process_file.unlink(missing_ok=True)
        return len(found)

    @property
    def _process_file(self) -> Path:
        return self.root / "processes.json"


class Api:
    """Airflow's REST API, as the administrator."""

    def __init__(self, home: Home) -> None:
        """Log in."""
        self._base = f"http://127.0.0.1:{home.port}"
        answer = _json(f"{self._base}/auth/token", {"username": USER, "password": home.password})
        self._token = answer["access_token"]

    def get(self, path: str) -> Any:
        """GET a JSON resource below ``/api/v2``."""
        return self._ask(path)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """POST JSON to a resource below ``/api/v2``."""
        return self._ask(path, body)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """PATCH a resource below ``/api/v2``."""
        return self._ask(path, body, "PATCH")

    def _ask(self, path: str, body: Mapping[str, Any] | None = None, method: str = "") -> Any:
        """Ask, and ask again while Airflow's SQLite database is locked."""
        deadline = time.monotonic() + 30
        while True:
            try:
                return _json(f"{self._base}/api/v2/{path}", body, self._token, method)
            except BusyError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)


def _json(url: str, body: Mapping[str, Any] | None = None, token: str = "", method: str = "") -> Any:
    """Ask a loopback address for JSON."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    method = method or ("GET" if body is None else "POST")
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - http to loopback
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the same
            return json.load(answer)
    except urllib.error.HTTPError as error:
        said = error.read()[:300]
        is_busy = error.code == http.HTTPStatus.SERVICE_UNAVAILABLE or b"Database error" in said
        raise (BusyError if is_busy else LocalError)(f"{method} {url}: {error.code} {said!r}") from error


def _keep(path: Path, make: Any) -> None:
    """Write a private file unless it is there."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as sink:
            sink.write(make())


def _started(pid: int) -> float | None:
    """When a living process was started (seconds since 1970): tells it from a later one of the same id."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return process.create_time()
    return None


def free_port(wanted: int = 8080) -> int:
    """Give the wanted port when nobody listens there, else another."""
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise LocalError("no free port on 127.0.0.1")
