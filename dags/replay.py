"""Puts back in what was set aside: quarantined items at their stage, unmapped ones into mended mailboxes.

Trigger it with its form. The replay has an import record of its own; what was archived before is
recognised and not filed again.
"""

from airflow.sdk import DAG, Param
from commsarchive_airflow.catalogue import catalogue
from commsarchive_airflow.connector_dag import RETRIES
from commsarchive_airflow.operators import IngestOperator, MapUsersOperator, ReconcileOperator, ReopenOperator
from commsarchive_airflow.operators.reopen import HELD

CONNECTOR = "{{ params.connector }}"
DAY = {"type": "string", "format": "date"}

with DAG(
    "replay",
    dag_display_name="Replay what was set aside",
    doc_md=__doc__,
    tags={"commsarchive"},
    schedule=None,
    max_active_runs=1,
    default_args={"owner": "compliance", "retries": RETRIES, "connector": CONNECTOR},
    params={
        "connector": Param(None, type="string", title="Connector", enum=sorted(catalogue().connectors)),
        "first": Param(None, **DAY, title="First day", description_md="Business day of the export."),
        "last": Param(None, **DAY, title="Last day", description_md="Included."),
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
    },
):
    reopen = ReopenOperator(
        task_id="reopen",
        first="{{ params.first }}",
        last="{{ params.last }}",
        which="{{ params.which }}",
    )
    mapped = MapUsersOperator(task_id="map_users", converted=[reopen.output])
    ingest = IngestOperator.partial(task_id="ingest").expand(plan=mapped.output)
    ingest >> ReconcileOperator(
        task_id="reconcile",
        converted=[reopen.output],
        reopened=reopen.output[HELD],
        trigger_rule="none_failed",
    )
