"""What Airflow knows of connectors and connections, and the runs that we ask it for.

Beside `keys` the only file that touches Airflow's models, which are no stable interface (3.3). It works where
they may be used: in the web server.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from airflow.api.common.trigger_dag import trigger_dag
from airflow.exceptions import (  # type: ignore[attr-defined]
    AirflowException,
    AirflowNotFoundException,
    DagRunAlreadyExists,
    ParamValidationError,
)
from airflow.models.backfill import NoBackfillRunsToCreate, ReprocessBehavior, _create_backfill
from airflow.models.connection import Connection as AirflowConnection
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.secrets.environment_variables import CONN_ENV_PREFIX
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType
from cryptography.fernet import InvalidToken
from sqlalchemy import or_, select

from commsarchive_airflow.connections import told
from include.commsarchive.connector import Connector
from include.commsarchive.control.feed import ActiveRun, Feed
from include.commsarchive.day import business_day
from include.commsarchive.doors import Connection
from include.commsarchive.errors import CommsArchiveError, Fatal

REPLAY, REHEARSAL, VERIFICATION = "replay", "rehearsal", "verification"
"""DAGs that are run on request."""

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


@dataclass(frozen=True, slots=True)
class Asked:
    """A run, or a backfill of several, that Airflow was asked for.

    ``paused`` says that it waits until its DAG is unpaused; ``created`` is False when it was there before.
    """

    dag_id: str
    run_id: str
    state: str
    paused: bool
    created: bool


class Unknown(CommsArchiveError):
    """Airflow has not read this DAG (yet)."""


class Impossible(CommsArchiveError):
    """Airflow refuses the run; the text says why."""


def trigger(dag_id: str, run_id: str, asked: Mapping[str, Any], who: str, *, unpause: bool = False) -> Asked:
    """Ask for a run; the same ``run_id`` again gives the run that is there.

    Raises:
        Unknown: Airflow does not know the DAG.
        Impossible: the parameters are not what the DAG takes.
    """
    paused = _paused(dag_id)
    try:
        run = trigger_dag(
            dag_id,
            triggered_by=DagRunTriggeredByType.REST_API,
            triggering_user_name=who,
            run_id=run_id,
            conf=dict(asked),
        )
        created = True
    except DagRunAlreadyExists as error:
        run, created = error.dag_run, False
    except AirflowNotFoundException as error:
        raise _unknown(dag_id) from error
    except (ParamValidationError, ValueError) as error:
        raise Impossible(f"Airflow refuses a run of {dag_id}: {error}") from error
    if run is None:
        raise _unknown(dag_id)
    if paused and unpause:
        pause(dag_id, paused=False)
    return Asked(dag_id, run.run_id, str(run.state), paused and not unpause, created)


def backfill(
    connector: Connector, days: tuple[dt.date, dt.date], again: ReprocessBehavior, who: str
) -> Asked:
    """Ask for a run of each of these business days, both included, one after the other, in order.

    Raises:
        Unknown: Airflow does not know the DAG.
        Impossible: another backfill is under way, or none of the days is over and in the schedule.
    """
    zone = ZoneInfo(connector.schedule.timezone)
    paused = _paused(connector.name)
    try:
        made = _create_backfill(
            dag_id=connector.name,
            from_date=dt.datetime.combine(days[0], dt.time.min, zone),
            to_date=dt.datetime.combine(days[1], dt.time.max, zone),
            max_active_runs=1,
            reverse=False,
            dag_run_conf={},
            triggering_user_name=who,
            reprocess_behavior=again,
            run_on_latest_version=True,
        )
    except AirflowNotFoundException as error:
        raise _unknown(connector.name) from error
    except (AirflowException, NoBackfillRunsToCreate) as error:
        raise Impossible(f"Airflow refuses the backfill: {error}") from error
    return Asked(connector.name, f"backfill {made.id}", "queued", paused, created=True)


def known_connections() -> list[Connection]:
    """List the connections in Airflow's database and environment, by name; secrets backends list nothing.

    One that cannot be read (another Fernet key, no JSON) is left out.
    """
    with create_session() as session:
        names = set(session.scalars(select(AirflowConnection.conn_id)))
    own = (name.removeprefix(CONN_ENV_PREFIX) for name in os.environ if name.startswith(CONN_ENV_PREFIX))
    found = []
    for name in sorted({*names, *map(str.lower, own)}):
        with suppress(AirflowException, InvalidToken, ValueError):
            found.append(told(AirflowConnection.get_connection_from_secrets(name)))
    return found


def under_way(connector: str) -> list[str]:
    """Name the runs of a connector that are queued or running: its own, its replays and rehearsals."""
    with create_session() as session:
        chosen = select(DagRun.dag_id, DagRun.run_id, DagRun.conf).where(
            DagRun.dag_id.in_((connector, REPLAY, REHEARSAL)), DagRun.state.in_(_ACTIVE)
        )
        runs = session.execute(chosen.order_by(DagRun.id)).all()
    return [run.run_id for run in runs if run.dag_id == connector] + [
        f"{run.dag_id} {run.run_id}"
        for run in runs
        if isinstance(run.conf, dict) and run.conf.get("connector") == connector
    ]


def pause(dag_id: str, *, paused: bool) -> bool:
    """Pause or unpause a DAG; say whether it was otherwise before.

    Raises:
        Unknown: Airflow does not know it.
    """
    with create_session() as session:
        dag = session.get(DagModel, dag_id)
        if dag is None or dag.is_stale:
            raise _unknown(dag_id)
        changed = bool(dag.is_paused) is not paused
        dag.is_paused = paused
        return changed


def _paused(dag_id: str) -> bool:
    with create_session() as session:
        chosen = select(DagModel.is_paused).where(DagModel.dag_id == dag_id, DagModel.is_stale.is_(False))
        paused = session.scalar(chosen)
    if paused is None:
        raise _unknown(dag_id)
    return bool(paused)


def _unknown(dag_id: str) -> Unknown:
    return Unknown(f"Airflow does not know the DAG {dag_id}: it has not read it yet, or could not")
