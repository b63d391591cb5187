"""`rehearse`: a dry run of one day of one connector. Nothing is filed."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog
from airflow.sdk import BaseOperator, Context

from commsarchive_airflow.catalogue import find_connector
from commsarchive_airflow.connections import (
    airflow_home,
    collector,
    decryptor,
    directory,
    ledger_url,
    mailboxes,
)
from commsarchive_airflow.outcome import HonourRetryAfter, explained
from include.commsarchive.ledger.sql import connect
from include.commsarchive.profile import source_of


class RehearseOperator(BaseOperator):
    """Take a day up to the wire; leave a CSV of the copies that would be filed, for its owner alone."""

    template_fields: Sequence[str] = ("connector", "day")

    def __init__(self, *, connector: str, day: str, **kwargs: Any) -> None:
        """Take a connector's name and an ISO date."""
        kwargs.setdefault("retry_policy", HonourRetryAfter())
        super().__init__(**kwargs)
        self.connector, self.day = connector, day

    def execute(self, context: Context) -> dict[str, Any]:
        """Rehearse, and log the counts and where the list lies."""
        from include.commsarchive.stages.rehearse import Doors, rehearse, told

        del context
        rules, day = find_connector(self.connector), dt.date.fromisoformat(self.day)
        path = airflow_home() / "commsarchive" / "rehearsals" / f"{rules.name}-{day}.csv"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (
            explained(),
            tempfile.TemporaryDirectory() as scratch,
            decryptor(rules) as keys,
            mailboxes(rules) as places,
            connect(ledger_url()) as ledger,
            path.open("w", encoding="utf-8", newline="") as report,
        ):
            path.chmod(0o600)
            doors = Doors(source_of(rules), collector(rules, day), keys, places, ledger, directory(rules))
            rehearsed = rehearse(rules, day, doors, Path(scratch), report)
        counts = told(rehearsed)
        log = structlog.get_logger(self.task_id)
        for problem in rehearsed.problems:
            log.warning("mapping not taken over", problem=problem)
        log.info("rehearsed, nothing was filed", connector=rules.name, day=self.day, list=str(path), **counts)
        return counts
