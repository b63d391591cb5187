"""The import records as a hash chain, and the roots of the deliveries and failures that they cover.

Each record's hash covers its content and the hash of the record before it; the head of the chain is kept
apart, so that a record missing at the end is noticed too. What an adapter stores is checked here.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, fields, replace
from operator import attrgetter
from typing import Any

from include.commsarchive.errors import Retriable
from include.commsarchive.ids import digest, root_hash
from include.commsarchive.ledger.base import Failure, FileRecord, ImportRecord, PlannedItem, Receipt, Run

GENESIS = "0" * 64
"""What the first record names as the hash before it."""


COVERED = {
    "delivery_root": "deliveries",
    "failure_root": "failures",
    "file_root": "files",
    "item_root": "items",
}
"""The roots in a record's body, and what each of them covers."""


@dataclass(frozen=True, slots=True)
class Head:
    """The last record of the chain: its number and hash."""

    seq: int = 0
    hash: str = GENESIS


def receipt_digest(receipt: Receipt) -> str:
    """Hash all that is known of a copy. What the first ledgers did not keep counts where it is known."""
    one = receipt.delivery
    later = (("request", receipt.request_id), ("stored", receipt.stored_hash))
    return digest(
        *(one.delivery_key, one.key, one.revision, one.destination, one.mailbox, one.folder),
        *(receipt.run_id, receipt.server_id, receipt.content_hash, str(receipt.settled_at)),
        *(f"{what} {value}" for what, value in later if value),
    )


def delivery_root(receipts: Iterable[Receipt]) -> str:
    """Hash the receipts of a run, which come in the order of their delivery keys."""
    return root_hash(map(receipt_digest, receipts))


def failure_root(failures: Iterable[Failure]) -> str:
    """Hash the failure rows of a run, in the order in which they are listed. Only a stated detail counts."""
    rows = map(astuple, failures)
    return root_hash(digest(*(row if row[-1] else row[:-1])) for row in rows)


_FILE = attrgetter(*[field.name for field in fields(FileRecord)])
_ITEM = attrgetter(*[field.name for field in fields(PlannedItem)])


def file_root(files: Iterable[FileRecord]) -> str:
    """Hash the files of a run, by name."""
    return root_hash(digest(*map(str, _FILE(file))) for file in files)


def item_root(items: Iterable[PlannedItem]) -> str:
    """Hash what was decided about the items of a run, in any order."""
    return root_hash(sorted(digest(*map(str, _ITEM(item))) for item in items))


def canonical(value: object) -> str:
    """Write JSON of which there is one text for one value: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def record_hash(record: ImportRecord) -> str:
    """Hash a record's content and the hash of the one before it (SHA-256, 64 hexadecimal digits)."""
    content = {
        "seq": record.seq,
        "run_id": record.run_id,
        "connector": record.connector,
        "day": record.day.isoformat(),
        "closed_at": record.closed_at.isoformat(),
        "body": record.body,
    }
    return hashlib.sha256(f"{record.previous}\n{canonical(content)}".encode("ascii")).hexdigest()


def next_record(head: Head, run: Run, body: Mapping[str, Any], root: str) -> ImportRecord:
    """Make the record that follows the head; ``root`` is that of the run's deliveries as they are now.

    Raises:
        Retriable: ``body`` was computed from other deliveries.
    """
    if body["delivery_root"] != root:
        raise Retriable(
            f"run {run.run_id}: copies were made while it was being closed. Reconcile it again once its "
            "tasks have ended"
        )
    record = ImportRecord(
        seq=head.seq + 1,
        run_id=run.run_id,
        connector=run.connector,
        day=run.day,
        closed_at=dt.datetime.now(dt.UTC),
        previous=head.hash,
        hash="",
        body=json.loads(canonical(dict(body))),
    )
    return replace(record, hash=record_hash(record))


def check(
    records: Iterable[ImportRecord],
    head: Head,
    roots: Mapping[str, Callable[[ImportRecord], str | None]],
    late: Callable[[str, int], int],
) -> Iterator[str]:
    """Recompute the chain and its roots; give a line for each thing that is off.

    ``roots`` compute each of `COVERED` anew for a record, or give None where that cannot be told any more.
    Records of earlier versions of the ledger lack some. ``late`` counts a run's copies that no record up to
    this, its last, covers.
    """
    last = Head()
    runs: dict[str, int] = {}
    for record in records:
        name = f"import record {record.seq} (run {record.run_id})"
        if record.hash != record_hash(record):
            yield f"{name}: its content is not what was hashed: the record was changed"
        if (record.seq, record.previous) != (last.seq + 1, last.hash):
            yield f"{name}: does not follow record {last.seq}: a record was changed, removed or inserted"
        for root, root_of in roots.items():
            stated = record.body.get(root)
            if (stated is not None or root == "delivery_root") and root_of(record) not in (stated, None):
                what = COVERED[root]
                yield f"{name}: its {what} are not what it covers: one was changed, removed or inserted"
        last = Head(record.seq, record.hash)
        runs[record.run_id] = record.seq
    if last != head:
        yield f"the chain ends with record {last.seq}, but its head is record {head.seq}: the end was changed"
    for run_id, seq in runs.items():
        if number := late(run_id, seq):
            yield f"run {run_id}: {number} deliveries are not covered by its import record {seq}"
