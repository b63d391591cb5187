"""The import history: every record, its equations, its files, what failed and every copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from commsarchive_airflow import auth
from commsarchive_airflow.connections import ledger_url
from commsarchive_airflow.web.api.pages import After, Between, Limit, Number, Page, cut
from commsarchive_airflow.web.api.refusal import PROBLEMS, not_there
from commsarchive_airflow.web.api.rights import Anybody, Name, Reader
from commsarchive_airflow.web.book import book
from include.commsarchive.control.equations import Equation, equations
from include.commsarchive.ledger.base import Failure, FileRecord, ImportRecord, Ledger, Receipt
from include.commsarchive.ledger.sql import connect
from include.commsarchive.ledger.views import Decided
from include.commsarchive.stages.import_log import csv_rows, json_pieces

router = APIRouter(tags=["history"], responses=PROBLEMS)

NEWEST = 2**62

ItemFate = Literal["archived", "duplicate", "excluded", "quarantined"]


class FullRecord(BaseModel):
    """An import record with what it says: its equations and its files."""

    record: ImportRecord
    equations: tuple[Equation, ...]
    files: list[FileRecord]


@router.get("/history")
def list_history(
    who: Anybody, days: Between, after: Number = NEWEST, limit: Limit = 50
) -> Page[ImportRecord]:
    """List import records of all connectors that you may read, newest first."""
    names = auth.readable(who.user, book().recorded())
    return cut(book().records(names, days.first, days.last, after, limit + 1), limit, _number)


@router.get("/connectors/{name}/history")
def list_history_of(
    name: Name,
    _: Reader,
    days: Between,
    after: Number = NEWEST,
    limit: Limit = 50,
) -> Page[ImportRecord]:
    """List a connector's import records, newest first."""
    return cut(book().records([name], days.first, days.last, after, limit + 1), limit, _number)


@router.get("/connectors/{name}/imports/{seq}")
def get_import(name: Name, _: Reader, seq: int) -> FullRecord:
    """Give an import record with its equations and files."""
    record = record_of(name, seq)
    return FullRecord(record=record, equations=equations(record), files=list(book().files_of(seq)))


@router.get("/connectors/{name}/imports/{seq}/items")
def list_items(
    name: Name, _: Reader, seq: int, state: ItemFate | None = None, after: After = "", limit: Limit = 50
) -> Page[Decided]:
    """List the items of an import and what became of them, as its run's latest plan has them."""
    record_of(name, seq)
    key, revision = after.rpartition("~")[::2]
    found = book().items_page(seq, state or "", (key, revision), limit + 1)
    return cut(found, limit, lambda one: f"{one.key}~{one.revision}")


@router.get("/connectors/{name}/imports/{seq}/failures")
def list_failures(name: Name, _: Reader, seq: int, after: Number = 0, limit: Limit = 50) -> Page[Failure]:
    """List what an import could not archive or map, or not wholly: item, whose copy, why."""
    record_of(name, seq)
    found = book().failures_page(seq, after, limit + 1)
    return Page(items=found[:limit], next=str(after + limit) if len(found) > limit else None)


@router.get("/connectors/{name}/imports/{seq}/copies")
def list_copies(name: Name, _: Reader, seq: int, after: After = "", limit: Limit = 50) -> Page[Receipt]:
    """List the copies that an import made: where, when, the server's id, hashes."""
    record_of(name, seq)
    return cut(book().receipts_page(seq, after, limit + 1), limit, lambda one: one.delivery.delivery_key)


@router.get("/connectors/{name}/imports/{seq}/log.csv", response_class=StreamingResponse)
def download_csv(name: Name, _: Reader, seq: int) -> StreamingResponse:
    """Download the import log of a record as CSV."""
    return download(record_of(name, seq), "csv", "text/csv; charset=utf-8", csv_rows)


@router.get("/connectors/{name}/imports/{seq}/log.json", response_class=StreamingResponse)
def download_json(name: Name, _: Reader, seq: int) -> StreamingResponse:
    """Download the import log of a record as JSON."""
    return download(record_of(name, seq), "json", "application/json", json_pieces)


def download(
    record: ImportRecord, ending: str, kind: str, pieces: Callable[[ImportRecord, Ledger], Iterator[str]]
) -> StreamingResponse:
    """Stream an import log, with flat memory."""

    def content() -> Iterator[str]:
        with connect(ledger_url()) as ledger:
            yield from pieces(record, ledger)

    name = f"{record.connector}-{record.day}-{record.seq}.{ending}"
    return StreamingResponse(
        content(), media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def record_of(name: str, seq: int) -> ImportRecord:
    """Give a connector's import record.

    Raises:
        Refusal: the connector has none of this number.
    """
    record = book().record(seq) if 0 <= seq < NEWEST else None
    if record is None or record.connector != name:
        raise not_there(f"import record {seq} of {name}")
    return record


def _number(record: ImportRecord) -> int:
    return record.seq
