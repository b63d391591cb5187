"""What pages and reports ask of the ledger, in a database."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection
from dataclasses import fields
from itertools import islice
from operator import attrgetter
from typing import Any

import msgspec
import sqlalchemy as sa

from include.commsarchive.ledger.base import Failure, Held, HeldStage, ImportRecord, Receipt
from include.commsarchive.ledger.rows import Rows
from include.commsarchive.ledger.schema import (
    custodian,
    delivery,
    held,
    import_record,
    mapping,
    run,
    sealed_failure,
)
from include.commsarchive.ledger.sql_history import read_fates, read_receipts, read_records, sealed_failures
from include.commsarchive.ledger.sql_runs import held_of
from include.commsarchive.ledger.tally import decided
from include.commsarchive.ledger.views import (
    Closed,
    Custodian,
    Decided,
    HeldFilter,
    MappingVersion,
    SetAside,
    Unmapped,
)

_COLUMNS = [import_record.c[name] for name in ("seq", "run_id", "connector", "day", "closed_at", "body")]


class _Numbers(msgspec.Struct):
    """The part of an import record's body that overviews show; the rest is not even decoded."""

    kind: str = ""
    found: int = 0
    archived: int = 0
    duplicate: int = 0
    excluded: int = 0
    quarantined: int = 0
    unmapped: int = 0
    unmapped_people: int = 0
    deliveries_made: int = 0
    deliveries_failed: int = 0


_decode = msgspec.json.Decoder(_Numbers).decode


