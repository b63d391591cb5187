"""A dry run: takes one day of one connector up to the wire and files nothing.

Trigger it with its form. The task's log says what would be filed where, in counts, and names the list of all
copies (CSV, for the administrator alone: it names mailboxes).
"""

from airflow.sdk import DAG, Param
from commsarchive_airflow.catalogue import catalogue
from commsarchive_airflow.connector_dag import RETRIES
from commsarchive_airflow.operators import RehearseOperator

with DAG(
    "rehearsal",
    dag_display_name="Rehearse a day (dry run)",
    doc_md=__doc__,
    tags={"commsarchive"},
    schedule=None,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={"owner": "compliance", "retries": RETRIES},
    params={
        "connector": Param(None, type="string", title="Connector", enum=sorted(catalogue().connectors)),
        "day": Param(None, type="string", format="date", title="Business day"),
    },
):
    RehearseOperator(task_id="rehearse", connector="{{ params.connector }}", day="{{ params.day }}")
