"""`map_users`: whose mailboxes get a copy of each item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import structlog
from airflow.sdk import Context

from commsarchive_airflow.connections import directory, mailboxes
from commsarchive_airflow.handover import Handed, all_restored, plain
from commsarchive_airflow.operators.base import StageOperator
from include.commsarchive.stages.run import ConvertReceipt

RECEIPT = "receipt"
"""XCom key of the counts; the return value is the list of plans, because tasks are mapped over it."""


class MapUsersOperator(StageOperator):
    """Decide who gets copies of the items of all bundles; give one plan for each partition of mailboxes."""

    template_fields: Sequence[str] = ("connector", "converted")

    def __init__(self, *, converted: Handed, **kwargs: Any) -> None:
        """Take all of `ConvertToMessageOperator`'s output."""
        super().__init__(**kwargs)
        self.converted = converted

    def execute(self, context: Context) -> list[str]:
        """Put the mapping in force, plan, record."""
        from include.commsarchive.stages.map_users import map_users
        from include.commsarchive.stages.mapping import keep_definition, mapping_in_force
        from include.commsarchive.stages.recover import recover

        receipts = all_restored(self.converted, ConvertReceipt)
        with self.opened(context) as scope, mailboxes(scope.connector) as places:
            # What an earlier try sent is settled first: the new plan may not hold it.
            recover(scope.ledger, places, scope.run.run_id)
            rules = mapping_in_force(scope.connector, scope.ledger, directory(scope.connector))
            for problem in rules.problems:
                structlog.get_logger(self.task_id).warning("mapping not taken over", problem=problem)
            shards = [shard for one in receipts for shard in one.shards]
            receipt = map_users(scope, shards, rules.resolver, places)
            self.say("mapped", scope, receipt)
            kept = keep_definition(scope.connector, scope.ledger)
            receipt = replace(receipt, versions=dict(rules.versions) | {"connector": kept})
            context["ti"].xcom_push(RECEIPT, plain(receipt))
            return receipt.plans
