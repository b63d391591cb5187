"""Whether the ledger still says what it said, and the mailboxes hold it: now, before, and on request."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from commsarchive_airflow import auth, scheduler
from commsarchive_airflow.connections import mailbox
from commsarchive_airflow.scheduler import Asked
from commsarchive_airflow.web.api.connectors import refuse_unknown
from commsarchive_airflow.web.api.history import NEWEST
from commsarchive_airflow.web.api.pages import Limit, Number, Page, cut
from commsarchive_airflow.web.api.refusal import PROBLEMS, Fault, Refusal, not_there
from commsarchive_airflow.web.api.rights import Auditor, Caller, Verifier
from commsarchive_airflow.web.api.runs import Key, audited, run_id_of
from commsarchive_airflow.web.book import book
from include.commsarchive.stages import verification
from include.commsarchive.stages.verification import Verification, verify_and_keep
from include.commsarchive.stages.verify import Extent

router = APIRouter(tags=["evidence"], responses=PROBLEMS)

Looked = Annotated[Extent, Query(description="copies to look up in their mailboxes")]
Of = Annotated[str, Query(max_length=250, description="a connector; nothing: all")]


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
    compared: int = Field(description="how many of them were compared with what was kept")
    only_found: int = Field(description="how many are there, and could not be compared")
    unseen: int = Field(description="copies besides, at destinations that tell nobody what they have")
    seconds: float = Field(description="how long it took")


class VerificationAsked(BaseModel):
    """What to verify besides the ledger, which is always verified whole."""

    model_config = ConfigDict(extra="forbid")

    connector: str = Field(default="", max_length=250, description="whose copies; nothing: all")
    extent: Extent = Field(default="sample", description="copies to look up in their mailboxes")


@router.get("/verification")
def get_verification(who: Auditor, extent: Looked = "none", connector: Of = "") -> Verified:
    """Recompute the chain of import records, all that they cover, and the audit trail. It takes a while.

    On request it also looks a sample of the copies up in their mailboxes, another one each day, of one
    connector or of all. All copies are looked up by a run: see `POST /verifications`.
    """
    _check(who, connector)
    if extent == "all":
        refusal = Refusal(422, "invalid", "all copies are looked up by a run", "Send POST /verifications")
        refusal.problem.faults = [Fault(key="query.extent", message="not all", remedy="none or sample")]
        raise refusal
    turn = dt.datetime.now(dt.UTC).date().isoformat()
    asked = verification.Asked(who.name, connector, extent)
    found, how = verify_and_keep(book(), mailbox, asked, turn)
    return Verified(
        intact=found.word == "intact",
        verdict=found.word,
        faults=[*found.tampered, *found.incomplete],
        tampered=len(found.tampered),
        incomplete=len(found.incomplete),
        unlisted=found.unlisted,
        records=found.records,
        copies=found.copies,
        compared=found.compared,
        only_found=found.only_found,
        unseen=found.unseen,
        seconds=how.seconds,
    )


@router.get("/verifications")
def list_verifications(
    who: Auditor, connector: Of = "", after: Number = NEWEST, limit: Limit = 50
) -> Page[Verification]:
    """List what verifications found, newest first; of a connector: those of its copies and of all copies."""
    _check(who, connector)
    return cut(verification.kept(book(), connector, after, limit + 1), limit, lambda one: one.number)


@router.post("/verifications", status_code=202)
def start_verification(asked: VerificationAsked, who: Verifier, key: Key = "") -> Asked:
    """Let Airflow verify in a run of its own; what it finds is in the list when the run has ended."""
    _check(who, asked.connector)
    conf = asked.model_dump()
    with audited(who, "start-verification", asked.connector, extent=asked.extent):
        run_id = run_id_of(who, key, scheduler.VERIFICATION, conf)
        return scheduler.trigger(scheduler.VERIFICATION, run_id, conf, who.name, unpause=True)


def _check(who: Caller, name: str) -> None:
    """Refuse a connector that there is not, or that the caller may not read; ``""`` is all of them."""
    if name:
        refuse_unknown(name)
        if not auth.readable(who.user, [name]):
            raise not_there(f"connector {name}")
