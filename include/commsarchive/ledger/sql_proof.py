"""What proofs ask of the ledger, in a database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields

import sqlalchemy as sa

from include.commsarchive.ids import digest
from include.commsarchive.ledger import chain
from include.commsarchive.ledger.base import (
    FileRecord,
    Held,
    HeldStage,
    ImportRecord,
    PlannedItem,
    Receipt,
    Run,
)
from include.commsarchive.ledger.proof import KeptVersion, Share, Waits
from include.commsarchive.ledger.rows import Rows, stream
from include.commsarchive.ledger.schema import (
    custodian,
    delivery,
    held,
    import_record,
    mapping,
    run,
    sealed_failure,
    sealed_file,
)
from include.commsarchive.ledger.sql_history import (
    count_copies,
    made_by,
    read_failures,
    read_head,
    read_items,
    read_receipts,
    read_records,
    sealed_failures,
)
from include.commsarchive.ledger.sql_runs import held_of, read_runs

_FILE = [sealed_file.c[field.name] for field in fields(FileRecord)]
_RECORD_OF = (import_record.c.run_id == run.c.run_id) & (import_record.c.connector == run.c.connector)


class SqlProof(Rows):
    """See `Proof`, and `Ledger.verify`."""

    def files_of(self, seq: int) -> Iterator[FileRecord]:
        """See `Proof.files_of`."""
        with self._database.read() as connection:
            yield from _files(connection, seq)

    def items_of(self, seq: int) -> Iterator[PlannedItem]:
        """See `Proof.items_of`."""
        with self._database.read() as connection:
            run_id = connection.scalar(sa.select(import_record.c.run_id).where(import_record.c.seq == seq))
            yield from read_items(connection, run_id or "")

    def copies(self, connector: str = "", after: str = "", limit: int | None = None) -> Iterator[Receipt]:
        """See `Proof.copies`."""
        chosen = (
            (delivery.c.sealed > 0) & (delivery.c.state == "delivered") & (delivery.c.delivery_key > after)
        )
        if connector:
            chosen &= delivery.c.run_id.in_(sa.select(run.c.run_id).where(run.c.connector == connector))
        with self._database.read() as connection:
            yield from read_receipts(connection, chosen, limit)

    def kept_versions(self, connector: str) -> Iterator[KeptVersion]:
        """See `Proof.kept_versions`."""
        columns = [mapping.c[field.name] for field in fields(KeptVersion)]
        rows = sa.select(*columns).where(mapping.c.connector == connector)
        for row in self._stream(rows.order_by(mapping.c.kind, mapping.c.version)):
            yield KeptVersion(**row)

    def all_held(self, connector: str, first: dt.date, last: dt.date) -> Iterator[Held]:
        """See `Proof.all_held`."""
        rows = sa.select(held).where(held.c.connector == connector, held.c.day.between(first, last))
        for row in self._stream(rows.order_by(held.c.day, held.c.seq)):
            yield held_of(row)

    def waiting(self, connector: str) -> list[Waits]:
        """See `Proof.waiting`."""
        key = (held.c.day, held.c.stage, held.c.reason)
        rows = sa.select(*key, sa.func.count().label("number")).group_by(*key).order_by(*key)
        mine = rows.where(held.c.connector == connector, held.c.resolved_by == "")
        return [Waits(**row | {"stage": HeldStage(row["stage"])}) for row in self._stream(mine)]

    def unclosed(self, connector: str, since: dt.date) -> list[Run]:
        """See `Proof.unclosed`."""
        closed = sa.select(import_record.c.run_id).where(import_record.c.connector == connector)
        recent = (run.c.connector == connector) & (run.c.window_end >= since.isoformat())
        is_open = (run.c.planned > 0) | run.c.run_id.not_in(closed)
        with self._database.read() as connection:
            return list(read_runs(connection, recent & is_open))

    def replanned(self) -> list[str]:
        """See `Proof.replanned`."""
        with self._database.read() as connection:
            return sorted(_replanned(connection))

    def archived_days(self, connector: str) -> set[dt.date]:
        """See `Proof.archived_days`."""
        days = sa.select(import_record.c.day).join(run, _RECORD_OF).distinct()
        with self._database.read() as connection:
            mine = days.where(import_record.c.connector == connector, run.c.kind != "replay")
            return set(connection.scalars(mine))

    def shares(self, connector: str, since: dt.date) -> Iterator[Share]:
        """See `Proof.shares`."""
        key = (import_record.c.day, custodian.c.mailbox)
        copies = sa.cast(sa.func.sum(custodian.c.copies), sa.Integer).label("copies")
        rows = sa.select(*key, copies).join(import_record, import_record.c.seq == custodian.c.seq)
        mine = rows.where(import_record.c.connector == connector, import_record.c.day >= since)
        for row in self._stream(mine.group_by(*key)):
            yield Share(**row)

    def verify(self) -> Iterator[str]:
        """See `Ledger.verify`."""
        with self._database.read() as connection:
            rows = sa.select(import_record).order_by(import_record.c.seq)
            records = list(read_records(connection, rows))
            last = {record.run_id: record for record in records}
            replanned = _replanned(connection)

            def item_root(record: ImportRecord) -> str | None:
                if last[record.run_id] is not record or record.run_id in replanned:
                    return None
                return chain.item_root(read_items(connection, record.run_id))

            yield from chain.check(
                records,
                read_head(connection),
                {
                    "delivery_root": lambda record: chain.delivery_root(
                        read_receipts(connection, made_by(record.run_id) & (delivery.c.sealed <= record.seq))
                    ),
                    "failure_root": lambda record: chain.failure_root(
                        read_failures(connection, sealed_failures(record.seq))
                    ),
                    "file_root": lambda record: chain.file_root(_files(connection, record.seq)),
                    "item_root": item_root,
                },
                lambda run_id, seq: count_copies(
                    connection,
                    made_by(run_id) & (delivery.c.sealed.is_(None) | (delivery.c.sealed > seq)),
                ),
            )
            yield from _runs_off(connection, last.values())
            yield from _versions_off(connection, records)
            yield from _numbers_off(connection)


def _files(connection: sa.Connection, seq: int) -> Iterator[FileRecord]:
    rows = sa.select(*_FILE).where(sealed_file.c.seq == seq).order_by(sealed_file.c.number)
    for row in stream(connection, rows):
        yield FileRecord(**row)


def _replanned(connection: sa.Connection) -> set[str]:
    """Give the runs with an import record that were planned anew since."""
    records = sa.select(import_record.c.run_id)
    return set(
        connection.scalars(sa.select(run.c.run_id).where(run.c.planned > 0, run.c.run_id.in_(records)))
    )


def _runs_off(connection: sa.Connection, records: Iterable[ImportRecord]) -> Iterator[str]:
    """Compare each closed run with what its record says of it."""
    runs = {one.run_id: one for one in read_runs(connection, sa.true())}
    for record in records:
        found = runs.get(record.run_id)
        said = {"kind": found and found.kind, "window_end": found and found.window_end.isoformat()}
        same = found and (found.connector, found.day) == (record.connector, record.day)
        if not same or any(record.body.get(name, has) != has for name, has in said.items()):
            yield (
                f"run {record.run_id}: is not what import record {record.seq} says: it was changed or removed"
            )


def _numbers_off(connection: sa.Connection) -> Iterator[str]:
    """Look for gaps in the numbers of what was sealed, which say its order."""
    for table, what in ((sealed_file, "files"), (sealed_failure, "failures")):
        first, last = sa.func.min(table.c.number), sa.func.max(table.c.number)
        rows = sa.select(table.c.seq).group_by(table.c.seq).having((first != 1) | (last != sa.func.count()))
        for seq in connection.scalars(rows.order_by(table.c.seq)):
            yield f"import record {seq}: its {what} are not numbered as they were: one was changed"


def _versions_off(connection: sa.Connection, records: Sequence[ImportRecord]) -> Iterator[str]:
    """Look for the versions of mapping and definition that records name."""
    named: dict[tuple[str, str, str], int] = {}
    for record in records:
        for kind, version in record.body.get("versions", {}).items():
            named.setdefault((record.connector, kind, version), record.seq)
    columns = (mapping.c.connector, mapping.c.kind, mapping.c.version, mapping.c.body)
    for row in stream(connection, sa.select(*columns)):
        if row["version"] == digest("mapping", row["body"]):
            named.pop((row["connector"], row["kind"], row["version"]), None)
    for (connector, kind, version), seq in named.items():
        yield (
            f"{connector}: version {version} of {kind}, named by import record {seq}, is not what was kept: "
            "it was changed or removed"
        )
