"""The audit trail to download, as CSV and JSON: who did what, when, and the hashes that chain it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from typing import Any

from include.commsarchive.ledger.control import AuditEntry, AuditFilter, Control
from include.commsarchive.stages.import_log import csv_line

COLUMNS = ("seq", "time", "at", "who", "what", "connector", "thing", "outcome", "detail", "previous", "hash")

_PAGE = 1000


def trail(books: Control, chosen: AuditFilter) -> Iterator[AuditEntry]:
    """Give all entries that are chosen, the latest first, with flat memory.

    Raises:
        Retriable: the ledger cannot be reached.
    """
    before = 2**62
    while page := books.audit(chosen, before, _PAGE):
        yield from page
        before = page[-1].seq


def audit_csv(entries: Iterable[AuditEntry]) -> Iterator[str]:
    """Write entries as CSV, line by line; an apostrophe precedes text that a spreadsheet would run."""
    yield csv_line(COLUMNS)
    for entry in entries:
        row = audit_row(entry) | {"detail": json.dumps(dict(entry.act.detail), sort_keys=True)}
        yield csv_line([row[name] for name in COLUMNS])


def audit_json(entries: Iterable[AuditEntry]) -> Iterator[str]:
    """Write entries as a JSON list, one a line."""
    separator = "[\n"
    for entry in entries:
        yield separator + json.dumps(audit_row(entry))
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def audit_row(entry: AuditEntry) -> dict[str, Any]:
    """Give an entry as one flat object. All but ``time``, ``previous`` and ``hash`` is what is hashed."""
    act = entry.act
    seconds, ms = divmod(entry.at, 1000)
    return {
        "seq": entry.seq,
        "time": f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%dT%H:%M:%S}.{ms:03}Z",
        "at": entry.at,
        **{name: getattr(act, name) for name in ("who", "what", "connector", "thing", "outcome")},
        "detail": dict(act.detail),
        "previous": entry.previous,
        "hash": entry.hash,
    }
