"""The only place that knows Airflow: operators, the connector's DAG, wiring, web."""
