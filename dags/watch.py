"""Watches the archive every hour, so that nothing fails silently.

A run that failed or does not close, a day that is late, a feed or a person much quieter than usual, people
without a mailbox, quarantine, a day that the source will soon delete: each is one alert, told once to whom
`COMMSARCHIVE_ALERTS` names, and clears by itself when mended. Keys, the ledger's proof and the daily message
are the DAG `upkeep`'s. Read docs/operations.md, "Alerts".
"""

import datetime as dt

from airflow.sdk import DAG, CronTriggerTimetable
from commsarchive_airflow.connector_dag import RETRIES
from commsarchive_airflow.operators.watch import WatchOperator

with DAG(
    "watch",
    dag_display_name="Watch of the archive",
    doc_md=__doc__,
    tags={"commsarchive"},
    schedule=CronTriggerTimetable("10 * * * *", timezone="UTC"),
    start_date=dt.datetime(1990, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={"owner": "compliance", "retries": RETRIES},
):
    WatchOperator(task_id="look")
