"""Connectors: what there is, how it stands, and how it is made and changed."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, Field

from commsarchive_airflow.catalogue import Catalogue, checked
from commsarchive_airflow.web.api.pages import After, First, Last, Limit, Page, cut
from commsarchive_airflow.web.api.refusal import CHANGES, PROBLEMS, Refusal, not_there
from commsarchive_airflow.web.api.rights import Admin, AdminOf, Anybody, Name, Reader
from commsarchive_airflow.web.book import book
from commsarchive_airflow.web.overview import Row, calendar, everything, rows, visible
from include.commsarchive.connector import Connector
from include.commsarchive.control.days import Day
from include.commsarchive.control.standing import Status
from include.commsarchive.errors import Fatal
from include.commsarchive.ledger.chain import canonical
from include.commsarchive.ledger.control import Outdated, StoredConnector
from include.commsarchive.sources.registry import SOURCES

router = APIRouter(tags=["connectors"], responses=PROBLEMS)

EARLIEST, LATEST = dt.date(1970, 1, 1), dt.date(2999, 12, 31)
"""Days that somebody may mean: others would overflow the calendar."""

LONGEST = 400
"""Days that a calendar shows at most."""

DryRun = Annotated[bool, Query(description="only check the definition")]
IfMatch = Annotated[str, Header(description='the ETag of the version that you read, as `"3"`')]


class Definition(BaseModel):
    """A connector as it is defined. ``version`` is 0 and nobody made it where a file defines it."""

    name: str
    origin: Literal["file", "api"]
    version: int
    who: str
    at: dt.datetime | None
    definition: dict[str, Any] = Field(description="see the schema of `Connector`; it holds no secrets")
    wrong: str = Field(default="", description="what is wrong with it, if anything")


class SourceOf(BaseModel):
    """A source: what a connector may read."""

    name: str
    title: str
    folder: str = Field(description="default folder below the Inbox")


@router.get("/sources")
def list_sources(_: Anybody) -> list[SourceOf]:
    """List the sources that connectors can have."""
    return [SourceOf(name=one.name, title=one.title, folder=one.folder) for one in SOURCES.values()]


@router.get("/connectors")
def list_connectors(
    who: Anybody, status: Status | None = None, after: After = "", limit: Limit = 50
) -> Page[Row]:
    """List connectors by name, and how they stand: those that you may read."""
    found = everything()
    names = [name for name in visible(who.user, found) if name > after]
    if status is None:
        return cut(rows(found, names[: limit + 1]), limit, lambda row: row.name)
    return cut(
        [row for row in rows(found, names) if row.standing.status is status], limit, lambda row: row.name
    )


@router.post("/connectors", status_code=201, responses={200: {"model": Definition}})
def create_connector(
    connector: Connector, who: Admin, answer: Response, *, dry_run: DryRun = False
) -> Definition:
    """Make a connector. It becomes a DAG, paused, within a minute. The same again changes nothing (200)."""
    found = everything()
    check(connector)
    _refuse_files(found, connector.name)
    before = found.stored.get(connector.name)
    if before and before.definition != _written(connector):
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
        return _as_asked(connector, before)
    made = _put(connector, 0 if before is None else before.version, who.name)
    answer.headers["ETag"] = f'"{made.version}"'
    answer.headers["Location"] = f"connectors/{made.name}"
    return _stored(made)


@router.get("/connectors/{name}")
def get_connector(name: Name, _: Reader, answer: Response) -> Definition:
    """Give a connector's definition. The ETag is what a change of it asks for."""
    found = everything()
    if stored := found.stored.get(name):
        answer.headers["ETag"] = f'"{stored.version}"'
        return _stored(stored, found.wrong.get(name, ""))
    wrong = found.wrong.get(name, "")
    if name not in found.connectors and not wrong:
        raise not_there(f"connector {name}")
    connector = found.connectors.get(name)
    definition = json.loads(_written(connector)) if connector else {}
    return Definition(
        name=name, origin="file", version=0, who="", at=None, definition=definition, wrong=wrong
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
    """Change a connector that was made here; every version is kept. Its DAG follows within a minute."""
    if connector.name != name:
        raise Refusal(422, "renamed", "a connector keeps its name", f"Send `name` as {name}")
    found = everything()
    check(connector)
    _refuse_files(found, name)
    if name not in found.stored:
        raise not_there(f"connector {name}")
    if not if_match:
        raise Refusal(
            428, "no-version", "the version that you read is not stated", "Send its ETag as If-Match"
        )
    expected = if_match.strip().removeprefix("W/").strip('"')
    if expected != str(found.stored[name].version):
        raise _stale(name, found.stored[name])
    if dry_run:
        return _as_asked(connector, found.stored[name])
    made = _put(connector, int(expected), who.name)
    answer.headers["ETag"] = f'"{made.version}"'
    return _stored(made)


@router.get("/connectors/{name}/versions")
def list_versions(name: Name, _: Reader) -> list[Definition]:
    """List every version of a connector that was made here, the last first."""
    return [_stored(one) for one in book().versions(name)]


@router.get("/connectors/{name}/status")
def get_status(name: Name, _: Reader) -> Row:
    """Say how a connector stands, why, and what to do."""
    found = everything()
    if name not in found.connectors and name not in found.wrong:
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
    """Give a connector that is good.

    Raises:
        Refusal: there is none of this name, or its definition is wrong.
    """
    found = everything()
    if name in found.connectors:
        return found.connectors[name]
    if name in found.wrong:
        raise Refusal(409, "wrong-definition", found.wrong[name], "Mend the definition")
    raise not_there(f"connector {name}")


def check(connector: Connector) -> None:
    """Refuse what only the sources can know to be wrong.

    Raises:
        Refusal: it is wrong.
    """
    try:
        checked(connector.model_dump(mode="json"), f"connector {connector.name}")
    except Fatal as error:
        raise Refusal(422, "invalid", str(error), "Mend the key that is named") from error


def _refuse_files(found: Catalogue, name: str) -> None:
    if name not in found.stored and (name in found.connectors or name in found.wrong):
        raise Refusal(
            409,
            "defined-by-file",
            f"connector {name} is defined by a file",
            "Change the file, or choose another name",
        )


def _put(connector: Connector, expected: int, who: str) -> StoredConnector:
    try:
        return book().put_connector(connector.name, _written(connector), expected, who)
    except Outdated as error:
        raise _stale(connector.name, error.current) from error


def _stale(name: str, current: StoredConnector | None) -> Refusal:
    version = current.version if current else 0
    return Refusal(
        412,
        "outdated",
        f"connector {name} has version {version} now",
        "Read it, and make your change again",
        version=version,
    )


def _written(connector: Connector) -> str:
    """Write a definition whole, defaults included: it must not change when a default does."""
    return canonical(connector.model_dump(mode="json"))


def _stored(one: StoredConnector, wrong: str = "") -> Definition:
    at = dt.datetime.fromtimestamp(one.at / 1000, dt.UTC)
    content = json.loads(one.definition)
    return Definition(
        name=one.name, origin="api", version=one.version, who=one.who, at=at, definition=content, wrong=wrong
    )


def _as_asked(connector: Connector, before: StoredConnector | None) -> Definition:
    version = before.version if before else 0
    return Definition(
        name=connector.name,
        origin="api",
        version=version,
        who="",
        at=None,
        definition=json.loads(_written(connector)),
    )
