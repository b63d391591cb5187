"""Connectors: what there is, how it stands, and how it is made and changed."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated

from fastapi import APIRouter, Query, Response

from commsarchive_airflow import scheduler
from commsarchive_airflow.catalogue import checked
from commsarchive_airflow.endings import tell
from commsarchive_airflow.web.api.definitions import (
    Definition,
    IfMatch,
    as_asked,
    check,
    file_of,
    refuse_files,
    refuse_running,
    same_version,
    shown,
    telling_stale,
    written,
)
from commsarchive_airflow.web.api.pages import After, First, Last, Limit, Page, cut
from commsarchive_airflow.web.api.refusal import CHANGES, PROBLEMS, Refusal, not_there
from commsarchive_airflow.web.api.rights import Admin, AdminOf, Anybody, Name, Reader
from commsarchive_airflow.web.book import book
from commsarchive_airflow.web.overview import Row, calendar, everything, rows, visible
from include.commsarchive.connector import Connector
from include.commsarchive.control.days import Day
from include.commsarchive.control.standing import Status
from include.commsarchive.ledger.alerts import AlertKind

router = APIRouter(tags=["connectors"], responses=PROBLEMS)

EARLIEST, LATEST = dt.date(1970, 1, 1), dt.date(2999, 12, 31)
"""Days that somebody may mean: others would overflow the calendar."""

LONGEST = 400
"""Days that a calendar shows at most."""

DryRun = Annotated[bool, Query(description="only check the definition")]


@router.get("/connectors")
def list_connectors(
    who: Anybody, status: Status | None = None, after: After = "", limit: Limit = 50
) -> Page[Row]:
    """List connectors by name, and how they stand: those that you may read; retired ones when asked for."""
    found = everything()
    names = [name for name in visible(who.user, found) if name > after]
    if status is not Status.RETIRED:
        names = [name for name in names if name not in found.retired]
    if status is None:
        return cut(rows(found, names[: limit + 1]), limit, lambda row: row.name)
    return cut(
        [row for row in rows(found, names) if row.standing.status is status], limit, lambda row: row.name
    )


@router.post("/connectors", status_code=201, responses=CHANGES | {200: {"model": Definition}})
def create_connector(
    connector: Connector, who: Admin, answer: Response, *, dry_run: DryRun = False
) -> Definition:
    """Make a connector. It becomes a DAG, paused, within a minute. The same again changes nothing (200)."""
    found = everything()
    check(connector)
    refuse_files(found, connector.name)
    if gone := found.retired.get(connector.name):
        raise Refusal(
            409,
            "exists",
            f"connector {connector.name} was retired by {gone.who}, and its history keeps the name",
            "Choose another name, or bring it back with PUT",
            version=gone.version,
        )
    before = found.stored.get(connector.name)
    if before and before.definition != written(connector):
        raise Refusal(
            409,
            "exists",
            f"connector {connector.name} exists, with another definition",
            "Choose another name, or change it with PUT",
            version=before.version,
        )
    if before or dry_run:
        answer.status_code = 200
    if dry_run:
        return as_asked(connector, before)
    with telling_stale():
        version = before.version if before else 0
        made = book().put_connector(connector.name, written(connector), version, who.name)
    answer.headers["ETag"] = f'"{made.version}"'
    answer.headers["Location"] = f"connectors/{made.name}"
    return shown(made)


@router.get("/connectors/{name}")
def get_connector(name: Name, _: Reader, answer: Response) -> Definition:
    """Give a connector's definition. The ETag is what a change of it asks for."""
    found = everything()
    if stored := found.stored.get(name) or found.retired.get(name):
        answer.headers["ETag"] = f'"{stored.version}"'
        return shown(stored, found.wrong.get(name, ""))
    wrong = found.wrong.get(name, "")
    if name not in found.connectors and not wrong:
        raise not_there(f"connector {name}")
    connector = found.connectors.get(name)
    return Definition(
        name=name,
        origin="file",
        version=0,
        who="",
        at=None,
        definition=json.loads(written(connector)) if connector else {},
        wrong=wrong,
        file=file_of(found, name),
    )


