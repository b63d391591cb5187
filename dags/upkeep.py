"""Looks after the archive once a day: verifies it, watches keys and passwords, purges staging.

It fails when the ledger does not verify. The last task tells whom `COMMSARCHIVE_ALERTS` names how every feed
stands, also when all is well: a day without that message means that nobody watches.
"""

import datetime as dt

from airflow.sdk import DAG, CronTriggerTimetable
from commsarchive_airflow.connector_dag import RETRIES
from commsarchive_airflow.operators.upkeep import PurgeStagingOperator, VerifyLedgerOperator
from commsarchive_airflow.operators.watch import CheckExpiryOperator, DailyOperator

with DAG(
    "upkeep",
    dag_display_name="Upkeep of the archive",
    doc_md=__doc__,
    tags={"commsarchive"},
    schedule=CronTriggerTimetable("30 12 * * *", timezone="UTC"),
    start_date=dt.datetime(1990, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={"owner": "compliance", "retries": RETRIES},
):
    verified = VerifyLedgerOperator(task_id="verify_ledger")
    expiry = CheckExpiryOperator(task_id="check_expiry")
    purged = PurgeStagingOperator(task_id="purge_staging")
    daily = DailyOperator(task_id="tell_how_it_stands", verified=verified.output, trigger_rule="all_done")
    [verified, expiry, purged] >> daily
