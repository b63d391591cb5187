"""What all our operators have in common: a connector, an open run, one log line."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import structlog
from airflow.sdk import BaseOperator, Context

from commsarchive_airflow.catalogue import find_connector
from commsarchive_airflow.handover import plain
from commsarchive_airflow.outcome import HonourRetryAfter, explained
from commsarchive_airflow.wiring import open_scope, run_of
from include.commsarchive.stages.run import Scope


class StageOperator(BaseOperator):
    """One stage of one connector. ``connector`` is its name, a template."""

    template_fields: Sequence[str] = ("connector",)
    kind = ""
    """What to record the run as; empty: what Airflow says it is."""

    def __init__(self, *, connector: str, **kwargs: Any) -> None:
        """Keep the connector's name; errors are retried as the other side asks."""
        kwargs.setdefault("retry_policy", HonourRetryAfter())
        super().__init__(**kwargs)
        self.connector = connector
        self._started = 0.0

    @contextmanager
    def opened(self, context: Context) -> Iterator[Scope]:
        """Open the run of this task; errors of ours leave in Airflow's words.

        Raises:
            AirflowFailException: a person must mend something.
            Retriable: the outside world failed.
        """
        self._started = time.perf_counter()
        with explained():
            connector = find_connector(self.connector)
            run = run_of(connector, context)
            with open_scope(connector, replace(run, kind=self.kind or run.kind)) as scope:
                yield scope

    def say(
        self, done: str, scope: Scope, receipt: object = None, *, warn: bool = False, **facts: Any
    ) -> None:
        """Log what this step did: counts, file names, hashes and its duration, never content or people."""
        log = structlog.get_logger(self.task_id)
        (log.warning if warn else log.info)(
            done,
            connector=scope.connector.name,
            day=scope.run.day.isoformat(),
            **{name: fact for name, fact in plain(receipt or {}).items() if fact not in ("", [])},
            **facts,
            seconds=round(time.perf_counter() - self._started, 3),
        )
        self._started = time.perf_counter()
