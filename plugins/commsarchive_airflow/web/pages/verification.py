"""What verifications found, a button to start one, and evidence to hand over."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from commsarchive_airflow.web.api.connectors import refuse_unknown
from commsarchive_airflow.web.api.history import NEWEST
from commsarchive_airflow.web.api.pages import Number
from commsarchive_airflow.web.api.rights import Auditor, AuditorOf, Caller, Name
from commsarchive_airflow.web.book import book
from commsarchive_airflow.web.overview import everything, visible
from commsarchive_airflow.web.pages.frame import render, url, viewer
from include.commsarchive.ledger.alerts import AlertKind
from include.commsarchive.stages.verification import kept

router = APIRouter()

PAGE = 20

Of = Annotated[str, Query(max_length=250)]


@router.get("/verification")
def show_verification(who: Auditor, connector: Of = "", after: Number = NEWEST) -> Response:
    """Show what verifications found, of all connectors; lead to those of one that is chosen."""
    if connector:
        return RedirectResponse(url("connectors", connector, "verification"))
    return _page(who, "", after, names=visible(who.user, everything()))


@router.get("/connectors/{name}/verification")
def show_verification_of(name: Name, who: AuditorOf, after: Number = NEWEST) -> HTMLResponse:
    """Show what verifications found of a connector, and let its evidence be downloaded."""
    refuse_unknown(name)
    days = [one.day for one in book().last_closed([name])]
    return _page(who, name, after, newest=days[0] if days else None)


def _page(who: Caller, name: str, after: int, **words: Any) -> HTMLResponse:
    found = kept(book(), name, after, PAGE + 1)
    proof = (AlertKind.TAMPERED, AlertKind.INCOMPLETE)
    return render(
        "verification.html",
        viewer=viewer(who, name),
        name=name,
        last=next(iter(kept(book(), name)), None),
        found=found[:PAGE],
        more=found[PAGE - 1].number if len(found) > PAGE else None,
        paged=after != NEWEST,
        alerts=[one for one in book().alerts({""}) if one.finding.kind in proof],
        **words,
    )