class SqlViews(Rows):
    """See `Views`."""

    def recorded(self) -> list[str]:
        """See `Views.recorded`."""
        with self._database.read() as connection:
            return sorted(connection.scalars(sa.select(import_record.c.connector).distinct()))

    def closed(self, connectors: Collection[str], first: dt.date, last: dt.date) -> list[Closed]:
        """See `Views.closed`."""
        chosen = import_record.c.connector.in_(connectors) & import_record.c.day.between(first, last)
        numbers = sa.select(import_record.c.seq).where(chosen)  # from the index; then rows as they lie
        with self._database.read() as connection:
            rows = connection.execute(sa.select(*_COLUMNS).where(import_record.c.seq.in_(numbers))).all()
            return sorted(map(_numbers, rows), key=attrgetter("seq"))

    def last_closed(self, connectors: Collection[str]) -> list[Closed]:
        """See `Views.last_closed`."""
        rows = sa.select(*_COLUMNS).join(run, run.c.run_id == import_record.c.run_id)
        newest = rows.where(run.c.kind != "replay").order_by(import_record.c.seq.desc()).limit(1)
        with self._database.read() as connection:
            return [
                _numbers(row)
                for name in connectors
                for row in connection.execute(newest.where(import_record.c.connector == name))
            ]

    def records(
        self, connectors: Collection[str], first: dt.date, last: dt.date, before: int, limit: int
    ) -> list[ImportRecord]:
        """See `Views.records`."""
        chosen = import_record.c.day.between(first, last) & (import_record.c.seq < before)
        if len(connectors) == 1:
            chosen &= import_record.c.connector.in_(connectors)
        else:  # hidden from the planner, which would read and sort the whole history of them all
            chosen &= sa.func.coalesce(import_record.c.connector, "").in_(connectors)
        rows = sa.select(import_record).where(chosen).order_by(import_record.c.seq.desc()).limit(limit)
        with self._database.read() as connection:
            return list(read_records(connection, rows))

    def record(self, seq: int) -> ImportRecord | None:
        """See `Views.record`."""
        with self._database.read() as connection:
            rows = read_records(connection, sa.select(import_record).where(import_record.c.seq == seq))
            return next(rows, None)

    def items_page(self, seq: int, state: str, after: tuple[str, str], limit: int) -> list[Decided]:
        """See `Views.items_page`."""
        run_id = sa.select(import_record.c.run_id).where(import_record.c.seq == seq)
        with self._database.read() as connection:
            found = map(decided, read_fates(connection, connection.scalar(run_id) or ""))
            wanted = (one for one in found if (one.key, one.revision) > after and state in ("", one.state))
            return list(islice(wanted, limit))

    def failures_page(self, seq: int, offset: int, limit: int) -> list[Failure]:
        """See `Views.failures_page`."""
        rows = sealed_failures(seq).where(sealed_failure.c.number > offset).limit(limit)
        return [Failure(**row) for row in self._stream(rows)]

    def receipts_page(self, seq: int, after: str, limit: int) -> list[Receipt]:
        """See `Views.receipts_page`."""
        run_id = sa.select(import_record.c.run_id).where(import_record.c.seq == seq).scalar_subquery()
        mine = (delivery.c.run_id == run_id) & (delivery.c.sealed == seq) & (delivery.c.delivery_key > after)
        with self._database.read() as connection:
            return list(read_receipts(connection, mine, limit))

    def set_aside(self, connectors: Collection[str]) -> list[SetAside]:
        """See `Views.set_aside`."""
        key = (held.c.connector, held.c.day, held.c.stage)
        rows = sa.select(*key, sa.func.count().label("number")).where(
            held.c.connector.in_(connectors), held.c.resolved_by == ""
        )
        return [
            SetAside(**row | {"stage": HeldStage(row["stage"])}) for row in self._stream(rows.group_by(*key))
        ]

    def held_page(self, chosen: HeldFilter, after: int, limit: int) -> list[tuple[int, Held]]:
        """See `Views.held_page`."""
        rows = sa.select(held).where(
            held.c.connector == chosen.connector,
            held.c.day.between(chosen.first, chosen.last),
            held.c.resolved_by == "",
            held.c.seq > after,
        )
        for column, wanted in ((held.c.stage, chosen.stage), (held.c.reason, chosen.reason)):
            if wanted:
                rows = rows.where(column == wanted)
        return [(row["seq"], held_of(row)) for row in self._stream(rows.order_by(held.c.seq).limit(limit))]

    def held_one(self, held_id: str) -> Held | None:
        """See `Views.held_one`."""
        rows = self._stream(sa.select(held).where(held.c.held_id == held_id))
        return next((held_of(row) for row in rows), None)

    def unmapped_people(self, connector: str) -> list[Unmapped]:
        """See `Views.unmapped_people`."""
        chosen = sa.select(held.c.people, sa.func.min(held.c.day).label("since"), sa.func.count().label("n"))
        rows = chosen.where(held.c.connector == connector, held.c.resolved_by == "", held.c.people != "[]")
        found: dict[str, Unmapped] = {}
        for row in self._stream(rows.group_by(held.c.people)):
            for person in json.loads(row["people"]):
                before = found.get(person, Unmapped(person, row["since"], 0))
                since = min(before.since, row["since"])
                found[person] = Unmapped(person, since, before.items + row["n"])
        return [found[person] for person in sorted(found)]

    def custodians(self, connector: str, after: str, limit: int) -> list[Custodian]:
        """See `Views.custodians`."""
        days = (sa.func.min(import_record.c.day), sa.func.max(import_record.c.day))
        copies = sa.cast(sa.func.sum(custodian.c.copies), sa.BigInteger)
        rows = sa.select(custodian.c.mailbox, *days, copies).join(
            import_record, import_record.c.seq == custodian.c.seq
        )
        mine = rows.where(import_record.c.connector == connector, custodian.c.mailbox > after)
        with self._database.read() as connection:
            page = mine.group_by(custodian.c.mailbox).order_by(custodian.c.mailbox).limit(limit)
            return [Custodian(*row) for row in connection.execute(page)]

    def mapping_versions(self, connector: str) -> list[MappingVersion]:
        """See `Views.mapping_versions`."""
        columns = [mapping.c[field.name] for field in fields(MappingVersion)]
        rows = sa.select(*columns).where(mapping.c.connector == connector)
        order = rows.order_by(mapping.c.in_force.desc(), mapping.c.since.desc(), mapping.c.version)
        return [MappingVersion(**row) for row in self._stream(order)]


def _numbers(row: Any) -> Closed:
    """Make what overviews show of a row of `_COLUMNS`."""
    seq, run_id, connector, day, closed_at, body = row
    at = dt.datetime.fromisoformat(closed_at)
    return Closed(seq, run_id, connector, day, at, *msgspec.structs.astuple(_decode(body)))
