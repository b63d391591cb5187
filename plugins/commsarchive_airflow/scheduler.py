"""What Airflow's scheduler knows of connectors, and the runs that we ask it for.

The only file that touches Airflow's models, which are no stable interface (3.3). It works where they may be
used: in the web server.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from sqlalchemy import or_, select

from include.commsarchive.connector import Connector
from include.commsarchive.control.feed import ActiveRun, Feed
from include.commsarchive.day import business_day
from include.commsarchive.errors import Fatal

_ACTIVE = (DagRunState.QUEUED, DagRunState.RUNNING)
_LOOK_BACK = dt.timedelta(days=60)
_RUN = (
    DagRun.dag_id,
    DagRun.run_id,
    DagRun.state,
    DagRun.conf,
    DagRun.partition_key,
    DagRun.data_interval_start,
    DagRun.run_after,
    DagRun.start_date,
)


def feeds(connectors: Mapping[str, Connector]) -> dict[str, Feed]:
    """Give the facts of each connector, in two queries."""
    with create_session() as session:
        known = session.execute(
            select(DagModel.dag_id, DagModel.is_paused, DagModel.next_dagrun_create_after).where(
                DagModel.dag_id.in_(connectors), DagModel.is_stale.is_(False)
            )
        ).all()
        since = dt.datetime.now(dt.UTC) - _LOOK_BACK
        recent_failure = (DagRun.state == DagRunState.FAILED) & (DagRun.run_after >= since)
        runs = session.execute(
            select(*_RUN)
            .where(DagRun.dag_id.in_(connectors), or_(DagRun.state.in_(_ACTIVE), recent_failure))
            .order_by(DagRun.id)
        ).all()
    active: dict[str, list[ActiveRun]] = {}
    failed: dict[str, dict[dt.date, str]] = {}
    for run in runs:
        day = _day(run, connectors[run.dag_id])
        if day is None:
            continue
        if run.state == DagRunState.FAILED:
            failed.setdefault(run.dag_id, {})[day] = run.run_id
        else:
            since = run.start_date or run.run_after
            active.setdefault(run.dag_id, []).append(ActiveRun(run.run_id, day, str(run.state), since))
    return {
        dag.dag_id: Feed(
            known=True,
            paused=bool(dag.is_paused),
            next_run=dag.next_dagrun_create_after,
            active=tuple(active.get(dag.dag_id, ())),
            failed=failed.get(dag.dag_id, {}),
        )
        for dag in known
    }


def _day(run: Any, connector: Connector) -> dt.date | None:
    asked = (run.conf or {}).get("day") if isinstance(run.conf, dict) else None
    try:
        zone = connector.schedule.timezone
        return business_day(asked, run.partition_key, run.data_interval_start, run.run_after, zone)
    except Fatal:
        return None


def known_dags(dag_ids: Collection[str]) -> set[str]:
    """Tell which of these DAGs Airflow knows."""
    with create_session() as session:
        chosen = select(DagModel.dag_id).where(DagModel.dag_id.in_(dag_ids), DagModel.is_stale.is_(False))
        return set(session.scalars(chosen))
