"""Upkeep: what an archive needs besides the daily runs. One operator for each chore."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import structlog
from airflow.sdk import BaseOperator, Context

from commsarchive_airflow.catalogue import catalogue, find_connector
from commsarchive_airflow.connections import decryptor, ledger_url
from commsarchive_airflow.outcome import explained
from commsarchive_airflow.timetable import FeedTimetable
from commsarchive_airflow.wiring import staging
from include.commsarchive.connector import Connector
from include.commsarchive.errors import Fatal
from include.commsarchive.ledger.sql import connect

KEY_WARNING = dt.timedelta(days=45)
"""Keys are renewed with the vendor by hand: time enough for letters to go back and forth."""

LOOK_BACK = dt.timedelta(days=30)
"""Vendors keep exports for 21 to 30 days (Bloomberg): a day missed for longer cannot be collected."""


class PurgeStagingOperator(BaseOperator):
    """Remove what runs staged, ``keep_days`` after they closed. What is held stays until replayed."""

    def execute(self, context: Context) -> int:
        """Purge all connectors."""
        del context
        rooms, now, purged = staging(), dt.datetime.now(dt.UTC), 0
        log = structlog.get_logger(self.task_id)
        with explained(), connect(ledger_url()) as ledger:
            for connector in catalogue().connectors.values():
                keep = dt.timedelta(days=connector.keep_days)
                closed = {record.run_id: record.closed_at for record in ledger.history(connector.name)}
                for run_id, at in closed.items():
                    if at + keep < now and rooms.purge(connector.name, run_id):
                        log.info("purged", connector=connector.name, run=run_id)
                        purged += 1
        return purged


class CheckKeysOperator(BaseOperator):
    """Warn of OpenPGP keys of one connector that have expired or soon will."""

    template_fields: Sequence[str] = ("connector",)

    def __init__(self, *, connector: str, **kwargs: Any) -> None:
        """Take a connector's name."""
        super().__init__(**kwargs)
        self.connector = connector

    def execute(self, context: Context) -> int:
        """Open the key ring and read the dates."""
        from include.commsarchive.pgp.keys import expiring

        del context
        with explained(), decryptor(find_connector(self.connector)) as keys:
            warnings = expiring(keys.keys(), dt.datetime.now(dt.UTC), KEY_WARNING) if keys else []
        for warning in warnings:
            structlog.get_logger(self.task_id).warning(warning, connector=self.connector)
        return len(warnings)


class FindSilentFeedsOperator(BaseOperator):
    """Warn of each day that was due, and whose deadline has passed, and that no run has archived."""

    def execute(self, context: Context) -> int:
        """Compare schedules with the import history: a paused DAG or a stopped scheduler shows here."""
        del context
        now, number = dt.datetime.now(dt.UTC), 0
        with explained(), connect(ledger_url()) as ledger:
            for connector in catalogue().connectors.values():
                since = (now - LOOK_BACK).date()
                records = ledger.history(connector.name, since)
                archived = {record.day for record in records if record.body["kind"] != "replay"}
                for day in silent_days(connector, archived, now):
                    structlog.get_logger(self.task_id).warning(
                        "day is not archived", connector=connector.name, day=day.isoformat()
                    )
                    number += 1
        return number


class VerifyLedgerOperator(BaseOperator):
    """Recompute the chain of import records and the hashes of their deliveries; fail when anything is off."""

    def execute(self, context: Context) -> int:
        """Verify."""
        del context
        started = time.perf_counter()
        log = structlog.get_logger(self.task_id)
        with explained(), connect(ledger_url()) as ledger:
            records = sum(1 for _ in ledger.history())
            faults = list(ledger.verify())
            for fault in faults:
                log.error(fault)
            if faults:
                raise Fatal(
                    f"the ledger does not verify: {len(faults)} faults, listed above. Keep it as it is, "
                    "compare it with its backup, and find out who changed it"
                )
        log.info("ledger verified", records=records, seconds=round(time.perf_counter() - started, 3))
        return records


def silent_days(connector: Connector, archived: Collection[dt.date], now: dt.datetime) -> Iterator[dt.date]:
    """List the days of the last weeks that should have been archived by now and are not."""
    rules = connector.schedule
    if not rules.cron:
        return
    timetable = FeedTimetable(rules.cron, rules.timezone, rules.start, rules.end)
    grace = dt.timedelta(hours=rules.deadline_hours)
    for start, end in timetable.intervals(now - LOOK_BACK, now - grace):
        day = start.astimezone(timetable.zone).date()
        if end + grace < now and day not in archived:
            yield day
