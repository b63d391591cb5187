"""`reconcile`: prove that the numbers close, write the import record, tell whoever waits for the archive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from airflow.sdk import Context

from commsarchive_airflow.handover import Handed, Plain, all_restored, restored
from commsarchive_airflow.links import ImportLogLink
from commsarchive_airflow.operators.base import StageOperator
from include.commsarchive.stages.run import ConvertReceipt, MapReceipt

COUNTS = (
    "found",
    "archived",
    "duplicate",
    "excluded",
    "quarantined",
    "unmapped",
    "partial",
    "deliveries_planned",
    "deliveries_made",
    "deliveries_duplicate",
    "deliveries_failed",
    "files",
)
"""What the asset event says of a run."""


class ReconcileOperator(StageOperator):
    """Close a run with its import record, or fail it with the difference itemised.

    ``mapped`` is `MapUsersOperator`'s second output, ``RECEIPT``; ``reopened``, in a replay,
    `ReopenOperator`'s second output, ``HELD``. The task's outlets get an event with the counts.
    """

    template_fields: Sequence[str] = ("connector", "converted", "mapped", "ingested", "reopened")
    operator_extra_links = (ImportLogLink(),)

    def __init__(
        self, *, converted: Handed, mapped: Handed, ingested: Handed, reopened: Handed = (), **kwargs: Any
    ) -> None:
        """Take all output of the three operators before this one."""
        super().__init__(**kwargs)
        self.converted, self.mapped, self.ingested, self.reopened = converted, mapped, ingested, reopened

    def execute(self, context: Context) -> Plain:
        """Count, compare, record."""
        from include.commsarchive.stages.ingest import IngestReceipt
        from include.commsarchive.stages.reconcile import reconcile
        from include.commsarchive.stages.replay import resolve

        with self.opened(context) as scope:
            converted = all_restored(self.converted, ConvertReceipt)
            record = reconcile(
                scope.run,
                scope.ledger,
                converted,
                restored(self.mapped, MapReceipt),
                all_restored(self.ingested, IngestReceipt),
            )
            resolved = resolve(scope, converted, self.reopened)
            counts = {name: record.body[name] for name in COUNTS}
            self.say("closed", scope, counts, resolved=resolved, record=record.seq, hash=record.hash)
            _warn(self.task_id, counts)
        for outlet in self.outlets:
            context["outlet_events"][outlet].extra = {"day": scope.run.day.isoformat(), **counts}
        return counts


def _warn(task_id: str, counts: Mapping[str, int]) -> None:
    """Say in a line of its own what a person should look at."""
    for name, what, remedy in (
        ("quarantined", "items were set aside", "the page Quarantine says why, docs/failures.md what to do"),
        ("unmapped", "items map to nobody", "mend the mapping, then run the DAG `replay`"),
        ("partial", "items lack an attachment", "ask the source for the files that the import log names"),
    ):
        if counts[name]:
            structlog.get_logger(task_id).warning(what, number=counts[name], remedy=remedy)
