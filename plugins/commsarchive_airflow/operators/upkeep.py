"""Upkeep: what an archive needs besides the daily runs. One operator for each chore."""

from __future__ import annotations

import datetime as dt
import time

import structlog
from airflow.sdk import BaseOperator, Context

from commsarchive_airflow.catalogue import catalogue
from commsarchive_airflow.connections import ledger_url, mailbox
from commsarchive_airflow.operators.watch import tell
from commsarchive_airflow.outcome import explained
from commsarchive_airflow.wiring import staging
from include.commsarchive.errors import Fatal
from include.commsarchive.ledger.alerts import AlertKind, Finding
from include.commsarchive.ledger.sql import connect
from include.commsarchive.stages.verify import Verdict, verify

MOST_THINGS = 20
"""Faults that an alert lists; the task's log has more."""

REMEDIES = {
    AlertKind.TAMPERED: "Keep the ledger as it is, compare it with its backup, and find out who changed it",
    AlertKind.INCOMPLETE: "See the log of `verify_ledger` in the DAG upkeep. Find out who or what "
    "removed a copy, and put a hold on its mailbox; mend a destination that cannot be asked",
}


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


class VerifyLedgerOperator(BaseOperator):
    """Verify the ledger, and a sample of the copies in their mailboxes; fail when anything was changed.

    What is found is an alert. What is only incomplete does not fail the task.
    """

    def execute(self, context: Context) -> int:
        """Verify; give the number of import records."""
        del context
        started = time.perf_counter()
        log = structlog.get_logger(self.task_id)
        with explained(), connect(ledger_url()) as ledger:
            verdict = verify(ledger, mailbox, "sample", turn=dt.datetime.now(dt.UTC).date().isoformat())
            for fault in verdict.tampered:
                log.error(fault)
            for fault in verdict.incomplete:
                log.warning(fault)
            ledger.take([(kind, "") for kind in REMEDIES], _findings(verdict), tell)
            if verdict.tampered:
                raise Fatal(
                    f"the ledger does not verify: {len(verdict.tampered)} faults, listed above. "
                    f"{REMEDIES[AlertKind.TAMPERED]}"
                )
        log.info("ledger verified", verdict=str(verdict), seconds=round(time.perf_counter() - started, 3))
        return verdict.records


def _findings(verdict: Verdict) -> list[Finding]:
    found = {AlertKind.TAMPERED: verdict.tampered, AlertKind.INCOMPLETE: verdict.incomplete}
    return [
        Finding(
            kind,
            "",
            f"{len(faults)} faults, the first: {faults[0]}",
            REMEDIES[kind],
            tuple(faults[:MOST_THINGS]),
        )
        for kind, faults in found.items()
        if faults
    ]
