"""The composition root: a connector's name and Airflow's context in, a run with its rooms open out."""

from __future__ import annotations

import datetime as dt
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from airflow.sdk import Context, ObjectStoragePath
from upath import UPath

from commsarchive_airflow.connections import airflow_home, ledger_url
from include.commsarchive.connector import Connector
from include.commsarchive.day import business_day
from include.commsarchive.errors import Fatal
from include.commsarchive.ledger.base import Run
from include.commsarchive.ledger.sql import connect
from include.commsarchive.profile import source_of
from include.commsarchive.stages.run import Scope
from include.commsarchive.staging.store import Staging


def staging() -> Staging:
    """Open staging: a folder or `ObjectStoragePath` URL in ``COMMSARCHIVE_STAGING``."""
    root = os.environ.get("COMMSARCHIVE_STAGING")
    return Staging(
        cast(UPath, ObjectStoragePath(root)) if root else airflow_home() / "commsarchive" / "staging"
    )


def day_of(connector: Connector, context: Context) -> dt.date:
    """Resolve the business day of a DAG run.

    Raises:
        Fatal: the day asked for is none.
    """
    run = context["dag_run"]
    return business_day(
        context["params"].get("day"),
        run.partition_key,
        run.data_interval_start,
        run.run_after,
        connector.schedule.timezone,
    )


def run_of(connector: Connector, context: Context) -> Run:
    """Describe a DAG run as the ledger knows it."""
    run = context["dag_run"]
    kind = run.run_type.value
    return Run(
        run_id=ledger_run_id(run.dag_id, run.run_id),
        connector=connector.name,
        day=day_of(connector, context),
        kind=kind if kind in ("scheduled", "backfill") else "manual",
        window_end=dt.datetime.now(dt.UTC),
    )


def ledger_run_id(dag_id: str, run_id: str) -> str:
    """Name a DAG run so that it is unique over all DAGs."""
    return f"{dag_id}/{run_id}"


@contextmanager
def open_scope(connector: Connector, run: Run) -> Iterator[Scope]:
    """Open a run with its rooms. The first task to do so freezes its day and window.

    Raises:
        Fatal: the DAG run archives another connector already, or the source is unknown.
        Retriable: the ledger cannot be reached.
    """
    with connect(ledger_url()) as ledger:
        frozen = ledger.open_run(run)
        if frozen.connector != connector.name:
            raise Fatal(
                f"run {run.run_id} archives {frozen.connector}. Archive {connector.name} in a DAG of its own"
            )
        rooms = staging()
        gc.freeze()  # the modules that are loaded stay: spare the collector looking through them again
        yield Scope(
            connector=connector,
            source=source_of(connector),
            run=frozen,
            folder=rooms.run(connector.name, frozen.run_id),
            held=rooms.held(connector.name),
            ledger=ledger,
        )
