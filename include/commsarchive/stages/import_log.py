"""The import log of a run, to download: Microsoft Purview's columns, and ours beside them.

After fan-out, as Purview counts: items available for import = imported + partially imported + skipped +
failed. The table is one rectangle: its first row is the run, each further row a failure.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator

from include.commsarchive.ledger.base import Failure, ImportRecord, Ledger

Cell = str | int

FAILURE_COLUMNS = ("Item id", "Source user id", "User", "Failure reason", "Failed in")

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
    yield _line([*first, *FAILURE_COLUMNS])
    yield _line([*first.values(), *("" for _ in FAILURE_COLUMNS)])
    for failure in ledger.failures_of(record.seq):
        yield _line([*("" for _ in first), *_failure(failure).values()])


def json_pieces(record: ImportRecord, ledger: Ledger) -> Iterator[str]:
    """Give the log as one JSON object, piece by piece: the summary, the whole record, the failures."""
    head = {"summary": summary(record), "record": dict(record.body)}
    yield json.dumps(head, indent=1).removesuffix("\n}") + ',\n "failures": ['
    separator = "\n  "
    for failure in ledger.failures_of(record.seq):
        yield separator + json.dumps(_failure(failure))
        separator = ",\n  "
    yield "\n ]\n}\n"


def _failure(failure: Failure) -> dict[str, Cell]:
    values = (failure.item_id, failure.source_user, failure.mailbox, failure.reason, failure.stage)
    return dict(zip(FAILURE_COLUMNS, values, strict=True))


def _line(cells: list[Cell]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([_safe(cell) for cell in cells])
    return line.getvalue()


def _safe(cell: Cell) -> Cell:
    if isinstance(cell, int):
        return cell
    text = _CONTROL.sub(" ", cell)
    return f"'{text}" if _FORMULA.match(text) else text
