"""A connector as a DAG: read `build_dag` to see the whole pipeline."""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.sdk import DAG, Asset, Param, XComArg

from commsarchive_airflow.deadline import deadline_of
from commsarchive_airflow.operators import (
    ConvertToMessageOperator,
    DecryptOperator,
    IngestOperator,
    MapUsersOperator,
    ReconcileOperator,
    SFTPSensor,
)
from commsarchive_airflow.operators.map_users import RECEIPT
from commsarchive_airflow.timetable import FeedTimetable
from include.commsarchive.connector import Connector

RETRIES = 3
"""Tries after the first; the pause between them is Airflow's ``[core] default_task_retry_delay``."""

LONG_AGO = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)
"""Airflow wants a start to catch up from; the timetable knows the real one."""

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
Archives **{connector.source}** from `{connector.collect.connection}` into {destinations},
one business day a run, exactly once.

| task | does |
|---|---|
| wait_for_export | waits for the day's files, at most {connector.collect.wait_minutes} minutes |
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


class ConnectorDag(DAG):
    """A DAG with a deadline that can be tried with `dags test`."""

    def test(self, *args: Any, **kwargs: Any) -> Any:
        """Leave the deadline out: Airflow 3.3.2 fails on it at the end of a test run."""
        self.deadline = None
        return super().test(*args, **kwargs)


def build_dag(connector: Connector, *, made_here: bool = False) -> DAG:
    """Make the DAG of one connector. One made in the browser or over the API waits until it is activated."""
    name, schedule = connector.name, connector.schedule
    destinations = ", ".join(f"`{place.connection}`" for place in connector.deliver)
    with ConnectorDag(
        name,
        dag_display_name=connector.title or name,
        description=f"Archive {connector.source} into {destinations.replace('`', '')}",
        doc_md=DOC.format(connector=connector, destinations=destinations),
        tags={"commsarchive", connector.source},
        schedule=FeedTimetable(schedule.cron, schedule.timezone, schedule.start, schedule.end),
        start_date=LONG_AGO,
        catchup=schedule.catchup,
        max_active_runs=1,
        is_paused_upon_creation=True if made_here else None,
        params={"day": DAY},
        deadline=deadline_of(connector),
        default_args={"owner": connector.owner, "retries": RETRIES},
    ) as dag:
        wait = SFTPSensor(task_id="wait_for_export", connector=name)
        decrypt = DecryptOperator.partial(
            task_id="decrypt", connector=name, map_index_template=BUNDLE_NAME
        ).expand(bundle=wait.output)
        convert = ConvertToMessageOperator.partial(
            task_id="convert", connector=name, map_index_template=BUNDLE_NAME
        ).expand(bundle=decrypt.output)
        map_users = MapUsersOperator(
            task_id="map_users", connector=name, converted=convert.output, trigger_rule=UNLESS_FAILED
        )
        ingest = IngestOperator.partial(
            task_id="ingest", connector=name, map_index_template="{{ task.plan }}"
        ).expand(plan=map_users.output)
        ReconcileOperator(
            task_id="reconcile",
            connector=name,
            converted=convert.output,
            mapped=XComArg(map_users, RECEIPT),
            ingested=ingest.output,
            outlets=[Asset(name=f"archive/{name}")],
            trigger_rule=UNLESS_FAILED,
        )
    return dag
