"""Whose mailboxes get copies, who has none, and a connector's keys."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from commsarchive_airflow import auth
from commsarchive_airflow.web.api import keys
from commsarchive_airflow.web.api.connectors import find
from commsarchive_airflow.web.api.people import CUSTOM
from commsarchive_airflow.web.api.rights import Name, Reader
from commsarchive_airflow.web.book import book
from commsarchive_airflow.web.overview import everything
from commsarchive_airflow.web.pages.frame import render, viewer
from include.commsarchive.connector import UPLOADED
from include.commsarchive.errors import CommsArchiveError
from include.commsarchive.pgp.rotation import spaced

router = APIRouter()

PAGE = 100

After = Annotated[str, Query(max_length=250)]


@router.get("/connectors/{name}/people")
def show_people(name: Name, who: Reader, after: After = "") -> HTMLResponse:
    """Show who got copies and who has no mailbox, and let a mapping be uploaded."""
    connector = find(name)
    custodians = book().custodians(name, after, PAGE + 1)
    versions = [one for one in book().mapping_versions(name) if one.kind == CUSTOM]
    return render(
        "people.html",
        viewer=viewer(who, name),
        name=name,
        origin=connector.mapping.custom,
        uploads=connector.mapping.custom == UPLOADED and name not in everything().retired,
        unmapped=book().unmapped_people(name) if not after else [],
        custodians=custodians[:PAGE],
        after=after,
        more=custodians[PAGE - 1].mailbox if len(custodians) > PAGE else "",
        versions=versions,
    )


@router.get("/connectors/{name}/keys")
def show_keys(name: Name, who: Reader) -> HTMLResponse:
    """Show a connector's keys; where they cannot be read, why."""
    connector = find(name)
    connection = connector.pgp.connection if connector.pgp else ""
    others = {one.name for one in keys.sharing(connection)} - {name}
    found, fault = [], ""
    try:
        found = keys.list_keys(name, who)
    except CommsArchiveError as error:
        fault = str(error)
    return render(
        "keys.html",
        viewer=viewer(who, name),
        name=name,
        connection=connection,
        others=sorted(auth.readable(who.user, others)),
        keys=found,
        spaced=spaced,
        fault=fault,
    )
