"""Verifies the evidence when somebody asks: the ledger whole, and copies in their mailboxes.

Trigger it with its form, or from the page Verification, which shows what it found. It fails when anything was
changed. The DAG `upkeep` does the same every day with a sample.
"""

from airflow.sdk import DAG, Param
from commsarchive_airflow.connector_dag import RETRIES
from commsarchive_airflow.operators.upkeep import VerifyLedgerOperator

with DAG(
    "verification",
    dag_display_name="Verify the evidence",
    doc_md=__doc__,
    tags={"commsarchive"},
    schedule=None,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={"owner": "compliance", "retries": RETRIES},
    params={
        "connector": Param(
            None,
            type=["null", "string"],
            title="Connector",
            description="whose copies to look up; empty for all. The ledger is one for all connectors",
        ),
        "extent": Param(
            "sample",
            type="string",
            enum=["none", "sample", "all"],
            title="Copies",
            description="which copies to look up in their mailboxes",
        ),
    },
):
    VerifyLedgerOperator(
        task_id="verify", connector="{{ params.connector or '' }}", extent="{{ params.extent }}"
    )
