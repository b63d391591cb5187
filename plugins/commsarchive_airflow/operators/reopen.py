"""`replay`: what was set aside goes back in, as a run of its own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from commsarchive_airflow.connections import decryptor
from commsarchive_airflow.handover import Plain, plain
from commsarchive_airflow.operators.base import StageOperator
from include.commsarchive.errors import Fatal

HELD = "held"
"""XCom key of the ids of what went back in, for `ReconcileOperator`."""


class ReopenOperator(StageOperator):
    """Take what was set aside on these days (both included) back in, at the stage that set it aside.

    ``which`` is ``all``, ``quarantined`` or ``unmapped``; ``only`` lists ids of held things, separated by
    commas, empty for all. The receipt is one for `MapUsersOperator`.
    """

    template_fields: Sequence[str] = ("connector", "first", "last", "which", "only")
    kind = "replay"

    def __init__(self, *, first: str, last: str, which: str = "all", only: str = "", **kwargs: Any) -> None:
        """Take ISO days and what to replay."""
        super().__init__(**kwargs)
        self.first, self.last, self.which, self.only = first, last, which, only

    def execute(self, context: Context) -> Plain:
        """Decrypt and convert held bundles anew; take held items as they are."""
        from include.commsarchive.stages.replay import reopen

        with self.opened(context) as scope, decryptor(scope.connector) as keys:
            days = dt.date.fromisoformat(self.first), dt.date.fromisoformat(self.last)
            if days[0] > days[1]:
                raise Fatal(f"replay: the first day {days[0]} comes after the last, {days[1]}. Swap them")
            done = reopen(scope, days, self.which, keys, set(filter(None, self.only.split(","))))
            self.say("reopened", scope, done.receipt, taken_up=len(done.held_ids))
            context["ti"].xcom_push(HELD, list(done.held_ids))
            return plain(done.receipt)
