"""`wait_for_export`: a day's export is complete; here are its bundles."""

from __future__ import annotations

import asyncio
import datetime as dt
import time

import structlog
from airflow.sdk import Context
from airflow.sdk.exceptions import TaskDeferred

from commsarchive_airflow.connections import collector
from commsarchive_airflow.handover import Plain, listed_bundles, plain, restored
from commsarchive_airflow.operators.base import StageOperator
from commsarchive_airflow.operators.export_watch import ExportTrigger, watch
from include.commsarchive.collect.base import RemoteFile
from include.commsarchive.collect.completeness import Complete, Pickup
from include.commsarchive.errors import CommsArchiveError, Fatal, Retriable
from include.commsarchive.stages.run import Scope

SHORT_PAUSE = 5
"""Seconds. A pause of up to this is waited for here: handing over to the triggerer takes as long."""


class SFTPSensor(StageOperator):
    """Wait, deferred, until a connector's export of the day is complete; give its bundles, to be mapped over.

    Complete is what the manifest lists, or files unchanged between two looks. What the server refuses
    fails at once; while it cannot be reached, we look again. The deadline is ``collect.wait_minutes``
    after the run was due: a backfilled day is not waited for, and a retry does not start the wait anew.
    """

    def execute(self, context: Context) -> list[Plain]:
        """Look, and defer unless the export is complete."""
        with self.opened(context) as scope:
            rules = scope.connector.collect
            pickups, seen = self._look(scope, None)
            if pickups is None and rules.poll_seconds <= SHORT_PAUSE:
                time.sleep(rules.poll_seconds)
                pickups, seen = self._look(scope, seen)
            if pickups is not None:
                return self._bundles(scope, pickups)
            due = context["dag_run"].run_after
            deadline = due + dt.timedelta(minutes=rules.wait_minutes)
            trigger = ExportTrigger(
                scope.connector.name,
                scope.run.day.isoformat(),
                deadline.isoformat(),
                None if seen is None else [plain(file) for file in seen],
            )
            raise TaskDeferred(trigger=trigger, method_name="execute_complete")

    def execute_complete(self, context: Context, event: Plain) -> list[Plain]:
        """Take what the trigger saw.

        Raises:
            AirflowFailException: the server refuses us, or files are missing at the deadline.
            Retriable: the server could not be asked at the deadline.
        """
        with self.opened(context) as scope:
            if "pickups" in event:
                return self._bundles(scope, tuple(restored(one, Pickup) for one in event["pickups"]))
            if "late" in event and not event["files"] and scope.connector.collect.allow_missing:
                return self._bundles(scope, ())
            raise _fault(scope, event)

    def _look(
        self, scope: Scope, previous: list[RemoteFile] | None
    ) -> tuple[tuple[Pickup, ...] | None, list[RemoteFile] | None]:
        """Give the pickups, when complete, and what was seen, unless the server could not be asked."""
        place = collector(scope.connector, scope.run.day)
        try:
            seen = asyncio.run(watch(place, scope.connector, scope.run.day, previous))
        except Retriable as error:
            structlog.get_logger(self.task_id).warning("cannot look, will look again", reason=str(error))
            return None, previous
        return seen.verdict.pickups if isinstance(seen.verdict, Complete) else None, seen.files

    def _bundles(self, scope: Scope, pickups: tuple[Pickup, ...]) -> list[Plain]:
        bundles = listed_bundles(scope.source, pickups)
        size = sum(pickup.file.size for pickup in pickups)
        names = [pickup.name for pickup in pickups]
        self.say("export is complete", scope, bundles=len(bundles), files=names, bytes=size)
        return [plain(bundle) for bundle in bundles]


def _fault(scope: Scope, event: Plain) -> CommsArchiveError:
    if "network" in event:
        return Retriable(event["network"])
    if "fatal" in event:
        return Fatal(event["fatal"])
    missing = f": {', '.join(event['missing'])}" if event["missing"] else ""
    return Fatal(
        f"{scope.connector.name} {scope.run.day}: the export is incomplete at the deadline: "
        f"{event['late']}{missing}. Ask the source to deliver and clear this task; "
        "if days without files are normal, set `collect.allow_missing: true`"
    )
