"""One DAG for each connector in include/connectors/. Wrong files are reported by connector_errors.py."""

from airflow.sdk import get_parsing_context
from commsarchive_airflow.catalogue import catalogue
from commsarchive_airflow.connector_dag import build_dag

wanted = get_parsing_context().dag_id  # a worker needs only the DAG of its task
found = catalogue()
for name, connector in found.connectors.items():
    if connector.schedule.cron and wanted in (None, name):
        globals()[name] = build_dag(connector, made_here=name in found.stored)
