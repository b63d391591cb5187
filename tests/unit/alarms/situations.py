"""Facts of a connector, for tests of the rules."""

from __future__ import annotations

import datetime as dt
from typing import Any

from include.commsarchive.connector import Connector
from include.commsarchive.ledger.base import Run
from include.commsarchive.ledger.views import Closed

NOW = dt.datetime(2026, 3, 16, 20, tzinfo=dt.UTC)
"""A Monday: its own day is not over, Sunday was due at 05:00."""


def connector(**changes: Any) -> Connector:
    definition: dict[str, Any] = {
        "name": "chat",
        "source": "instant_bloomberg",
        "collect": {"connection": "vendor"},
        "mapping": {"third_party_mailbox": "third@firm.example"},
        "deliver": {"connection": "mail"},
        "schedule": {"start": "2026-03-11"},
    }
    for section, values in changes.items():
        definition[section] = {**definition.get(section, {}), **values}
    return Connector.model_validate(definition)


def closed(day: dt.date, found: int = 100, *, kind: str = "scheduled", run_id: str = "", **at: int) -> Closed:
    """A closed run of a day, closed so many hours after noon of the next one."""
    when = dt.datetime.combine(day, dt.time(12), dt.UTC) + dt.timedelta(days=1, **at)
    return Closed(1, run_id or f"chat/{day}", "chat", day, when, kind, found, found, 0, 0, 0, 0, 0, found, 0)


def run(day: dt.date, *, kind: str = "scheduled", run_id: str = "") -> Run:
    """A run that began at five on the next day."""
    began = dt.datetime.combine(day, dt.time(5), dt.UTC) + dt.timedelta(days=1)
    return Run(run_id or f"chat/{day}", "chat", day, kind, began)


def days(*numbers: int) -> list[dt.date]:
    """Days of March 2026."""
    return [dt.date(2026, 3, number) for number in numbers]
