"""Proof to hand over: the examiner's package, and the trail of what people did."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from commsarchive_airflow.connections import ledger_url, mailbox
from commsarchive_airflow.web.api.connectors import refuse_unknown
from commsarchive_airflow.web.api.history import NEWEST
from commsarchive_airflow.web.api.pages import Between, Days, First, Last, Limit, Number, Page, cut
from commsarchive_airflow.web.api.refusal import PROBLEMS, Refusal
from commsarchive_airflow.web.api.rights import Auditor, AuditorOf, Caller, Name
from commsarchive_airflow.web.book import book
from include.commsarchive.ledger.control import AuditEntry, AuditFilter
from include.commsarchive.ledger.sql import connect
from include.commsarchive.stages.audit_log import audit_csv, audit_json, trail
from include.commsarchive.stages.evidence import evidence_zip
from include.commsarchive.stages.verify import verify

router = APIRouter(tags=["evidence"], responses=PROBLEMS)

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


ChosenEntries = Annotated[Chosen, Depends()]


@router.get("/connectors/{name}/evidence.zip", response_class=StreamingResponse)
def download_evidence(name: Name, who: AuditorOf, first: First, last: Last) -> StreamingResponse:
    """Download the examiner's package of a connector's days, both ends included.

    It says how verification of the ledger went, which takes a while before the download begins. It holds no
    message content.
    """
    if first > last:
        raise Refusal(422, "invalid", "`first` comes after `last`", "Swap them")
    refuse_unknown(name)
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
    chosen: ChosenEntries,
    days: Between,
    after: Number = NEWEST,
    limit: Limit = 50,
) -> Page[AuditEntry]:
    """List what people did and looked at, newest first."""
    return cut(book().audit(chosen.as_filter(days), after, limit + 1), limit, lambda entry: entry.seq)


@router.get("/audit.csv", response_class=StreamingResponse)
def download_audit_csv(who: Auditor, chosen: ChosenEntries, days: Between) -> StreamingResponse:
    """Download what people did and looked at as CSV, newest first, with the hashes that chain it."""
    return _download(who, chosen.as_filter(days), "csv", "text/csv; charset=utf-8", audit_csv)


@router.get("/audit.json", response_class=StreamingResponse)
def download_audit_json(who: Auditor, chosen: ChosenEntries, days: Between) -> StreamingResponse:
    """Download the same as JSON, in the form in which anybody can recompute the chain."""
    return _download(who, chosen.as_filter(days), "json", "application/json", audit_json)


def _download(
    who: Caller,
    chosen: AuditFilter,
    ending: str,
    kind: str,
    pieces: Callable[[Iterable[AuditEntry]], Iterator[str]],
) -> StreamingResponse:
    """Stream the trail; that it was downloaded is in it first."""
    asked = {"person": chosen.who, "kind": chosen.what}
    who.note("download-audit-trail", (chosen.connectors or [""])[0], ending, **asked)

    def content() -> Iterator[str]:
        with connect(ledger_url()) as ledger:
            yield from pieces(trail(ledger, chosen))

    headers = {"Content-Disposition": f'attachment; filename="audit-trail.{ending}"'}
    return StreamingResponse(content(), media_type=kind, headers=headers)
