"""The examiner's package: all that proves what became of a connector's days, in one zip, as a stream.

Its layout is described in docs/evidence.md and in the README.txt inside. The same ledger gives the same
content. It holds no message content and no secrets; people appear as the import log shows them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

from include.commsarchive import VERSION
from include.commsarchive.ledger.base import FileRecord, Held, ImportRecord, Ledger, PlannedItem
from include.commsarchive.ledger.control import AuditFilter, Control
from include.commsarchive.ledger.proof import KeptVersion, Proof
from include.commsarchive.stages.audit_log import audit_csv, audit_json, trail
from include.commsarchive.stages.import_log import Cell, csv_line, csv_rows, json_pieces, summary
from include.commsarchive.stages.verify import Verdict

MANIFEST = "MANIFEST.sha256"
"""The last file of a package: the SHA-256 of all others, as sha256sum writes and checks it."""

README = """\
EVIDENCE OF IMPORTS: connector {connector}, business days {first} to {last}
Written by commsarchive {version}.

To check that nothing in here was changed:   sha256sum -c MANIFEST.sha256

  package.json            what this package covers, and how verification of the ledger went
  verification.txt        the same verification, in words; one line for each fault
  import-records.csv      one row for each closed run: what was found, archived, duplicate, excluded and
  import-records.json     quarantined, how many copies were planned, made, duplicate and failed. Hash-chained
  import-logs/            for each record: its failures, what attachments are missing, and every copy made,
                          with the server's ids and hashes
  decisions/              for each record: what was decided about each item (planned, duplicate, excluded ...)
  files.csv               every file fetched: size, SHA-256 as fetched and in clear, who signed it
  versions.csv            which configuration and mapping each record used
  configurations/         the connector's definition, each version that was used
  mappings/               the user mapping, scope and directory, each version that was used
  held.csv, held.json     what was set aside, why, and which run took it back in or brought its file anew,
                          or who settled it without that, and for what reason
  audit-trail.csv, .json  who changed or looked at what, the latest first. Hash-chained

For every record: found = archived + duplicate + excluded + quarantined,
and copies planned = made + duplicate + failed. Times are UTC, sizes bytes, hashes SHA-256 in hexadecimal.
A record is numbered by its place in the one chain of all connectors; its hash is that of

  previous hash, a line feed, and the JSON object of seq, run_id, connector, day, closed_at and body,
  with sorted keys, no spaces, and other characters than ASCII as \\uXXXX

so that anybody can compute it anew from import-records.json. In CSV files an apostrophe precedes text that
a spreadsheet would take for a formula.
"""


class Books(Ledger, Proof, Control, Protocol):
    """What the package is made from: `sql.SqlLedger` is one."""


@dataclass(frozen=True, slots=True)
class Range:
    """A connector's business days, both included."""

    connector: str
    first: dt.date
    last: dt.date


Part = tuple[str, Iterable[str]]
"""A file of the package: its name, and its text piece by piece."""


def evidence_zip(
    books: Books, connector: str, first: dt.date, last: dt.date, verdict: Verdict
) -> Iterator[bytes]:
    """Write the package, piece by piece, with flat memory. ``verdict`` is `verify`'s.

    Raises:
        Retriable: the ledger cannot be reached.
    """
    pipe = _Pipe()
    manifest = []
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, pieces in _parts(books, Range(connector, first, last), verdict):
            total = hashlib.sha256()
            with archive.open(_entry(name), "w", force_zip64=True) as sink:
                for piece in pieces:
                    data = piece.encode("utf-8", "backslashreplace")
                    total.update(data)
                    sink.write(data)
                    yield from pipe.drain()
            manifest.append(f"{total.hexdigest()}  {name}\n")
        archive.writestr(_entry(MANIFEST), "".join(manifest))
    yield from pipe.drain()


