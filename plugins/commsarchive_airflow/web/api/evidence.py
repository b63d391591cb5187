"""Proof: whether the ledger still says what it said, and the trail of what people did."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from commsarchive_airflow.web.api.history import NEWEST
from commsarchive_airflow.web.api.pages import Between, Days, Limit, Number, Page, cut
from commsarchive_airflow.web.api.refusal import PROBLEMS
from commsarchive_airflow.web.api.rights import Auditor
from commsarchive_airflow.web.book import book
from include.commsarchive.ledger.control import AuditEntry, AuditFilter

router = APIRouter(tags=["evidence"], responses=PROBLEMS)

FAULTS = 1000

Word = Annotated[str, Query(max_length=250)]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which entries of the trail; what is not stated is any."""

    connector: Word = ""
    who: Word = ""
    what: Word = ""

    def as_filter(self, days: Days) -> AuditFilter:
        """Say it in the ledger's words; days are those of UTC."""
        names = (self.connector,) if self.connector else None
        first, last = ((day - dt.date(1970, 1, 1)).days * 86_400_000 for day in (days.first, days.last))
        return AuditFilter(names, self.who, self.what, first, last + 86_400_000)


class Verified(BaseModel):
    """What verifying found; ``faults`` are one line each, a thousand at most."""

    intact: bool
    faults: list[str]
    seconds: float = Field(description="how long it took")


@router.get("/verification")
def verify(who: Auditor) -> Verified:
    """Recompute the chain of import records, all that they cover, and the audit trail. It takes a while."""
    started = time.perf_counter()
    faults = list(islice(book().verify(), FAULTS))
    who.note("verify", outcome="intact" if not faults else "faults")
    return Verified(intact=not faults, faults=faults, seconds=round(time.perf_counter() - started, 3))


@router.get("/audit")
def list_audit(
    _: Auditor,
    chosen: Annotated[Chosen, Depends()],
    days: Between,
    after: Number = NEWEST,
    limit: Limit = 50,
) -> Page[AuditEntry]:
    """List what people did and looked at, newest first."""
    return cut(book().audit(chosen.as_filter(days), after, limit + 1), limit, lambda entry: entry.seq)
