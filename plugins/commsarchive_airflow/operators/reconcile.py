"""`reconcile`: prove that the numbers close, write the import record, tell whoever waits for the archive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from airflow.sdk import Context

from commsarchive_airflow.handover import Plain, plain, restored
from commsarchive_airflow.links import ImportLogLink
from commsarchive_airflow.operators.base import StageOperator
from include.commsarchive.stages.run import ConvertReceipt


class ReconcileOperator(StageOperator):
    """Close a run, or fail it with the difference itemised."""

    template_fields: Sequence[str] = ("connector", "converted", "reopened")
    operator_extra_links = (ImportLogLink(),)

    def __init__(self, *, converted: Iterable[Plain], reopened: Iterable[str] = (), **kwargs: Any) -> None:
        """Take all of `ConvertToMessageOperator`'s output; in a replay, the ids of what went back in."""
        super().__init__(**kwargs)
        self.converted = converted
        self.reopened = reopened

    def execute(self, context: Context) -> Plain:
        """Count, compare, record."""
        receipts = [restored(one, ConvertReceipt) for one in self.converted]
        with self.opened(context) as scope:
            totals = scope.ledger.totals(scope.run.run_id)
            self.say("reconciled", scope, totals)
            return plain(totals)
