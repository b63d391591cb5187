"""`ingest`: file one partition's copies into the mailboxes, exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from commsarchive_airflow.connections import mailbox
from commsarchive_airflow.handover import Handed, Plain, plain
from commsarchive_airflow.operators.base import StageOperator


class IngestOperator(StageOperator):
    """File the copies of one plan. A retry after any failure goes on where the last try ended."""

    template_fields: Sequence[str] = ("connector", "plan")

    def __init__(self, *, plan: Handed, **kwargs: Any) -> None:
        """Take one element of `MapUsersOperator`'s output."""
        super().__init__(**kwargs)
        self.plan = plan

    def execute(self, context: Context) -> Plain:
        """Deliver."""
        from include.commsarchive.stages.deliver import deliver

        with self.opened(context) as scope:
            receipt = deliver(scope, self.plan, mailbox(scope.connector))
            self.say("ingested", scope, receipt, plan=self.plan)
            return plain(receipt)
