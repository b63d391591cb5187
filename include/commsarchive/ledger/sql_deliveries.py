"""The ledger's deliveries in a database: intents and receipts."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from include.commsarchive.errors import Fatal
from include.commsarchive.ledger.base import Delivery, Known
from include.commsarchive.ledger.leases import seconds_left
from include.commsarchive.ledger.rows import Row, Rows, among, is_one_of, to_row, update_each
from include.commsarchive.ledger.schema import delivery, fate
from include.commsarchive.model import Outcome

_STATE = sa.select(
    *(delivery.c[name] for name in ("delivery_key", "run_id", "state", "server_id", "settled_at")),
    *(delivery.c[name] for name in ("doubts", "worker")),
)
_WHAT_SERVERS_SAY = ("server_id", "content_hash", "request_id", "stored_hash")
_NO_RECEIPT = dict.fromkeys(_WHAT_SERVERS_SAY, "")
_PLACE = [delivery.c[field.name] for field in fields(Delivery)]


class Deliveries(Rows):
    """Who intended or made which copy."""

    def delivered(self, delivery_keys: Collection[str]) -> dict[str, Known]:
        """See `Ledger.delivered`."""
        with self._database.read() as connection:
            rows = among(connection, _STATE, delivery.c.delivery_key, delivery_keys)
            return {row.delivery_key: _known(row) for row in rows if row.state != "failed"}

    def intend(
        self, run_id: str, deliveries: Sequence[Delivery], *, lease: float = 0, worker: str = ""
    ) -> dict[str, Known]:
        """See `Ledger.intend`."""
        wanted = {one.delivery_key: one for one in deliveries}
        with self._database.write() as connection:
            now = _now()
            rows = list(among(connection, _STATE, delivery.c.delivery_key, wanted))
            left = {
                row.delivery_key: seconds_left(row.settled_at, lease, now)
                for row in rows
                if _is_of_another(row, run_id, worker)
            }
            busy = {key for key, seconds in left.items() if seconds}
            known = {row.delivery_key: _known(row, left.get(row.delivery_key)) for row in rows}
            intent_of_mine = {"run_id": run_id, "worker": worker, "state": "intended", "settled_at": now}
            anew = [
                {"delivery_key": row.delivery_key, "doubts": _doubts(row)}
                for row in rows
                if row.state != "delivered" and row.delivery_key not in busy
            ]
            update_each(connection, delivery, anew, **intent_of_mine)
            found = {row.delivery_key for row in rows}
            intent = to_row(Delivery, **intent_of_mine, **_NO_RECEIPT)
            self._put(connection, delivery, [intent(one) for key, one in wanted.items() if key not in found])
            duplicates = [key for key, one in known.items() if one.delivered and one.run_id != run_id]
            self._put_fates(connection, run_id, duplicates, "duplicate")
        return known

    def renew(self, run_id: str, worker: str, delivery_keys: Collection[str]) -> bool:
        """See `Ledger.renew`."""
        with self._database.write() as connection:
            mine = is_one_of(connection, delivery.c.delivery_key, list(delivery_keys)) & _held_by(
                run_id, worker
            )
            renewed = connection.execute(sa.update(delivery).where(mine).values(settled_at=_now()))
            return renewed.rowcount == len(delivery_keys)

    def release(self, run_id: str, worker: str) -> None:
        """See `Ledger.release`."""
        with self._database.write() as connection:
            connection.execute(sa.update(delivery).where(_held_by(run_id, worker)).values(settled_at=0))

    def settle(self, run_id: str, outcomes: Sequence[Outcome]) -> None:
        """See `Ledger.settle`."""
        by_key = {outcome.delivery_key: outcome for outcome in outcomes}
        with self._database.write() as connection:
            rows = {
                row.delivery_key: row for row in among(connection, _STATE, delivery.c.delivery_key, by_key)
            }
            if unknown := by_key.keys() - rows.keys():
                raise Fatal(f"run {run_id}: {len(unknown)} receipts without an intent; report this as a bug")
            still_open = [one for key, one in by_key.items() if rows[key].state != "delivered"]
            receipts = [_receipt(one) for one in still_open if not (one.reason or one.doubt)]
            failed = [{"delivery_key": one.delivery_key} for one in still_open if one.reason]
            at = {"run_id": run_id, "settled_at": _now()}
            update_each(connection, delivery, receipts, state="delivered", **at)
            update_each(connection, delivery, failed, state="failed", **at)
            in_doubt = [one.delivery_key for one in still_open if one.doubt]
            counted = [{"delivery_key": key, "doubts": _doubts(rows[key]) + 1} for key in in_doubt]
            update_each(connection, delivery, counted)
            self._put_fates(connection, run_id, [row["delivery_key"] for row in failed], "failed")
            elsewhere = [
                key for key, row in rows.items() if row.state == "delivered" and row.run_id != run_id
            ]
            self._put_fates(connection, run_id, elsewhere, "duplicate")

    def open_intents(self, run_id: str) -> Iterator[Delivery]:
        """See `Ledger.open_intents`."""
        chosen = sa.select(*_PLACE).where(_open(run_id)).order_by(delivery.c.delivery_key)
        for row in self._stream(chosen):
            yield Delivery(**row)

    def withdraw(self, run_id: str, delivery_keys: Collection[str]) -> None:
        """See `Ledger.withdraw`."""
        with self._database.write() as connection:
            gone = sa.delete(delivery).where(_open(run_id), delivery.c.delivery_key == sa.bindparam("gone"))
            if delivery_keys:
                connection.execute(gone, [{"gone": key} for key in delivery_keys])

    def _put_fates(self, connection: sa.Connection, run_id: str, keys: Collection[str], what: str) -> None:
        rows: list[Row] = [{"run_id": run_id, "delivery_key": key, "fate": what} for key in keys]
        self._put(connection, fate, rows)


def _receipt(outcome: Outcome) -> Row:
    return {name: getattr(outcome, name) for name in ("delivery_key", *_WHAT_SERVERS_SAY)}


def _is_of_another(row: sa.Row[Any], run_id: str, worker: str) -> bool:
    return row.state == "intended" and (row.run_id, row.worker) != (run_id, worker)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _open(run_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(delivery.c.run_id == run_id, delivery.c.state == "intended")


def _held_by(run_id: str, worker: str) -> sa.ColumnElement[bool]:
    return _open(run_id) & (delivery.c.worker == worker)


def _known(row: sa.Row[Any], left: int | None = None) -> Known:
    """Say what is known of a copy; ``left`` is what is left of another worker's lease."""
    return Known(row.run_id, row.state == "delivered", row.server_id, left or 0, left == 0, _doubts(row))


def _doubts(row: sa.Row[Any]) -> int:
    return 0 if row.state == "failed" else int(row.doubts)
