"""Upkeep: what an archive needs besides the daily runs. One operator for each chore."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import structlog
from airflow.sdk import BaseOperator, Context

from commsarchive_airflow.catalogue import catalogue
from commsarchive_airflow.connections import ledger_url, mailbox
from commsarchive_airflow.endings import tell
from commsarchive_airflow.outcome import explained
from commsarchive_airflow.wiring import staging
from include.commsarchive.errors import Fatal
from include.commsarchive.ledger.alerts import AlertKind, Finding
from include.commsarchive.ledger.sql import connect
from include.commsarchive.stages.verification import REMEDIES, Asked, verify_and_keep
from include.commsarchive.stages.verify import Verdict

MOST_THINGS = 20
"""Faults that an alert lists; the task's log has more."""

VERIFY_ALL = "Then verify all copies of all connectors: only that clears the alert"
"""What to do besides when more copies are wrong than verification keeps the names of."""

KINDS = {AlertKind.TAMPERED: "tampered", AlertKind.INCOMPLETE: "incomplete"}


class PurgeStagingOperator(BaseOperator):
    """Remove what runs staged, ``keep_days`` after they closed. What is held stays until replayed."""

    def execute(self, context: Context) -> int:
        """Purge all connectors, those that were retired among them."""
        del context
        rooms, now, purged = staging(), dt.datetime.now(dt.UTC), 0
        log = structlog.get_logger(self.task_id)
        with explained(), connect(ledger_url()) as ledger:
            for name, days in catalogue().keep_days.items():
                keep = dt.timedelta(days=days)
                closed = {record.run_id: record.closed_at for record in ledger.history(name)}
                for run_id, at in closed.items():
                    if at + keep < now and rooms.purge(name, run_id):
                        log.info("purged", connector=name, run=run_id)
                        purged += 1
        return purged


class VerifyLedgerOperator(BaseOperator):
    """Verify the ledger, and copies in their mailboxes; keep how it went; fail when anything was changed.

    What is found is an alert, which only a look at all connectors clears that could ask for each copy; when
    there were more wrong ones than are known by name, only a look at all copies. What is only incomplete does
    not fail the task.
    """

    template_fields: Sequence[str] = ("connector", "extent")

    def __init__(self, *, connector: str = "", extent: str = "sample", **kwargs: Any) -> None:
        """Take a connector's name, ``""`` for all, and which of the copies to look up: `verify.Extent`."""
        super().__init__(**kwargs)
        self.connector, self.extent = connector, extent

    def execute(self, context: Context) -> str:
        """Verify; say how it went, in a line. An unknown connector is refused."""
        log = structlog.get_logger(self.task_id)
        run = context["dag_run"]
        who = run.triggering_user_name or f"DAG {run.dag_id}"
        asked = Asked(who, self.connector, self.extent)  # type: ignore[arg-type]
        today = dt.datetime.now(dt.UTC).date().isoformat()
        with explained(), connect(ledger_url()) as ledger:
            if self.connector and self.connector not in catalogue().known(ledger.recorded()):
                raise Fatal(f"no connector {self.connector}, and no import record of it. Mend the name")
            verdict, how = verify_and_keep(ledger, mailbox, asked, today)
            for fault in verdict.tampered:
                log.error(fault)
            for fault in verdict.incomplete:
                log.warning(fault)
            found = _findings(verdict)
            looked = not self.connector and self.extent != "none" and not verdict.unasked
            unsure = self.extent != "all" and verdict.unnamed
            if unsure:
                log.warning("more copies were wrong than are in samples again", remedy=VERIFY_ALL)
            kinds = list(KINDS) if looked and not unsure else [one.kind for one in found]
            ledger.take([(kind, "") for kind in kinds], found, tell)
            if verdict.tampered:
                raise Fatal(
                    f"the ledger does not verify: {len(verdict.tampered)} faults, listed above. "
                    f"{REMEDIES['tampered']}"
                )
        log.info("ledger verified", verdict=str(verdict), seconds=how.seconds)
        return str(verdict)


def _findings(verdict: Verdict) -> list[Finding]:
    more = f"{VERIFY_ALL}. " if verdict.unnamed else ""
    found = {AlertKind.TAMPERED: verdict.tampered, AlertKind.INCOMPLETE: verdict.incomplete}
    return [
        Finding(
            kind,
            "",
            f"{len(faults)} faults, the first: {faults[0]}",
            f"{REMEDIES[KINDS[kind]]}. {more}The page Verification and the log of the task have them all",
            tuple(faults[:MOST_THINGS]),
        )
        for kind, faults in found.items()
        if faults
    ]
