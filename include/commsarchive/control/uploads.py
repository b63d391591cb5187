"""A mapping file that somebody uploads: what is wrong with it, and what it would change."""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import dataclass

from include.commsarchive.mapping.snapshot import Row, Snapshot
from include.commsarchive.mapping.table import FIRST, ID, LAST, MAILBOX, read_mapping


@dataclass(frozen=True, slots=True)
class BadRow:
    """What is wrong with a row, counted as a spreadsheet does; row 0 is the whole file."""

    row: int
    text: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What an upload would change. A row whose mailbox changes is removed and added.

    With ``bad`` rows it cannot be accepted. ``version`` names its content.
    """

    version: str
    rows: int
    unchanged: int
    added: tuple[Row, ...]
    removed: tuple[Row, ...]
    bad: tuple[BadRow, ...]


def preview(before: Snapshot, content: bytes) -> tuple[Snapshot, Preview]:
    """Read an upload and compare it with the version in force."""
    table = read_mapping(content)
    after = table.snapshot
    old, new = set(before.rows), set(after.rows)
    return after, Preview(
        version=after.version,
        rows=len(after.rows),
        unchanged=len(old & new),
        added=tuple(sorted(new - old)),
        removed=tuple(sorted(old - new)),
        bad=tuple(BadRow(one.row, one.text) for one in table.problems),
    )


def to_csv(snapshot: Snapshot) -> str:
    """Write a version as a mapping file, CRLF line ends."""
    sink = io.StringIO()
    lines = csv.writer(sink, lineterminator="\r\n")
    lines.writerow((ID, MAILBOX, FIRST, LAST))
    for row in snapshot.rows:
        first = "" if row.first == dt.date.min else row.first.isoformat()
        last = "" if row.last == dt.date.max else row.last.isoformat()
        lines.writerow((row.external_id, row.mailbox, first, last))
    return sink.getvalue()
