"""Puts back in what was set aside: quarantined items at their stage, unmapped ones into mended mailboxes.

Trigger it with its form. The replay has an import record of its own; what was archived before is
recognised and not filed again.
"""

from airflow.sdk import DAG, Param, XComArg
from commsarchive_airflow.catalogue import catalogue
from commsarchive_airflow.connector_dag import RETRIES, UNLESS_FAILED
from commsarchive_airflow.operators import IngestOperator, MapUsersOperator, ReconcileOperator, ReopenOperator
from commsarchive_airflow.operators.map_users import RECEIPT
from commsarchive_airflow.operators.reopen import HELD

CONNECTOR = "{{ params.connector }}"

with DAG(
    "replay",
    dag_display_name="Replay what was set aside",
    doc_md=__doc__,
    tags={"commsarchive"},
    schedule=None,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={"owner": "compliance", "retries": RETRIES},
    params={
        "connector": Param(None, type="string", title="Connector", enum=sorted(catalogue().connectors)),
        "first": Param(None, type="string", format="date", title="First day", description="of the exports"),
        "last": Param(None, type="string", format="date", title="Last day", description="included"),
        "which": Param(
            "all",
            type="string",
            title="What",
            enum=["all", "quarantined", "unmapped"],
            values_display={
                "all": "everything that was set aside",
                "quarantined": "what could not be read or filed",
                "unmapped": "what had people without a mailbox",
            },
        ),
        "only": Param(
            [],
            type="array",
            items={"type": "string"},
            title="Only these",
            description="ids of what was set aside; empty: all of it",
        ),
    },
):
    reopen = ReopenOperator(
        task_id="reopen",
        connector=CONNECTOR,
        first="{{ params.first }}",
        last="{{ params.last }}",
        which="{{ params.which }}",
        only="{{ params.only | join(',') }}",
    )
    map_users = MapUsersOperator(task_id="map_users", connector=CONNECTOR, converted=[reopen.output])
    ingest = IngestOperator.partial(
        task_id="ingest", connector=CONNECTOR, map_index_template="{{ task.plan }}"
    ).expand(plan=map_users.output)
    ReconcileOperator(
        task_id="reconcile",
        connector=CONNECTOR,
        converted=[reopen.output],
        mapped=XComArg(map_users, RECEIPT),
        ingested=ingest.output,
        reopened=XComArg(reopen, HELD),
        trigger_rule=UNLESS_FAILED,
    )
