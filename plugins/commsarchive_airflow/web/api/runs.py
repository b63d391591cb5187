"""What an operator asks of a connector: archive days, replay what was set aside, rehearse a day, pause."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Literal, Self

from airflow.models.backfill import ReprocessBehavior
from fastapi import APIRouter, Header
from pydantic import BaseModel, ConfigDict, Field, model_validator

from commsarchive_airflow import auth, scheduler
from commsarchive_airflow.scheduler import REHEARSAL, REPLAY, Asked
from commsarchive_airflow.web.api.connectors import find_in_use
from commsarchive_airflow.web.api.content import find_held
from commsarchive_airflow.web.api.refusal import PROBLEMS, Refusal
from commsarchive_airflow.web.api.rights import AdminOf, Caller, Name, Operator
from include.commsarchive.ids import digest

router = APIRouter(tags=["runs"], responses=PROBLEMS)

Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key", max_length=200, description="the same key again gives the run that is there"
    ),
]
_AGAIN = {
    "missing": ReprocessBehavior.NONE,
    "failed": ReprocessBehavior.FAILED,
    "all": ReprocessBehavior.COMPLETED,
}


class _Asking(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DaysAsked(_Asking):
    """Business days, both ends included."""

    first: dt.date
    last: dt.date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first > self.last:
            raise ValueError("`first` comes after `last`; swap them")
        return self


class RunAsked(DaysAsked):
    """Days to archive: one is a run of its own, several are a backfill."""

    again: Literal["missing", "failed", "all"] = Field(
        default="failed",
        description="of several days: those without a run; also those whose run failed; all of them",
    )


class ReplayAsked(DaysAsked):
    """What to replay of these days of exports."""

    which: Literal["all", "quarantined", "unmapped"] = "all"
    only: list[str] = Field(
        default=[], max_length=1000, description="ids of what was set aside; empty: all of it"
    )


class RehearsalAsked(_Asking):
    """A business day to take up to the wire."""

    day: dt.date


class ActivationAsked(_Asking):
    """Whether the connector's DAG runs by its schedule."""

    active: bool


@router.post("/connectors/{name}/runs", status_code=202)
def archive_days(name: Name, asked: RunAsked, who: Operator, key: Key = "") -> Asked:
    """Archive a day, or several in order. What was archived before is recognised and not filed again."""
    connector = find_in_use(name)
    days = (asked.first, asked.last)
    with audited(who, "archive-days", name, span_of(days), again=asked.again):
        if asked.first == asked.last:
            conf = {"day": asked.first.isoformat()}
            return scheduler.trigger(name, run_id_of(who, key, name, conf), conf, who.name)
        return scheduler.backfill(connector, days, _AGAIN[asked.again], who.name)


@router.post("/connectors/{name}/replay", status_code=202)
def replay(name: Name, asked: ReplayAsked, who: Operator, key: Key = "") -> Asked:
    """Take what was set aside back in, at its stage."""
    find_in_use(name)
    _may_trigger(who, REPLAY)
    for held_id in asked.only:
        find_held(name, held_id)
    days = (asked.first, asked.last)
    conf = {"connector": name, **asked.model_dump(mode="json")}
    with audited(who, "replay", name, span_of(days), which=asked.which, only=asked.only):
        return scheduler.trigger(REPLAY, run_id_of(who, key, REPLAY, conf), conf, who.name, unpause=True)


@router.post("/connectors/{name}/rehearsals", status_code=202)
def rehearse(name: Name, asked: RehearsalAsked, who: Operator, key: Key = "") -> Asked:
    """Take a day up to the wire and file nothing; the counts are in the log of the run."""
    find_in_use(name)
    _may_trigger(who, REHEARSAL)
    conf = {"connector": name, "day": asked.day.isoformat()}
    with audited(who, "rehearse", name, conf["day"]):
        return scheduler.trigger(
            REHEARSAL, run_id_of(who, key, REHEARSAL, conf), conf, who.name, unpause=True
        )


@router.post("/connectors/{name}/activation", status_code=204)
def activate(name: Name, asked: ActivationAsked, who: AdminOf) -> None:
    """Let the connector run by its schedule, or pause it. Missed days are caught up, if it says so."""
    find_in_use(name)
    with audited(who, "activate" if asked.active else "pause", name):
        scheduler.pause(name, paused=not asked.active)


@contextmanager
def audited(who: Caller, what: str, name: str, thing: str = "", **detail: Any) -> Iterator[dict[str, Any]]:
    """Keep in the trail what is asked before it is done, and how it ended, with what the caller adds.

    The caller may add another ``outcome`` than ``done``.
    """
    who.note(what, name, thing, "asked", **detail)
    done: dict[str, Any] = {}
    try:
        yield done
    except Exception as error:
        who.note(what, name, thing, "failed")
        if isinstance(error, scheduler.Unknown):
            raise Refusal(
                409, "not-loaded", str(error), "Wait a minute, then look at Airflow's import errors"
            ) from error
        if isinstance(error, scheduler.Impossible):
            raise Refusal(
                409, "not-possible", str(error), "Wait for the other, or ask for other days"
            ) from error
        raise
    who.note(what, name, thing, **done)


def _may_trigger(who: Caller, dag_id: str) -> None:
    if not auth.may_trigger(who.user, dag_id):
        raise Refusal(
            403, "not-allowed", f"you may not trigger {dag_id}", "Ask for that permission in Airflow"
        )


def run_id_of(who: Caller, key: str, dag_id: str, conf: Mapping[str, Any]) -> str:
    """Name a run; the same key of the same caller for the same thing names the same run."""
    if not key:
        return f"api__{uuid.uuid4()}"
    return f"api__{digest(who.name, key, dag_id, *map(str, sorted(conf.items())))}"


def span_of(days: tuple[dt.date, dt.date]) -> str:
    """Name the days that an act in the trail is about."""
    return f"{days[0]} to {days[1]}" if days[0] != days[1] else str(days[0])
