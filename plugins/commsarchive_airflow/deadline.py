"""The alert for a day that was not archived in time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import structlog
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from include.commsarchive.connector import Connector


async def not_archived_in_time(
    connector: str, hours: float, context: Mapping[str, Any] | None = None
) -> None:
    """Log one clear line at ERROR, in the triggerer; Airflow's home page lists the missed deadline, too.

    Airflow calls this also for runs that failed, which tell of themselves, and for backfilled days,
    which are late by nature: both are passed over.
    """
    run = (context or {}).get("dag_run", {})
    if run.get("run_type") == "backfill" or run.get("state") == "failed":
        return
    structlog.get_logger("commsarchive.deadline").error(
        "day is not archived in time", connector=connector, run=run.get("dag_run_id"), deadline_hours=hours
    )


def deadline_of(connector: Connector) -> DeadlineAlert:
    """Alert when a run has not ended so many hours after it was due.

    Counted from when the run was queued: counted from the logical date, every backfilled day would
    alert at once, and a run without one never (measured on Airflow 3.3.2).
    """
    hours = connector.schedule.deadline_hours
    return DeadlineAlert(
        name="archived in time",
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=dt.timedelta(hours=hours),
        callback=AsyncCallback(not_archived_in_time, kwargs={"connector": connector.name, "hours": hours}),
    )
