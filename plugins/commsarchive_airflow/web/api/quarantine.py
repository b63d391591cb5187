"""What was set aside: what, why, since when."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from commsarchive_airflow.web.api.pages import Between, Limit, Number, Page
from commsarchive_airflow.web.api.refusal import PROBLEMS
from commsarchive_airflow.web.api.rights import Name, Reader
from commsarchive_airflow.web.book import book
from include.commsarchive.ledger.base import Held, HeldStage
from include.commsarchive.ledger.views import HeldFilter

router = APIRouter(tags=["quarantine"], responses=PROBLEMS)

Reason = Annotated[str, Query(max_length=100, description="only this reason, see docs/failures.md")]


@router.get("/connectors/{name}/quarantine")
def list_quarantine(
    name: Name,
    _: Reader,
    days: Between,
    stage: HeldStage | None = None,
    reason: Reason = "",
    after: Number = 0,
    limit: Limit = 50,
) -> Page[Held]:
    """List what is still set aside, oldest first: no message content."""
    chosen = HeldFilter(name, days.first, days.last, stage or "", reason)
    found = book().held_page(chosen, after, limit + 1)
    return Page(
        items=[one for _, one in found[:limit]], next=str(found[limit - 1][0]) if len(found) > limit else None
    )
