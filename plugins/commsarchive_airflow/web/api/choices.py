"""What there is to choose from when a connector is made: sources, connections, profiles."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from commsarchive_airflow.scheduler import known_connections
from commsarchive_airflow.web.api.refusal import PROBLEMS
from commsarchive_airflow.web.api.rights import Administrator, Anybody
from include.commsarchive.doors import Use, uses_of
from include.commsarchive.sources.base import Profiled
from include.commsarchive.sources.registry import SOURCES

router = APIRouter(tags=["connectors"], responses=PROBLEMS)


class SourceOf(BaseModel):
    """A source: what a connector may read."""

    name: str
    title: str
    folder: str = Field(description="default folder below the Inbox")
    profiled: bool = Field(description="it needs a profile that says what its files look like")


class ConnectionOf(BaseModel):
    """A connection of Airflow's, by name. What it says stays there."""

    name: str
    kind: str = Field(description="its type in Airflow")
    uses: list[Use] = Field(description="what its type and extras make it fit for")


@router.get("/sources")
def list_sources(_: Anybody) -> list[SourceOf]:
    """List the sources that connectors can have."""
    return [
        SourceOf(name=one.name, title=one.title, folder=one.folder, profiled=isinstance(one, Profiled))
        for one in SOURCES.values()
    ]


@router.get("/connections")
def list_connections(_: Administrator) -> list[ConnectionOf]:
    """List the connections that a connector can name, and what each is fit for.

    Those of a secrets backend are not listed, and can be named all the same.
    """
    return [
        ConnectionOf(name=one.name, kind=one.kind, uses=uses)
        for one in known_connections()
        if (uses := uses_of(one))
    ]
