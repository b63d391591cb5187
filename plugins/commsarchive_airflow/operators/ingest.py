"""`ingest`: file one partition's copies into the mailboxes, exactly once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import Context

from commsarchive_airflow.connections import mailbox
from commsarchive_airflow.handover import Handed, Plain, plain
from commsarchive_airflow.operators.base import StageOperator
from include.commsarchive.errors import Retriable


class IngestOperator(StageOperator):
    """File the copies of one plan. A retry after any failure goes on where the last try ended.

    When mailboxes ask for a long wait, the task leaves its worker and its tries alone and is resumed then.
    """

    template_fields: Sequence[str] = ("connector", "plan")

    def __init__(self, *, plan: Handed, **kwargs: Any) -> None:
        """Take one element of `MapUsersOperator`'s output."""
        super().__init__(**kwargs)
        self.plan = plan

    def execute(self, context: Context, event: Any = None) -> Plain:
        """Deliver."""
        from include.commsarchive.stages.deliver import deliver
        from include.commsarchive.stages.map_users import destination_of

        del event  # the wait is over, whatever ended it
        with self.opened(context) as scope, mailbox(destination_of(self.plan)) as place:
            try:
                receipt = deliver(scope, self.plan, place)
            except Retriable as error:
                if error.retry_after is None:
                    raise
                self.say("waits", scope, plan=self.plan, reason=str(error))
                pause = dt.timedelta(seconds=error.retry_after)
                self.defer(trigger=TimeDeltaTrigger(pause), method_name="execute")
            self.say("ingested", scope, receipt, plan=self.plan)
            return plain(receipt)
