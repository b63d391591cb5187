"""What verifications found, kept in the audit trail, which nobody can rewrite: pages show it from there."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from include.commsarchive.ledger.control import Act, AuditEntry, AuditFilter, Control
from include.commsarchive.stages.verify import Books, Extent, OpenMailbox, Verdict, verify

VERIFY = "verify"
"""What the trail calls it."""

MOST_FAULTS = 20
"""Faults that are kept; the log of the task has more."""

NEWEST = 2**62

_AT_ONCE = 50
"""Verifications that are read together."""

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
    was recomputed. Of the ``copies``, ``compared`` ones were compared with what was kept, ``only_found`` ones
    are there and could not be; the others are gone, and ``unseen`` ones are besides, where nobody can look.
    ``faults`` are one line each, those of tampering first; ``more`` is how many there are besides, ``remedy``
    what to do. ``suspects`` are the keys of copies that were wrong; at least ``unnamed`` are besides, or were
    when all copies were last looked at.
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
    compared: int
    only_found: int
    unseen: int
    faults: tuple[str, ...]
    more: int
    remedy: str
    seconds: float
    suspects: tuple[str, ...]
    unnamed: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked for a verification, of one connector's copies or all, and how many of them."""

    who: str
    connector: str = ""
    extent: Extent = "none"


def verify_and_keep(
    books: Books, open_mailbox: OpenMailbox, asked: Asked, turn: str
) -> tuple[Verdict, Verification]:
    """Verify, and keep how it went. What was wrong before is looked up again where all connectors are.

    That there were more than are known by name is forgotten only when all copies could be looked up.

    Raises:
        Retriable: the ledger cannot be reached.
    """
    started = time.perf_counter()
    whole = asked.extent != "none" and not asked.connector
    before = last_looks(books) if whole else []
    again = suspects(before)
    verdict = verify(books, open_mailbox, asked.extent, connector=asked.connector, turn=turn, again=again)
    if asked.extent != "all" or verdict.unasked:
        verdict.unnamed = max([verdict.unnamed, *(one.unnamed for one in before)])
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
        "compared": verdict.compared,
        "only_found": verdict.only_found,
        "unseen": verdict.unseen,
        "chain_faults": verdict.chain,
        "faults": faults[:MOST_FAULTS],
        "further_faults": len(faults[MOST_FAULTS:]) + verdict.unlisted,
        "suspects": verdict.suspects,
        "unnamed": verdict.unnamed,
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


def last_looks(books: Control) -> list[Verification]:
    """List the verifications that looked at copies, the last first, back to one of all connectors.

    That one looked at those that were wrong before, too.

    Raises:
        Retriable: the ledger cannot be reached.
    """
    looks: list[Verification] = []
    before = NEWEST
    while part := kept(books, before=before, limit=_AT_ONCE):
        before = part[-1].number
        for one in part:
            if one.extent != "none":
                looks.append(one)
                if not one.connector:
                    return looks
    return looks


def suspects(looks: Iterable[Verification]) -> list[str]:
    """Name the copies that were wrong when last looked at."""
    return list(dict.fromkeys(key for one in looks for key in one.suspects))


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
        compared=detail.get("compared", 0),
        only_found=detail.get("only_found", 0),
        unseen=detail.get("unseen", 0),
        faults=tuple(detail.get("faults", ())),
        more=detail.get("further_faults", 0),
        remedy=REMEDIES.get(act.outcome, ""),
        seconds=detail.get("seconds", 0.0),
        suspects=tuple(detail.get("suspects", ())),
        unnamed=detail.get("unnamed", 0),
    )
