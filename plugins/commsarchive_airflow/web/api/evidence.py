"""Proof: whether the ledger still says what it said, and the trail of what people did."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from commsarchive_airflow.connections import mailbox
from commsarchive_airflow.web.api.history import NEWEST
from commsarchive_airflow.web.api.pages import Between, Days, First, Last, Limit, Number, Page, cut
from commsarchive_airflow.web.api.refusal import PROBLEMS, Refusal, not_there
from commsarchive_airflow.web.api.rights import Auditor, AuditorOf, Name
from commsarchive_airflow.web.book import book
from commsarchive_airflow.web.overview import everything
from include.commsarchive.ledger.control import AuditEntry, AuditFilter
from include.commsarchive.stages.evidence import evidence_zip
from include.commsarchive.stages.verify import Extent, verify

router = APIRouter(tags=["evidence"], responses=PROBLEMS)

Word = Annotated[str, Query(max_length=250)]
Looked = Annotated[Extent, Query(description="copies to look up in their mailboxes")]


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
    """What verifying found. ``faults`` are one line each, those of tampering first, a hundred of a kind."""

    intact: bool
    verdict: Literal["intact", "incomplete", "tampered"] = Field(description="the worst that was found")
    faults: list[str]
    tampered: int = Field(description="how many of the faults are changes of what was recorded or filed")
    incomplete: int = Field(description="how many are copies that are gone, or could not be looked up")
    unlisted: int = Field(description="faults that there are besides")
    records: int = Field(description="import records that were recomputed")
    copies: int = Field(description="copies that were looked up in their mailboxes")
    seconds: float = Field(description="how long it took")


@router.get("/verification")
def get_verification(who: Auditor, extent: Looked = "none", connector: Word = "") -> Verified:
    """Recompute the chain of import records, all that they cover, and the audit trail. It takes a while.

    On request it also looks copies up in their mailboxes: a sample, another one each day, or all of them, of
    one connector or of all.
    """
    started = time.perf_counter()
    turn = dt.datetime.now(dt.UTC).date().isoformat()
    found = verify(book(), mailbox, extent, connector=connector, turn=turn)
    who.note("verify", connector, outcome=found.word, extent=extent, copies=found.copies)
    return Verified(
        intact=found.word == "intact",
        verdict=found.word,
        faults=[*found.tampered, *found.incomplete],
        tampered=len(found.tampered),
        incomplete=len(found.incomplete),
        unlisted=found.unlisted,
        records=found.records,
        copies=found.copies,
        seconds=round(time.perf_counter() - started, 3),
    )


@router.get("/connectors/{name}/evidence.zip", response_class=StreamingResponse)
def download_evidence(name: Name, who: AuditorOf, first: First, last: Last) -> StreamingResponse:
    """Download the examiner's package of a connector's days, both ends included.

    It says how verification of the ledger went, which takes a while before the download begins. It holds no
    message content.
    """
    if first > last:
        raise Refusal(422, "invalid", "`first` comes after `last`", "Swap them")
    found = everything()
    if name not in {*found.connectors, *found.wrong, *book().recorded()}:
        raise not_there(f"connector {name}")
    verdict = verify(book(), mailbox)
    who.note("export-evidence", name, f"{first} to {last}", verdict=verdict.word)
    return StreamingResponse(
        evidence_zip(book(), name, first, last, verdict),
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="evidence-{name}-{first}-{last}.zip"'},
    )


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