def _parts(books: Books, days: Range, verdict: Verdict) -> Iterator[Part]:
    records = [one for one in books.history(days.connector, days.first) if one.day <= days.last]
    about = {"connector": days.connector, "first": str(days.first), "last": str(days.last)}
    yield "README.txt", [README.format(version=VERSION, **about)]
    yield (
        "package.json",
        [_json(about | {"software": VERSION, "records": len(records)} | _judgement(verdict))],
    )
    yield "verification.txt", (f"{line}\n" for line in (verdict, *verdict.tampered, *verdict.incomplete))
    yield "import-records.csv", _csv(list(summary(records[0])) if records else [], map(summary, records))
    yield "import-records.json", _list(map(_record, records))
    for record in records:
        name = f"{record.day}-{record.seq}"
        yield f"import-logs/{name}.csv", csv_rows(record, books)
        yield f"import-logs/{name}.json", json_pieces(record, books)
    for record in {one.run_id: one for one in records}.values():
        yield f"decisions/{record.day}-{record.seq}.csv", _table(PlannedItem, books.items_of(record.seq))
    yield "files.csv", _files(books, records)
    yield from _versions(books, days.connector, records)
    yield "held.csv", _table(Held, books.all_held(days.connector, days.first, days.last))
    yield "held.json", _list(map(_plain, books.all_held(days.connector, days.first, days.last)))
    done = AuditFilter([days.connector, ""])  # to the connector, and to the archive as a whole
    yield "audit-trail.csv", audit_csv(trail(books, done))
    yield "audit-trail.json", audit_json(trail(books, done))


def _judgement(verdict: Verdict) -> dict[str, Any]:
    return {
        "verification": verdict.word,
        "records_verified": verdict.records,
        "copies_looked_up": verdict.copies,
        "faults": len(verdict.tampered) + len(verdict.incomplete) + verdict.unlisted,
    }


def _files(books: Proof, records: Sequence[ImportRecord]) -> Iterator[str]:
    columns = ["record", "day", *(field.name for field in fields(FileRecord))]
    rows = (
        {"record": record.seq, "day": str(record.day)} | _plain(one)
        for record in records
        for one in books.files_of(record.seq)
    )
    return _csv(columns, rows)


def _versions(books: Proof, connector: str, records: Sequence[ImportRecord]) -> Iterator[Part]:
    """Give each version that a record names; where one names none, every version that was kept."""
    users: dict[tuple[str, str], list[int]] = {}
    for record in records:
        for kind, version in record.body.get("versions", {}).items():
            users.setdefault((kind, version), []).append(record.seq)
    every = any("versions" not in record.body for record in records)
    rows = []
    for one in books.kept_versions(connector):
        used = users.get((one.kind, one.version), [])
        if used or every:
            name = _version_name(one)
            rows.append({"kind": one.kind, "version": one.version, "file": name, "records": _numbers(used)})
            yield name, [one.body]
    yield "versions.csv", _csv(["kind", "version", "file", "records"], rows)


def _version_name(one: KeptVersion) -> str:
    if one.kind == "connector":
        return f"configurations/{one.version}.json"
    return f"mappings/{one.kind}-{one.version}.json"


def _numbers(records: Sequence[int]) -> str:
    return " ".join(map(str, records))


def _record(record: ImportRecord) -> dict[str, Any]:
    times = {"day": record.day.isoformat(), "closed_at": record.closed_at.isoformat()}
    return asdict(record) | times


def _plain(value: Any) -> dict[str, Any]:
    """A dataclass as JSON's values."""
    row = asdict(value)
    return {name: str(one) if isinstance(one, dt.date) else one for name, one in row.items()}


def _table(kind: type, values: Iterable[Any]) -> Iterator[str]:
    return _csv([field.name for field in fields(kind)], map(_plain, values))


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield csv_line(columns)
    for row in rows:
        yield csv_line([_cell(row[name]) for name in columns])


def _cell(value: Any) -> Cell:
    if isinstance(value, (list, tuple)):
        return " ".join(value)
    return value if isinstance(value, int) else str(value)


def _json(value: object) -> str:
    return json.dumps(value, indent=1) + "\n"


def _list(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    separator = "[\n"
    for row in rows:
        yield separator + json.dumps(row)
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def _entry(name: str) -> zipfile.ZipInfo:
    """Describe a file of the zip, the same way on every host and day."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3
    entry.external_attr = 0o600 << 16
    return entry


class _Pipe(io.RawIOBase):
    """What the zip is written into and read from at once."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def drain(self) -> Iterator[bytes]:
        pieces, self._pieces = self._pieces, []
        yield from pieces
