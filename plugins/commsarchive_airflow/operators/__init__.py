"""The operators that every connector's DAG is made of; import them from here for a DAG of your own.

Each imports its stage when it runs: every task of every DAG imports all of this.
"""

from commsarchive_airflow.operators.convert import ConvertToMessageOperator
from commsarchive_airflow.operators.decrypt import DecryptOperator
from commsarchive_airflow.operators.ingest import IngestOperator
from commsarchive_airflow.operators.map_users import MapUsersOperator
from commsarchive_airflow.operators.reconcile import ReconcileOperator
from commsarchive_airflow.operators.rehearse import RehearseOperator
from commsarchive_airflow.operators.reopen import ReopenOperator
from commsarchive_airflow.operators.sftp_sensor import SFTPSensor

__all__ = [
    "ConvertToMessageOperator",
    "DecryptOperator",
    "IngestOperator",
    "MapUsersOperator",
    "ReconcileOperator",
    "RehearseOperator",
    "ReopenOperator",
    "SFTPSensor",
]
