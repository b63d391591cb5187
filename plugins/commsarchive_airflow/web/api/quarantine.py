"""What was set aside: what, why, since when; and its settlement, where no replay mends it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from commsarchive_airflow.web.api.connectors import find_in_use
from commsarchive_airflow.web.api.content import HELD_ID, find_held
from commsarchive_airflow.web.api.pages import Between, Limit, Number, Page
from commsarchive_airflow.web.api.refusal import PROBLEMS, Refusal
from commsarchive_airflow.web.api.rights import AdminOf, Name, Reader
from commsarchive_airflow.web.api.runs import audited, span_of
from commsarchive_airflow.web.book import book
from include.commsarchive.ledger.base import Held, HeldStage
from include.commsarchive.ledger.settlement import settled_by
from include.commsarchive.ledger.views import HeldFilter

router = APIRouter(tags=["quarantine"], responses=PROBLEMS)

Reason = Annotated[str, Query(max_length=100, description="only this reason, see docs/failures.md")]


class SettlementAsked(BaseModel):
    """What is settled, and why nobody waits for it any more."""

    model_config = ConfigDict(extra="forbid")

    only: list[Annotated[str, StringConstraints(pattern=HELD_ID)]] = Field(
        min_length=1, max_length=1000, description="ids of what was set aside"
    )
    reason: Annotated[str, StringConstraints(strip_whitespace=True)] = Field(
        min_length=1,
        max_length=500,
        pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$",
        description="why, in one line, for who asks in years; no message content",
    )


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


@router.post("/connectors/{name}/quarantine/settlement", status_code=204)
def settle(name: Name, asked: SettlementAsked, who: AdminOf) -> None:
    """Settle what no replay mends and nobody sends again: it waits no more. Bytes and numbers stay.

    All of it or, if one does not wait any more, none. Asked by the same person for the same reason again,
    nothing changes.
    """
    find_in_use(name)
    mark = settled_by(who.name, asked.reason)
    found = [find_held(name, held_id) for held_id in dict.fromkeys(asked.only)]
    waiting = [held for held in found if held.resolved_by != mark]
    for held in waiting:
        if held.resolved_by:
            raise Refusal(
                409,
                "not-possible",
                f"held thing {held.held_id} of {name} does not wait any more",
                "List what is set aside again, and choose anew",
            )
    if waiting:
        days, ids = sorted(held.day for held in waiting), [held.held_id for held in waiting]
        with audited(who, "settle", name, span_of((days[0], days[-1])), reason=asked.reason, only=ids):
            book().resolve(ids, mark)