@router.put("/connectors/{name}", responses=CHANGES)
def change_connector(
    name: Name,
    connector: Connector,
    who: AdminOf,
    answer: Response,
    if_match: IfMatch = "",
    *,
    dry_run: DryRun = False,
) -> Definition:
    """Change a connector that was made here, or bring a retired one back; every version is kept.

    Its DAG follows within a minute.
    """
    if connector.name != name:
        raise Refusal(422, "renamed", "a connector keeps its name", f"Send `name` as {name}")
    found = everything()
    check(connector)
    before = same_version(found, name, if_match)
    if dry_run:
        return as_asked(connector, before)
    with telling_stale():
        made = book().put_connector(name, written(connector), before.version, who.name)
    answer.headers["ETag"] = f'"{made.version}"'
    return shown(made)


@router.delete("/connectors/{name}", responses=CHANGES)
def retire_connector(name: Name, who: AdminOf, if_match: IfMatch = "") -> Definition:
    """Take a connector that was made here out of use. Its DAG is paused first, and goes within a minute.

    Its versions, history, import logs, evidence and what was set aside stay. Refused while a run, replay or
    rehearsal goes on; then the DAG is as it was.
    """
    found = everything()
    before = same_version(found, name, if_match)
    with _paused(name):
        if name not in found.retired:
            refuse_running(name)
        with telling_stale():
            gone = book().retire_connector(name, before.version, who.name)
    book().take([(kind, name) for kind in AlertKind], [], tell)
    return shown(gone)


@contextmanager
def _paused(name: str) -> Iterator[None]:
    """Pause a connector's DAG, lest a run begins meanwhile; what fails leaves it as it was."""
    changed = False
    with suppress(scheduler.Unknown):
        changed = scheduler.pause(name, paused=True)
    try:
        yield
    except BaseException:
        if changed:
            scheduler.pause(name, paused=False)
        raise


@router.get("/connectors/{name}/versions")
def list_versions(name: Name, _: Reader) -> list[Definition]:
    """List every version of a connector that was made here, the last first."""
    return [shown(one) for one in book().versions(name)]


@router.get("/connectors/{name}/status")
def get_status(name: Name, _: Reader) -> Row:
    """Say how a connector stands, why, and what to do."""
    found = everything()
    if name not in {*found.connectors, *found.wrong, *found.retired}:
        raise not_there(f"connector {name}")
    (row,) = rows(found, [name])
    return row


@router.get("/connectors/{name}/days")
def list_days(name: Name, _: Reader, first: First, last: Last) -> list[Day]:
    """Say what became of each business day, both ends included; at most 400 days."""
    span = (last - first).days
    if not 0 <= span < LONGEST or first < EARLIEST or last > LATEST:
        raise Refusal(
            422,
            "invalid",
            "`first` comes after `last`, or too long before it, or is of another age",
            f"Ask for {LONGEST} days between {EARLIEST} and {LATEST}",
        )
    return list(calendar(find(name), first, last))


def find(name: str) -> Connector:
    """Give a connector whose definition is good, also if it was retired: to read about it.

    One that was retired ends on the day before: from then on no day is missing.

    Raises:
        Refusal: there is none of this name, or its definition is wrong.
    """
    found = everything()
    if name in found.connectors:
        return found.connectors[name]
    if gone := found.retired.get(name):
        connector = checked(json.loads(gone.stated), f"connector {name}, version {gone.version}")
        end = dt.datetime.fromtimestamp(gone.at / 1000, dt.UTC).date() - dt.timedelta(days=1)
        end = min(end, connector.schedule.end or end)
        return connector.model_copy(update={"schedule": connector.schedule.model_copy(update={"end": end})})
    if name in found.wrong:
        raise Refusal(409, "wrong-definition", found.wrong[name], "Mend the definition")
    raise not_there(f"connector {name}")


def refuse_unknown(name: str) -> None:
    """Refuse a connector that there is not and never was.

    Raises:
        Refusal: there is none of this name, and no import record has it.
    """
    if name not in everything().known(book().recorded()):
        raise not_there(f"connector {name}")


def find_in_use(name: str) -> Connector:
    """Give a connector that is good and in use: to do something with it.

    Raises:
        Refusal: there is none of this name, its definition is wrong, or it was retired.
    """
    if name in everything().retired:
        raise Refusal(409, "retired", f"connector {name} was retired", "Bring it back first")
    return find(name)
