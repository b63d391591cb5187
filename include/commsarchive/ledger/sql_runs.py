"""The ledger's runs in a database: their files, items and failures, and what they set aside."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from include.commsarchive.ledger.base import Failure, FileRecord, Held, HeldStage, PlannedItem, Run
from include.commsarchive.ledger.rows import Row, Rows, among, stream, to_row, update_each
from include.commsarchive.ledger.schema import failure, fate, file, held, item, mapping, run
from include.commsarchive.ledger.seals import failure_order


class Runs(Rows):
    """What a run found and decided."""

    def open_run(self, opened: Run) -> Run:
        """See `Ledger.open_run`."""
        with self._database.write() as connection:
            first = read_run(connection, opened.run_id)
            if first is None:
                row = to_row(Run)(opened) | {"window_end": opened.window_end.isoformat()}
                connection.execute(sa.insert(run), [row])
        return first or opened

    def record_file(self, run_id: str, file_record: FileRecord) -> None:
        """See `Ledger.record_file`."""
        with self._database.write() as connection:
            self._put(connection, file, [to_row(FileRecord, run_id=run_id)(file_record)])

    def files(self, run_id: str) -> list[FileRecord]:
        """See `Ledger.files`."""
        rows = self._stream(sa.select(file).where(file.c.run_id == run_id).order_by(file.c.name))
        return [FileRecord(**_without(row, "run_id")) for row in rows]

    def plan_anew(self, run_id: str) -> None:
        """See `Ledger.plan_anew`."""
        with self._database.write() as connection:
            connection.execute(sa.delete(item).where(item.c.run_id == run_id))
            connection.execute(sa.delete(fate).where(fate.c.run_id == run_id))
            connection.execute(sa.delete(failure).where(failure.c.run_id == run_id))
            now = time.time_ns() // 1_000_000
            connection.execute(sa.update(run).where(run.c.run_id == run_id).values(planned=now))

    def record_items(self, run_id: str, items: Sequence[PlannedItem]) -> None:
        """See `Ledger.record_items`."""
        with self._database.write() as connection:
            self._put(connection, item, list(map(to_row(PlannedItem, run_id=run_id), items)))

    def record_failures(self, run_id: str, failures: Sequence[Failure]) -> None:
        """See `Ledger.record_failures`."""
        with self._database.write() as connection:
            self._put(connection, failure, list(map(to_row(Failure, run_id=run_id), failures)))

    def failures(self, run_id: str) -> Iterator[Failure]:
        """See `Ledger.failures`."""
        for row in self._stream(failures_in_order(run_id)):
            yield Failure(**row)


_NEWS = ("held_id", "run_id", "reason", "detail", "people")
"""What changes when a held thing is set aside again; its day and place are those of the first time."""


class Kept(Rows):
    """What outlives runs: things set aside, and versions of the mapping."""

    def hold(self, things: Sequence[Held]) -> None:
        """See `Ledger.hold`."""
        by_id = {thing.held_id: thing for thing in things}
        with self._database.write() as connection:
            known = {
                row.held_id for row in among(connection, sa.select(held.c.held_id), held.c.held_id, by_id)
            }
            if new := [_held_row(thing) for key, thing in by_id.items() if key not in known]:
                connection.execute(sa.insert(held), new)
            again = [_with(_held_row(by_id[key]), *_NEWS) for key in known]
            update_each(connection, held, again, resolved_by="")

    def resolve(self, held_ids: Collection[str], resolved_by: str) -> None:
        """See `Ledger.resolve`."""
        with self._database.write() as connection:
            rows = [{"held_id": held_id} for held_id in held_ids]
            update_each(connection, held, rows, resolved_by=resolved_by)

    def held(self, connector: str, first: dt.date, last: dt.date) -> Iterator[Held]:
        """See `Ledger.held`."""
        chosen = sa.select(held).where(
            held.c.connector == connector, held.c.day.between(first, last), held.c.resolved_by == ""
        )
        for row in self._stream(chosen.order_by(held.c.day, held.c.seq)):
            yield held_of(row)

    def keep_mapping(self, connector: str, kind: str, version: str, body: str) -> None:
        """See `Ledger.keep_mapping`."""
        row = {"connector": connector, "kind": kind, "version": version, "body": body, "in_force": True}
        with self._database.write() as connection:
            same = (mapping.c.connector == connector) & (mapping.c.kind == kind)
            if connection.scalar(sa.select(mapping.c.version).where(same, mapping.c.in_force)) == version:
                return
            others = sa.update(mapping).where(same)
            connection.execute(others.values(in_force=False))
            self._put(connection, mapping, [row | {"since": time.time_ns() // 1_000_000}])

    def mapping(self, connector: str, kind: str) -> str:
        """See `Ledger.mapping`."""
        chosen = sa.select(mapping.c.body).where(
            mapping.c.connector == connector, mapping.c.kind == kind, mapping.c.in_force
        )
        with self._database.read() as connection:
            return connection.scalar(chosen) or ""


def failures_in_order(run_id: str) -> sa.Select[Any]:
    """Select a run's failure rows, in the order in which they are sealed."""
    order = failure_order(failure)
    return sa.select(*order).where(failure.c.run_id == run_id).order_by(*order)


def read_run(connection: sa.Connection, run_id: str) -> Run | None:
    """Read a run as it was first recorded, or None when it never was."""
    return next(read_runs(connection, run.c.run_id == run_id), None)


def read_runs(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> Iterator[Run]:
    """Read runs as they were first recorded."""
    columns = [run.c[field.name] for field in fields(Run)]
    for row in stream(connection, sa.select(*columns).where(chosen).order_by(run.c.run_id)):
        yield Run(**row | {"window_end": dt.datetime.fromisoformat(row["window_end"])})


def held_of(row: Row) -> Held:
    """Make a held thing of its row."""
    values = {"people": tuple(json.loads(row["people"])), "stage": HeldStage(row["stage"])}
    return Held(**_without(row, "seq") | values)


def _held_row(thing: Held) -> Row:
    return to_row(Held)(thing) | {"people": json.dumps(thing.people)}


def _without(row: Row, name: str) -> Row:
    return {key: value for key, value in row.items() if key != name}


def _with(row: Row, *names: str) -> Row:
    return {name: row[name] for name in names}
