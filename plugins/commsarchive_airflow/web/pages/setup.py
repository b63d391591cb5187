"""Make a connector step by step, and change one that was made here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from commsarchive_airflow.catalogue import PROJECT
from commsarchive_airflow.scheduler import known_connections
from commsarchive_airflow.web.api.definitions import Definition, refuse_files, shown
from commsarchive_airflow.web.api.refusal import not_there
from commsarchive_airflow.web.api.rights import Anybody, Caller, Name, Reader
from commsarchive_airflow.web.overview import everything
from commsarchive_airflow.web.pages.form import DESTINATION, DESTINATION_FOLDED, STEPS, defaults, keys
from commsarchive_airflow.web.pages.frame import render, viewer
from include.commsarchive.doors import uses_of
from include.commsarchive.sources.registry import SOURCES

router = APIRouter()


@router.get("/setup")
def set_up(who: Anybody) -> HTMLResponse:
    """Ask for what a connector needs; the API checks, tries and keeps it."""
    return _form(who, None, defaults())


@router.get("/connectors/{name}/change")
def change(name: Name, who: Reader) -> HTMLResponse:
    """Show a connector in the form that made it, to change it or to bring it back."""
    found = everything()
    refuse_files(found, name)
    last = found.stored.get(name) or found.retired.get(name)
    if last is None:
        raise not_there(f"connector {name}")
    before = shown(last, found.wrong.get(name, ""))
    return _form(who, before, before.definition)


def _form(who: Caller, before: Definition | None, definition: dict[str, Any]) -> HTMLResponse:
    viewed = viewer(who, before.name if before else "")
    return render(
        "setup.html",
        viewer=viewed,
        before=before,
        definition=definition,
        steps=STEPS,
        destination=(DESTINATION, DESTINATION_FOLDED),
        meanings=dict(keys()),
        sources=sorted(SOURCES.values(), key=lambda one: one.title),
        connections=list(_connections()) if viewed.administers else [],
        profiles=[f"include/profiles/{one.name}" for one in sorted(PROJECT.glob("include/profiles/*.yaml"))],
    )


def _connections() -> Iterator[tuple[str, str, list[str]]]:
    """List name, type and uses of the connections that can be chosen."""
    for one in known_connections():
        if uses := uses_of(one):
            yield one.name, one.kind, list(uses)
