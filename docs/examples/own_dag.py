"""A DAG of your own from the five operators: archive, but let somebody look at the numbers first.

Copy it to dags/. The operators hand each other receipts (counts, hashes, names), so that a task of yours
can stand between any two of them.
"""

import datetime as dt
from typing import Any

from airflow.sdk import DAG, Param, XComArg, task
from airflow.sdk.exceptions import AirflowFailException
from commsarchive_airflow.operators import (
    ConvertToMessageOperator,
    DecryptOperator,
    IngestOperator,
    MapUsersOperator,
    ReconcileOperator,
    SFTPSensor,
)
from commsarchive_airflow.operators.map_users import RECEIPT

CONNECTOR = "fixed_income_chat"  # its YAML file: own_connector.yaml
MOST_UNMAPPED = 10


@task
def look_at_the_numbers(receipt: dict[str, Any]) -> None:
    """Stop before anything is filed when suspiciously many items map to nobody."""
    if receipt["unmapped"] > MOST_UNMAPPED:
        raise AirflowFailException(f"{receipt['unmapped']} items map to nobody: look at the mapping file")


with DAG(
    "fixed_income_by_hand",
    schedule=None,
    start_date=dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
    max_active_runs=1,  # runs of one connector must not overlap
    params={"day": Param(None, type=["null", "string"], format="date", title="Business day")},
    default_args={"retries": 3},
):
    wait = SFTPSensor(task_id="wait_for_export", connector=CONNECTOR)
    decrypt = DecryptOperator.partial(task_id="decrypt", connector=CONNECTOR).expand(bundle=wait.output)
    convert = ConvertToMessageOperator.partial(task_id="convert", connector=CONNECTOR).expand(
        bundle=decrypt.output
    )
    map_users = MapUsersOperator(
        task_id="map_users", connector=CONNECTOR, converted=convert.output, trigger_rule="none_failed"
    )
    looked = look_at_the_numbers(XComArg(map_users, RECEIPT))  # type: ignore[arg-type]
    ingest = IngestOperator.partial(task_id="ingest", connector=CONNECTOR).expand(plan=map_users.output)
    looked >> ingest
    ReconcileOperator(
        task_id="reconcile",
        connector=CONNECTOR,
        converted=convert.output,
        mapped=XComArg(map_users, RECEIPT),
        ingested=ingest.output,
        trigger_rule="none_failed",  # an export without anything to file closes, too
    )
