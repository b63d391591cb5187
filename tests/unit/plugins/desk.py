"""A connector on local disk for tests of operators: exports in a folder, mail in a Maildir, no servers."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from airflow.utils.types import DagRunType

DAY = dt.date(2024, 3, 11)
DUE = dt.datetime(2024, 3, 12, 5, tzinfo=dt.UTC)


@dataclass
class Task:
    """What an operator's ``context["ti"]`` is asked for."""

    pushed: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = json.loads(json.dumps(value))


@dataclass
class Desk:
    """Change ``definition`` and `write` it; put files into ``exports``; find mail in ``mail``."""

    root: Path
    definition: dict[str, Any]

    @property
    def exports(self) -> Path:
        return self.root / "exports"

    @property
    def mail(self) -> Path:
        return self.root / "mail"

    @property
    def ledger(self) -> str:
        return f"sqlite:///{self.root / 'ledger.db'}"

    def write(self, **changes: Any) -> None:
        for section, values in changes.items():
            old = self.definition.get(section)
            self.definition[section] = {**old, **values} if isinstance(old, dict) else values
        path = self.root / "connectors" / "desk.yaml"
        path.write_text(yaml.safe_dump(self.definition), encoding="utf-8")

    def context(self, **run: Any) -> Any:
        defaults = {
            "dag_id": "desk_chat",
            "run_id": "run-1",
            "run_type": DagRunType.MANUAL,
            "partition_key": None,
            "data_interval_start": None,
            "run_after": DUE,
            "triggering_user_name": None,
        }
        dag_run = SimpleNamespace(**{**defaults, **run})
        return {"dag_run": dag_run, "params": {"day": None}, "ti": Task(), "outlet_events": {}}


def make_desk(root: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Make the folders, the definition and the Airflow connections."""
    for name in ("connectors", "exports"):
        (root / name).mkdir()
    desk = Desk(root, definition())
    for name, value in {
        "COMMSARCHIVE_CONNECTORS": root / "connectors",
        "COMMSARCHIVE_LEDGER": desk.ledger,
        "COMMSARCHIVE_STAGING": root / "staging",
        "AIRFLOW_CONN_DESK_FOLDER": json.dumps({"conn_type": "fs", "extra": {"path": str(root / "exports")}}),
        "AIRFLOW_CONN_DESK_MAIL": json.dumps(
            {"conn_type": "generic", "extra": {"destination": "maildir", "path": str(root / "mail")}}
        ),
    }.items():
        monkeypatch.setenv(name, str(value))
    desk.write()
    return desk


def definition() -> dict[str, Any]:
    """The least that a connector states."""
    return {
        "name": "desk_chat",
        "source": "instant_bloomberg",
        "collect": {"connection": "desk_folder", "allow_unencrypted": True, "poll_seconds": 1},
        "mapping": {"third_party_mailbox": "catch-all@firm.example"},
        "deliver": {"connection": "desk_mail"},
        "schedule": {"start": "2024-03-11"},
    }


NEW = definition() | {"name": "new_chat"}
"""A connector that is not there yet."""
