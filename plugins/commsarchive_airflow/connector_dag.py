"""A connector as a DAG: read `build_dag` to see the whole pipeline."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, CronDataIntervalTimetable, Param

from commsarchive_airflow.deadline import deadline_of
from commsarchive_airflow.operators import (
    ConvertToMessageOperator,
    DecryptOperator,
    IngestOperator,
    MapUsersOperator,
    ReconcileOperator,
    SFTPSensor,
)
from include.commsarchive.connector import Connector

RETRIES = 3
"""Tries after the first; the pause between them is Airflow's ``[core] default_task_retry_delay``."""

UNLESS_FAILED = "none_failed"
"""A task mapped over nothing is skipped: what follows runs all the same, unless something failed."""

BUNDLE_NAME = "{{ task.bundle['bundle']['name'] }}"

DAY = Param(
    None,
    type=["null", "string"],
    format="date",
    title="Business day",
    description_md="Archive this day. Empty: the day on which the run's data interval starts.",
)

DOC = """
Archives **{connector.source}** from `{connector.collect.connection}` into `{connector.deliver.connection}`,
one business day a run, exactly once.

| task | does |
|---|---|
| wait_for_export | waits until the day's files are complete, at most {connector.collect.wait_minutes} minutes |
| decrypt | fetches, hashes and decrypts them, and checks who signed |
| convert | makes items of them; sets aside what cannot be read |
| map_users | finds out whose mailboxes get a copy |
| ingest | files the copies |
| reconcile | proves that the numbers close, and writes the import record |

* another day: Trigger, and fill in the day
* a range of days: Trigger, Backfill; end it on the day after the last
* what was set aside: the DAG `replay`
* the import log: the button on the details of `reconcile`
"""


def build_dag(connector: Connector) -> DAG:
    """Make the DAG of one connector."""
    name, schedule = connector.name, connector.schedule
    zone = ZoneInfo(schedule.timezone)
    with DAG(
        name,
        dag_display_name=connector.title or name,
        description=f"Archive {connector.source} into {connector.deliver.connection}",
        doc_md=DOC.format(connector=connector),
        tags={"commsarchive", connector.source},
        schedule=CronDataIntervalTimetable(schedule.cron, timezone=schedule.timezone),
        start_date=dt.datetime.combine(schedule.start, dt.time.min, zone),
        end_date=schedule.end and dt.datetime.combine(schedule.end, dt.time.max, zone),
        catchup=schedule.catchup,
        max_active_runs=1,
        params={"day": DAY},
        deadline=deadline_of(connector),
        default_args={"owner": connector.owner, "retries": RETRIES, "connector": name},
    ) as dag:
        wait = SFTPSensor(task_id="wait_for_export")
        decrypt = DecryptOperator.partial(task_id="decrypt", map_index_template=BUNDLE_NAME).expand(
            bundle=wait.output
        )
        convert = ConvertToMessageOperator.partial(task_id="convert", map_index_template=BUNDLE_NAME).expand(
            bundle=decrypt.output
        )
        mapped = MapUsersOperator(task_id="map_users", converted=convert.output, trigger_rule=UNLESS_FAILED)
        ingest = IngestOperator.partial(task_id="ingest", map_index_template="{{ task.plan }}").expand(
            plan=mapped.output
        )
        ReconcileOperator(
            task_id="reconcile", converted=convert.output, trigger_rule=UNLESS_FAILED
        ).set_upstream(ingest)
    return dag
