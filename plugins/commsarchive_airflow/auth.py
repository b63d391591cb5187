"""Who may see and do what. The only file that touches Airflow's unstable auth internals (3.3).

Airflow guards nothing that a plugin serves: each route of ours must ask for one of these.

* who reads a connector is who may read its DAG in Airflow;
* who operates it (runs, backfills, replays) is who may trigger its DAG in Airflow;
* who administers connectors is named in ``COMMSARCHIVE_ADMINS`` (default: Airflow's role of that name);
* who opens message content is named in ``COMMSARCHIVE_COMPLIANCE`` (default: nobody, not even an admin).

The last two are lists of user names and of roles, as ``ann,role:Compliance``, on top of being a reader.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag

User = BaseUser

ADMINS = "COMMSARCHIVE_ADMINS"
COMPLIANCE = "COMMSARCHIVE_COMPLIANCE"
_DEFAULTS = {ADMINS: "role:admin"}

signed_in = get_user
"""Dependency: refuses a caller without a valid token (401)."""

may_read_logs = requires_access_dag("GET", DagAccessEntity.TASK_LOGS)
"""Dependency of routes with a ``dag_id``: refuses who may not read that DAG's logs (403)."""


def login(user: User) -> str:
    """Give the name by which people know a user."""
    return user.get_name()


def readable(user: User, names: Collection[str]) -> set[str]:
    """Give those of these DAGs that a user may read."""
    return set(get_auth_manager().filter_authorized_dag_ids(dag_ids=set(names), user=user, method="GET"))


def may_trigger(user: User, name: str) -> bool:
    """Tell whether a user may trigger runs of a DAG."""
    manager = get_auth_manager()
    details = DagDetails(id=name)
    entity = DagAccessEntity.RUN
    return manager.is_authorized_dag(method="POST", access_entity=entity, details=details, user=user)


def is_named(user: User, setting: str) -> bool:
    """Tell whether a setting names a user, or one of the user's roles; capitals do not matter in roles."""
    listed = {part.strip() for part in os.environ.get(setting, _DEFAULTS.get(setting, "")).split(",")}
    roles = {part[5:].strip().casefold() for part in listed if part.startswith("role:")}
    return login(user) in listed or not roles.isdisjoint(_roles(user))


def _roles(user: Any) -> set[str]:
    """Name a user's roles: Airflow's simple users have one, those of its FAB manager several."""
    found = getattr(user, "roles", None) or [getattr(user, "role", None)]
    return {str(getattr(role, "name", role)).casefold() for role in found if role}
