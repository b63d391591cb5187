"""Looks after the archive once a day: purges staging, watches keys, finds silent feeds, verifies the ledger.

Warnings are lines in the task logs. It fails when the ledger does not verify.
"""

import datetime as dt

from airflow.sdk import DAG, CronTriggerTimetable
from commsarchive_airflow.catalogue import catalogue
from commsarchive_airflow.connector_dag import RETRIES
from commsarchive_airflow.operators.upkeep import (
    CheckKeysOperator,
    FindSilentFeedsOperator,
    PurgeStagingOperator,
    VerifyLedgerOperator,
)

with DAG(
    "upkeep",
    dag_display_name="Upkeep of the archive",
    doc_md=__doc__,
    tags={"commsarchive"},
    schedule=CronTriggerTimetable("30 12 * * *", timezone="UTC"),
    start_date=dt.datetime(1990, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "compliance", "retries": RETRIES},
):
    VerifyLedgerOperator(task_id="verify_ledger")
    FindSilentFeedsOperator(task_id="find_silent_feeds")
    CheckKeysOperator.partial(task_id="check_keys", map_index_template="{{ task.connector }}").expand(
        connector=sorted(catalogue().connectors)
    )
    PurgeStagingOperator(task_id="purge_staging")
