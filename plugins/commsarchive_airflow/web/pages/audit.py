"""Who did what, when: the audit trail, and whether its chain is intact."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from commsarchive_airflow.web.api.evidence import ChosenEntries
from commsarchive_airflow.web.api.history import NEWEST
from commsarchive_airflow.web.api.pages import Days, Number
from commsarchive_airflow.web.api.refusal import Refusal
from commsarchive_airflow.web.api.rights import Auditor
from commsarchive_airflow.web.book import book
from commsarchive_airflow.web.pages.frame import render, viewer
from include.commsarchive.ledger.control import AuditFilter
from include.commsarchive.stages.verification import kept

router = APIRouter()

PAGE = 100
LONGEST = 200
"""Letters of a detail that are shown; downloads have all."""

Date = Annotated[str, Query(pattern=r"^(|\d{4}-\d\d-\d\d)$")]

KINDS = (
    ("Looks at content", ("open-content", "download-content")),
    (
        "Connectors",
        (
            *("create-connector", "change-connector", "check-connector", "retire-connector"),
            *("restore-connector", "activate", "pause", "change-mapping", "rotate-key", "retire-key"),
        ),
    ),
    ("Runs", ("archive-days", "replay", "settle", "rehearse", "give-up-copies")),
    ("Proof", ("start-verification", "verify", "export-evidence", "download-audit-trail")),
    ("Refused", ("operate", "administer", "read-audit-trail")),
)
"""What the trail tells of, in the order of a list to choose from."""


@router.get("/audit")
def show_audit(
    who: Auditor, chosen: ChosenEntries, first: Date = "", last: Date = "", after: Number = NEWEST
) -> HTMLResponse:
    """Show what people did and looked at, newest first."""
    days = Days(_day(first) or dt.date.min, _day(last) or dt.date.max)
    found = book().audit(chosen.as_filter(days), after, PAGE + 1)
    newest = book().audit(AuditFilter(), NEWEST, 1)
    asked = {"who": chosen.who, "connector": chosen.connector, "what": chosen.what}
    return render(
        "audit.html",
        viewer=viewer(who),
        entries=found[:PAGE],
        more=found[PAGE - 1].seq if len(found) > PAGE else None,
        newest=newest[0].seq if newest else 0,
        verified=next(iter(kept(book())), None),
        asked=asked | {"first": first, "last": last},
        paged=after != NEWEST,
        kinds=KINDS,
        said=_said,
    )


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError as error:
        raise Refusal(422, "invalid", f"{text} is no day", "Write it as 2026-03-31") from error


def _said(detail: Mapping[str, Any]) -> str:
    """Say a detail in one line; what says nothing is left out, and what only programs read."""
    parts = [
        f"{name.replace('_', ' ')}: {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in detail.items()
        if value not in ("", [], None) and name != "suspects"
    ]
    text = "; ".join(parts)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
