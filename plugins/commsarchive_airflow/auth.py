"""Who may see what. The only file that touches Airflow's unstable auth internals (3.3).

Airflow guards nothing that a plugin serves: each route of ours must ask for one of these.
"""

from __future__ import annotations

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag

signed_in = get_user
"""Dependency: refuses a caller without a valid token (401)."""

may_read_logs = requires_access_dag("GET", DagAccessEntity.TASK_LOGS)
"""Dependency of routes with a ``dag_id``: refuses who may not read that DAG's logs (403)."""
