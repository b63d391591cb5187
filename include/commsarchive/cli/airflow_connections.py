"""Connections as Airflow keeps them, asked for through its own command line: this side knows no Airflow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from include.commsarchive.doors import Connection
from include.commsarchive.errors import Fatal


def find_connection(name: str) -> Connection:
    """Get a connection from ``AIRFLOW_CONN_<NAME>`` (JSON), else from Airflow's database or backend.

    Secrets come through a pipe; they are on no command line and in no file.

    Raises:
        Fatal: there is no such connection, or no Airflow to ask.
    """
    stated = os.environ.get(f"AIRFLOW_CONN_{name.upper()}", "")
    fields: dict[str, Any] = json.loads(stated) if stated.startswith("{") else _ask_airflow(name)
    extra = fields.get("extra_dejson") or fields.get("extra") or {}
    port = fields.get("port")
    return Connection(
        name=name,
        kind=fields.get("conn_type") or "",
        host=fields.get("host") or "",
        port=int(port) if port else None,
        login=fields.get("login") or "",
        password=fields.get("password") or "",
        extra=json.loads(extra) if isinstance(extra, str) else extra,
        schema=fields.get("schema") or "",
    )


def _ask_airflow(name: str) -> dict[str, Any]:
    done = _airflow("connections", "get", name, "--output", "json")
    rows = [line for line in done.stdout.splitlines() if line.startswith("[{")]
    if not done.returncode and rows:
        found: dict[str, Any] = json.loads(rows[-1])[0]
        return found
    if "unapplied migrations" in _airflow("db", "check-migrations", "--migration-wait-timeout", "0").stderr:
        home = os.environ.get("AIRFLOW_HOME") or "~/airflow"
        why = f"Airflow's database in {home} is not set up: airflow db migrate, or set AIRFLOW_HOME"
    else:
        why = "Airflow has none of this name. Add it, or set AIRFLOW_HOME"
    raise Fatal(f"connection {name}: {why}")


def _airflow(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "airflow"), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    except OSError as error:
        raise Fatal(f"there is no airflow beside {sys.executable}: {error}") from error
