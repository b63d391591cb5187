"""A business day, its import records, and what each number of a record counts."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import HTMLResponse

from commsarchive_airflow.web.api.connectors import find
from commsarchive_airflow.web.api.history import NEWEST, ItemFate, record_of
from commsarchive_airflow.web.api.rights import Name, Reader
from commsarchive_airflow.web.book import book
from commsarchive_airflow.web.overview import calendar
from commsarchive_airflow.web.pages.frame import render, viewer
from include.commsarchive.control.equations import equations
from include.commsarchive.ledger.base import ImportRecord
from include.commsarchive.ledger.views import HeldFilter

router = APIRouter()

PAGE = 100

Day = Annotated[dt.date, Path()]
After = Annotated[str, Query(max_length=250)]
Offset = Annotated[int, Query(ge=0, le=2**31)]

TERMS = {
    "found": ("items found", "items", ""),
    "archived": ("archived", "copies", ""),
    "duplicate": ("duplicate", "items", "duplicate"),
    "excluded": ("excluded", "items", "excluded"),
    "quarantined": ("quarantined", "failures", ""),
    "deliveries_planned": ("copies planned", "items", ""),
    "deliveries_made": ("delivered", "copies", ""),
    "deliveries_duplicate": ("duplicate", "items", "duplicate"),
    "deliveries_failed": ("failed", "failures", ""),
}
"""The numbers of a record: their words, the list that shows what they count, and its filter."""


@router.get("/connectors/{name}/days/{day}")
def show_day(name: Name, who: Reader, day: Day) -> HTMLResponse:
    """Show what became of a day: every import record of it, the last one first."""
    (state,) = calendar(find(name), day, day)
    records = book().records([name], day, day, NEWEST, PAGE)
    waiting = book().held_page(HeldFilter(name, day, day), 0, 1)
    return render(
        "day.html",
        viewer=viewer(who, name),
        name=name,
        day=state,
        records=[_record(record) for record in records],
        anything_held=bool(waiting),
        terms=TERMS,
    )


@router.get("/connectors/{name}/imports/{seq}")
def show_import(name: Name, who: Reader, seq: int) -> HTMLResponse:
    """Show one import record."""
    record = record_of(name, seq)
    return render("import.html", viewer=viewer(who, name), name=name, one=_record(record), terms=TERMS)


@router.get("/connectors/{name}/imports/{seq}/items")
def show_items(
    name: Name, who: Reader, seq: int, state: ItemFate | None = None, after: After = ""
) -> HTMLResponse:
    """Show the items of an import, or those of one fate."""
    record = record_of(name, seq)
    key, _, revision = after.rpartition("~")
    found = book().items_page(seq, state or "", (key, revision), PAGE + 1)
    last = found[PAGE - 1] if len(found) > PAGE else None
    more = f"{last.key}~{last.revision}" if last else ""
    return _listing("items.html", who, record, items=found[:PAGE], state=state or "", more=more, after=after)


@router.get("/connectors/{name}/imports/{seq}/copies")
def show_copies(name: Name, who: Reader, seq: int, after: After = "") -> HTMLResponse:
    """Show the copies that an import made."""
    record = record_of(name, seq)
    found = book().receipts_page(seq, after, PAGE + 1)
    more = found[PAGE - 1].delivery.delivery_key if len(found) > PAGE else ""
    return _listing("copies.html", who, record, copies=found[:PAGE], more=more, after=after)


@router.get("/connectors/{name}/imports/{seq}/failures")
def show_failures(name: Name, who: Reader, seq: int, offset: Offset = 0) -> HTMLResponse:
    """Show what an import could not archive, map or file."""
    record = record_of(name, seq)
    found = book().failures_page(seq, offset, PAGE + 1)
    return _listing(
        "failures.html", who, record, failures=found[:PAGE], more=_next(found, offset), offset=offset
    )


def _record(record: ImportRecord) -> dict[str, Any]:
    return {
        "record": record,
        "equations": equations(record),
        "files": list(book().files_of(record.seq)),
    }


def _listing(template: str, who: Reader, record: ImportRecord, **words: Any) -> HTMLResponse:
    name = record.connector
    return render(template, viewer=viewer(who, name), name=name, record=record, **words)


def _next(found: list[Any], offset: int) -> int | None:
    return offset + PAGE if len(found) > PAGE else None
