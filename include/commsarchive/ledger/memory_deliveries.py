"""The deliveries of a ledger in memory: intents and receipts."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Literal

from include.commsarchive.errors import Fatal
from include.commsarchive.ledger.base import Delivery, Known, Receipt
from include.commsarchive.ledger.leases import seconds_left
from include.commsarchive.model import Outcome

Fate = Literal["duplicate", "failed"]


@dataclass(slots=True)
class _Copy:
    """A delivery: its receipt (blank until it is made), how far it went, what covers it."""

    receipt: Receipt
    state: Literal["intended", "delivered", "failed"] = "intended"
    sealed: int = 0
    doubts: int = 0
    worker: str = ""

    def is_made_by(self, run_id: str) -> bool:
        return self.state == "delivered" and self.receipt.run_id == run_id

    def is_held_by(self, run_id: str, worker: str) -> bool:
        return (self.state, self.receipt.run_id, self.worker) == ("intended", run_id, worker)

    def known(self) -> Known:
        doubts = 0 if self.state == "failed" else self.doubts
        return Known(self.receipt.run_id, self.state == "delivered", self.receipt.server_id, doubts=doubts)


class MemoryDeliveries:
    """Who intended or made which copy."""

    def __init__(self) -> None:
        """Start empty."""
        self._copies: dict[str, _Copy] = {}
        self._fates: dict[str, dict[str, Fate]] = {}

    def delivered(self, delivery_keys: Collection[str]) -> dict[str, Known]:
        """See `Ledger.delivered`."""
        return {
            key: copy.known()
            for key in delivery_keys
            if (copy := self._copies.get(key)) and copy.state != "failed"
        }

    def intend(
        self, run_id: str, deliveries: Sequence[Delivery], *, lease: float = 0, worker: str = ""
    ) -> dict[str, Known]:
        """See `Ledger.intend`."""
        copies = {key: copy for one in deliveries if (copy := self._copies.get(key := one.delivery_key))}
        known = {key: copy.known() for key, copy in copies.items()}
        now = _now()
        for one in deliveries:
            key = one.delivery_key
            before = known.get(key)
            if before is None or not before.delivered:
                if before and copies[key].state == "intended" and not copies[key].is_held_by(run_id, worker):
                    busy = seconds_left(copies[key].receipt.settled_at, lease, now)
                    known[key] = before = replace(before, busy=busy, taken=not busy)
                if not (before and before.busy):
                    doubts = before.doubts if before else 0
                    self._copies[key] = _Copy(Receipt(one, run_id, "", "", now), doubts=doubts, worker=worker)
            elif before.run_id != run_id:
                self._put_fate(run_id, key, "duplicate")
        return known

    def renew(self, run_id: str, worker: str, delivery_keys: Collection[str]) -> bool:
        """See `Ledger.renew`."""
        copies = [self._copies[key] for key in delivery_keys if key in self._copies]
        mine = [copy for copy in copies if copy.is_held_by(run_id, worker)]
        for copy in mine:
            copy.receipt = replace(copy.receipt, settled_at=_now())
        return len(mine) == len(delivery_keys)

    def release(self, run_id: str, worker: str) -> None:
        """See `Ledger.release`."""
        for copy in self._copies.values():
            if copy.is_held_by(run_id, worker):
                copy.receipt = replace(copy.receipt, settled_at=0)

    def settle(self, run_id: str, outcomes: Sequence[Outcome]) -> None:
        """See `Ledger.settle`."""
        if unknown := {one.delivery_key for one in outcomes} - self._copies.keys():
            raise Fatal(f"run {run_id}: {len(unknown)} receipts without an intent; report this as a bug")
        for one in outcomes:
            copy = self._copies[one.delivery_key]
            if copy.state == "delivered":
                if copy.receipt.run_id != run_id:
                    self._put_fate(run_id, one.delivery_key, "duplicate")
                continue
            if one.doubt:
                copy.doubts += 1
                continue
            copy.state = "failed" if one.reason else "delivered"
            copy.receipt = Receipt(
                delivery=copy.receipt.delivery,
                run_id=run_id,
                server_id=one.server_id,
                content_hash=one.content_hash,
                settled_at=_now(),
                request_id=one.request_id,
                stored_hash=one.stored_hash,
            )
            if one.reason:
                self._put_fate(run_id, one.delivery_key, "failed")

    def open_intents(self, run_id: str) -> Iterator[Delivery]:
        """See `Ledger.open_intents`."""
        for _, copy in sorted(self._copies.items(), key=itemgetter(0)):
            if copy.state == "intended" and copy.receipt.run_id == run_id:
                yield copy.receipt.delivery

    def withdraw(self, run_id: str, delivery_keys: Collection[str]) -> None:
        """See `Ledger.withdraw`."""
        for one in list(self.open_intents(run_id)):
            if one.delivery_key in delivery_keys:
                del self._copies[one.delivery_key]

    def _made(self, run_id: str, sealed_by: int | None = None) -> list[Receipt]:
        """Receipts of a run in key order: all, or those that records up to a number cover."""
        return [
            copy.receipt
            for _, copy in sorted(self._copies.items(), key=itemgetter(0))
            if copy.is_made_by(run_id) and (sealed_by is None or 0 < copy.sealed <= sealed_by)
        ]

    def _failed(self, run_id: str) -> list[Delivery]:
        """List the copies that a run could not make."""
        fates = self._fates.get(run_id, {})
        copies = [
            self._copies[key] for key, fate in fates.items() if fate == "failed" and key in self._copies
        ]
        return [copy.receipt.delivery for copy in copies if not copy.is_made_by(run_id)]

    def _put_fate(self, run_id: str, delivery_key: str, fate: Fate) -> None:
        self._fates.setdefault(run_id, {})[delivery_key] = fate


def _now() -> int:
    return time.time_ns() // 1_000_000
