"""What was set aside: what, why, since when, how to mend it, and its replay or settlement."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from commsarchive_airflow.web.api import content
from commsarchive_airflow.web.api.content import HeldId
from commsarchive_airflow.web.api.rights import Anybody, Compliance, Name, Reader
from commsarchive_airflow.web.book import book
from commsarchive_airflow.web.overview import everything, visible
from commsarchive_airflow.web.pages.frame import render, viewer
from include.commsarchive.ledger.base import HeldStage
from include.commsarchive.ledger.settlement import is_settled
from include.commsarchive.ledger.views import HeldFilter

router = APIRouter()

PAGE = 100

Word = Annotated[str, Query(max_length=100)]
After = Annotated[int, Query(ge=0, le=2**62)]


@dataclass(slots=True)
class Waiting:
    """What of one connector waits for a replay."""

    connector: str
    oldest: dt.date
    unread: int = 0
    unmapped: int = 0


@router.get("/quarantine")
def list_waiting(who: Anybody) -> HTMLResponse:
    """Show which connectors have something set aside."""
    names = visible(who.user, everything())
    found: dict[str, Waiting] = {}
    for one in book().set_aside(names):
        waiting = found.setdefault(one.connector, Waiting(one.connector, one.day))
        waiting.oldest = min(waiting.oldest, one.day)
        if one.stage is HeldStage.MAP_USERS:
            waiting.unmapped += one.number
        else:
            waiting.unread += one.number
    return render(
        "quarantines.html",
        viewer=viewer(who),
        waiting=[found[name] for name in sorted(found)],
        any=bool(names),
    )


@router.get("/connectors/{name}/quarantine")
def list_held(
    name: Name,
    who: Reader,
    stage: HeldStage | None = None,
    reason: Word = "",
    day: dt.date | None = None,
    after: After = 0,
) -> HTMLResponse:
    """Show what is set aside for a connector, the oldest first."""
    chosen = HeldFilter(name, day or dt.date.min, day or dt.date.max, stage or "", reason)
    found = book().held_page(chosen, after, PAGE + 1)
    waits = book().waiting(name)
    return render(
        "quarantine.html",
        viewer=viewer(who, name),
        name=name,
        held=[one for _, one in found[:PAGE]],
        more=found[PAGE - 1][0] if len(found) > PAGE else None,
        total=sum(one.number for one in waits),
        first=min((one.day for one in waits), default=None),
        last=max((one.day for one in waits), default=None),
        reasons=sorted({one.reason for one in waits}),
        stages=list(HeldStage),
        stage=stage,
        reason=reason,
        day=day,
        after=after,
    )


@router.get("/connectors/{name}/quarantine/{held_id}")
def open_held(name: Name, who: Compliance, held_id: HeldId) -> HTMLResponse:
    """Open what was set aside, for those who may read messages; the audit trail says who did."""
    opened = content.open_held(name, who, held_id)
    settled = is_settled(opened.held)
    return render("held.html", viewer=viewer(who, name), name=name, opened=opened, settled=settled)
