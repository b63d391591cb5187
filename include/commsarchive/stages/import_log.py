"""The import log of a run, to download: Microsoft Purview's columns, and ours beside them.

After fan-out, as Purview counts: items available for import = imported + partially imported + skipped +
failed. The table is one rectangle: its first row is the run, then a row for each failure and for what is
archived in part, then a row for each copy that the run made, with what its server called it and the request.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from include.commsarchive.ledger.base import Failure, ImportRecord, Ledger, Receipt

Cell = str | int

FAILURE_COLUMNS = ("Item id", "Source user id", "User", "Failure reason", "Failed in")

DETAIL = "Detail"

COPY_COLUMNS = (
    "Item id",
    "User",
    "Destination",
    "Folder",
    "Delivered (UTC)",
    "Server id",
    "Correlation id",
    "SHA-256 as sent",
    "SHA-256 as kept",
)

_ROW_COLUMNS = tuple(dict.fromkeys((*FAILURE_COLUMNS, *COPY_COLUMNS, DETAIL)))

_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
"""What spreadsheets take for the beginning of a formula: ``= + - @``, and these in full width."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def summary(record: ImportRecord) -> dict[str, Cell]:
    """Give the row of the run."""
    body = record.body
    return {
        "Connector": record.connector,
        "Day": record.day.isoformat(),
        "Run": record.run_id,
        "Import completion time (UTC)": f"{record.closed_at:%Y-%m-%dT%H:%M:%SZ}",
        "Items available from source": body["found"],
        "Items available for import": body["deliveries_planned"],
        "Items imported": body["deliveries_made"] - body["deliveries_partial"],
        "Items partially imported": body["deliveries_partial"],
        "Items skipped (duplicate)": body["deliveries_duplicate"],
        "Items failed": body["deliveries_failed"],
        "Source items archived": body["archived"],
        "Source items duplicate": body["duplicate"],
        "Source items excluded": body["excluded"],
        "Source items quarantined": body["quarantined"],
        "Source items unmapped": body["unmapped"],
        "Mapping version": body["mapping_version"],
        "Delivery root": body["delivery_root"],
        "Record": record.seq,
        "Record hash": record.hash,
        "Previous record hash": record.previous,
        "Software": body["software"],
    }


def csv_rows(record: ImportRecord, ledger: Ledger) -> Iterator[str]:
    """Give the log as CSV, line by line, CRLF line ends.

    Text that a spreadsheet would take for a formula is preceded by an apostrophe.
    """
    first = summary(record)
    columns = [*first, *_ROW_COLUMNS]
    yield csv_line(columns)
    rows = chain(
        [first], map(_failure, ledger.failures_of(record.seq)), map(_copy, ledger.receipts_of(record.seq))
    )
    for row in rows:
        named = row | {"Record": record.seq}
        yield csv_line([named.get(column, "") for column in columns])


def json_pieces(record: ImportRecord, ledger: Ledger) -> Iterator[str]:
    """Give the log as one JSON object, piece by piece: the summary, the whole record, failures, copies."""
    head = {"summary": summary(record), "record": dict(record.body)}
    yield json.dumps(head, indent=1).removesuffix("\n}")
    yield from _list("failures", map(_failure, ledger.failures_of(record.seq)))
    yield from _list("copies", map(_copy, ledger.receipts_of(record.seq)))
    yield "\n}\n"


def _list(name: str, rows: Iterable[dict[str, Cell]]) -> Iterator[str]:
    yield f',\n "{name}": ['
    separator = "\n  "
    for row in rows:
        yield separator + json.dumps(row)
        separator = ",\n  "
    yield "\n ]"


def _failure(failure: Failure) -> dict[str, Cell]:
    values = (failure.item_id, failure.source_user, failure.mailbox, failure.reason, failure.stage)
    return dict(zip((*FAILURE_COLUMNS, DETAIL), (*values, failure.detail), strict=True))


def _copy(receipt: Receipt) -> dict[str, Cell]:
    place = receipt.delivery
    at = dt.datetime.fromtimestamp(receipt.settled_at / 1000, dt.UTC)
    values = (
        *(place.key, place.mailbox, place.destination, place.folder, f"{at:%Y-%m-%dT%H:%M:%SZ}"),
        *(receipt.server_id, receipt.request_id, receipt.content_hash, receipt.stored_hash),
    )
    return dict(zip(COPY_COLUMNS, values, strict=True))


def csv_line(cells: Iterable[Cell]) -> str:
    """Write a row of CSV, CRLF at its end; what a spreadsheet would take for a formula gets an apostrophe."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([_safe(cell) for cell in cells])
    return line.getvalue()


def _safe(cell: Cell) -> Cell:
    if isinstance(cell, int):
        return cell
    text = _CONTROL.sub(" ", cell)
    return f"'{text}" if _FORMULA.match(text) else text
