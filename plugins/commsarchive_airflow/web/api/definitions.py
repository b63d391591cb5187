"""Definitions of connectors as the API gives and keeps them, and what it refuses to do to them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from fastapi import Header
from pydantic import BaseModel, Field

from commsarchive_airflow import scheduler
from commsarchive_airflow.catalogue import PROJECT, Catalogue, checked
from commsarchive_airflow.web.api.refusal import Fault, Refusal, not_there
from include.commsarchive.connector import Connector
from include.commsarchive.errors import Fatal
from include.commsarchive.ledger.chain import canonical
from include.commsarchive.ledger.control import Outdated, StoredConnector
from include.commsarchive.sources.registry import SOURCES

IfMatch = Annotated[str, Header(description='the ETag of the version that you read, as `"3"`')]


class Definition(BaseModel):
    """A connector as it is defined. ``version`` is 0 and nobody made it where a file defines it.

    Of one that was retired it is the last definition that it had.
    """

    name: str
    origin: Literal["file", "api"]
    version: int
    who: str
    at: dt.datetime | None
    definition: dict[str, Any] = Field(description="see the schema of `Connector`; it holds no secrets")
    wrong: str = Field(default="", description="what is wrong with it, if anything")
    file: str = Field(default="", description="the file that defines it")
    retired: bool = Field(default=False, description="it was taken out of use; its history stays")


def file_of(found: Catalogue, name: str) -> str:
    """Say which file defines a connector, below the project where it lies there; ``""`` for none."""
    path = found.files.get(name)
    if path is None:
        return ""
    return str(path.relative_to(PROJECT) if path.is_relative_to(PROJECT) else path)


def check(connector: Connector) -> None:
    """Refuse what only the sources can know to be wrong.

    Raises:
        Refusal: it is wrong.
    """
    try:
        checked(connector.model_dump(mode="json"), f"connector {connector.name}")
    except Fatal as error:
        refusal = Refusal(422, "invalid", str(error), "Mend the key that is named")
        key = "body.profile" if connector.source in SOURCES else "body.source"
        refusal.problem.faults = [Fault(key=key, message=str(error), remedy="mend this value")]
        raise refusal from error


def refuse_files(found: Catalogue, name: str) -> None:
    """Refuse to make or change here what a file defines.

    Raises:
        Refusal: a file defines it.
    """
    if name not in found.stored and (name in found.connectors or name in found.wrong):
        raise Refusal(
            409,
            "defined-by-file",
            f"connector {name} is defined by the file {file_of(found, name)}",
            "Change the file, or choose another name",
        )


def same_version(found: Catalogue, name: str, if_match: str) -> StoredConnector:
    """Give the last version of a connector made here, if it is the one that the caller has read.

    Raises:
        Refusal: there is none, or another version is the last; or the caller says no version.
    """
    refuse_files(found, name)
    last = found.stored.get(name) or found.retired.get(name)
    if last is None:
        raise not_there(f"connector {name}")
    refuse_stale(if_match, str(last.version), _stale(name, last))
    return last


def refuse_stale(if_match: str, version: str, stale: Refusal) -> None:
    """Refuse a change to another version than the last.

    Raises:
        Refusal: ``stale``, or that the caller says no version.
    """
    if not if_match:
        raise Refusal(
            428, "no-version", "the version that you read is not stated", "Send its ETag as If-Match"
        )
    if if_match.strip().removeprefix("W/").strip('"') != version:
        raise stale


def refuse_running(name: str) -> None:
    """Refuse to retire under a run: it would leave copies that no import record covers.

    Raises:
        Refusal: a run is under way.
    """
    if runs := scheduler.under_way(name):
        raise Refusal(
            409,
            "not-possible",
            f"{name} has runs under way: {', '.join(runs)}",
            "Wait until they have ended, or end them in Airflow; then retire it",
        )


@contextmanager
def telling_stale() -> Iterator[None]:
    """Turn a change that came too late into a refusal that names the version there is."""
    try:
        yield
    except Outdated as error:
        raise _stale(error.name, error.current) from error


def _stale(name: str, current: StoredConnector | None) -> Refusal:
    version = current.version if current else 0
    return Refusal(
        412,
        "outdated",
        f"connector {name} has version {version} now",
        "Read it, and make your change again",
        version=version,
    )


def written(connector: Connector) -> str:
    """Write a definition whole, defaults included: it must not change when a default does."""
    return canonical(connector.model_dump(mode="json"))


def shown(one: StoredConnector, wrong: str = "") -> Definition:
    """Give a version as callers see it."""
    at = dt.datetime.fromtimestamp(one.at / 1000, dt.UTC)
    return Definition(
        name=one.name,
        origin="api",
        version=one.version,
        who=one.who,
        at=at,
        definition=json.loads(one.stated),
        wrong=wrong,
        retired=one.retired,
    )


def as_asked(connector: Connector, before: StoredConnector | None) -> Definition:
    """Give a definition that was only checked, with all its defaults."""
    version = before.version if before else 0
    return Definition(
        name=connector.name,
        origin="api",
        version=version,
        who="",
        at=None,
        definition=json.loads(written(connector)),
    )
