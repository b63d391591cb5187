"""What verifications found, kept in the audit trail, which nobody can rewrite: pages show it from there."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from include.commsarchive.ledger.control import Act, AuditEntry, AuditFilter, Control
from include.commsarchive.stages.verify import Books, Extent, OpenMailbox, Verdict, verify

VERIFY = "verify"
"""What the trail calls it."""

MOST_FAULTS = 20
"""Faults that are kept; the log of the task has more."""

NEWEST = 2**62

_LOOK_BACK = 50
"""Verifications whose suspects are looked up again; the last one of all connectors ends the search."""

REMEDIES = {
    "tampered": "Keep the ledger as it is, compare it with its backup, and find out who changed it",
    "incomplete": "Find out who or what removed a copy, restore it, and put a hold on its mailbox; mend a "
    "destination that cannot be asked; clear a run that was planned anew",
}
"""What to do, by verdict."""


@dataclass(frozen=True, slots=True)
class Verification:
    """One verification. ``connector`` is ``""`` for all; ``at`` is when it ended.

    ``chain`` says whether the ledger itself was intact; ``trail`` is the last entry of the audit trail that
    was recomputed. ``faults`` are one line each, those of tampering first; ``more`` is how many there are
    besides, ``remedy`` what to do. ``suspects`` are the keys of copies that were wrong.
    """

    number: int
    at: dt.datetime
    who: str
    connector: str
    extent: Extent
    verdict: Literal["intact", "incomplete", "tampered"]
    chain: Literal["intact", "tampered"]
    records: int
    trail: int
    copies: int
    faults: tuple[str, ...]
    more: int
    remedy: str
    seconds: float
    suspects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked for a verification, of one connector's copies or all, and how many of them."""

    who: str
    connector: str = ""
    extent: Extent = "none"


def verify_and_keep(
    books: Books, open_mailbox: OpenMailbox, asked: Asked, turn: str
) -> tuple[Verdict, Verification]:
    """Verify, and keep how it went. What was wrong before is in the sample of all connectors again.

    Raises:
        Retriable: the ledger cannot be reached.
    """
    started = time.perf_counter()
    whole_sample = asked.extent == "sample" and not asked.connector
    again = suspects(kept(books, limit=_LOOK_BACK)) if whole_sample else ()
    verdict = verify(books, open_mailbox, asked.extent, connector=asked.connector, turn=turn, again=again)
    return verdict, keep(books, asked, verdict, time.perf_counter() - started)


def keep(books: Control, asked: Asked, verdict: Verdict, seconds: float) -> Verification:
    """Keep how a verification went.

    Raises:
        Retriable: the ledger cannot be reached.
    """
    faults = [*verdict.tampered, *verdict.incomplete]
    detail = {
        "extent": asked.extent,
        "records": verdict.records,
        "trail": verdict.trail,
        "copies": verdict.copies,
        "chain_faults": verdict.chain,
        "faults": faults[:MOST_FAULTS],
        "further_faults": len(faults[MOST_FAULTS:]) + verdict.unlisted,
        "suspects": verdict.suspects,
        "seconds": round(seconds, 3),
    }
    return _read(books.note(Act(asked.who, VERIFY, asked.connector, outcome=verdict.word, detail=detail)))


def kept(books: Control, connector: str = "", before: int = NEWEST, limit: int = 1) -> list[Verification]:
    """List verifications numbered below ``before``, the last first: with a connector, those of it and of all.

    Raises:
        Retriable: the ledger cannot be reached.
    """
    chosen = AuditFilter((connector, "") if connector else None, what=VERIFY)
    return [_read(entry) for entry in books.audit(chosen, before, limit)]


def suspects(found: Sequence[Verification]) -> list[str]:
    """Name the copies that were wrong when last looked at, from the latest verifications, the last first.

    One that looked at all connectors looked at those that were wrong before, too.
    """
    keys: dict[str, None] = {}
    for one in found:
        keys |= dict.fromkeys(one.suspects)
        if not one.connector and one.extent != "none":
            break
    return list(keys)


def _read(entry: AuditEntry) -> Verification:
    """Read an entry; those of earlier versions say less."""
    act, detail = entry.act, entry.act.detail
    tampered = detail.get("chain_faults", act.outcome == "tampered")
    return Verification(
        number=entry.seq,
        at=dt.datetime.fromtimestamp(entry.at / 1000, dt.UTC),
        who=act.who,
        connector=act.connector,
        extent=detail.get("extent", "none"),
        verdict=act.outcome,  # type: ignore[arg-type]
        chain="tampered" if tampered else "intact",
        records=detail.get("records", 0),
        trail=detail.get("trail", 0),
        copies=detail.get("copies", 0),
        faults=tuple(detail.get("faults", ())),
        more=detail.get("further_faults", 0),
        remedy=REMEDIES.get(act.outcome, ""),
        seconds=detail.get("seconds", 0.0),
        suspects=tuple(detail.get("suspects", ())),
    )
