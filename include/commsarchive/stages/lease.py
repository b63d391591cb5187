"""The lease: who files which copies at this moment, so that nobody else does."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from include.commsarchive.errors import CommsArchiveError, Retriable
from include.commsarchive.ledger.base import Delivery, Known, Ledger

BEATS = 4
"""Renewals in the time that a lease lasts."""


@dataclass(slots=True)
class Lease:
    """One worker's hold on the copies that it is about to file.

    It lasts some seconds and is renewed, for all copies taken last, while the worker lives, however long it
    looks them up and sends them. A worker that was stopped for longer finds its copies taken over before it
    sends anything more. With 0 seconds there is none: for destinations where nothing can be filed twice.
    """

    ledger: Ledger
    run_id: str
    seconds: float
    _worker: str = field(default_factory=lambda: uuid.uuid4().hex)
    _keys: Collection[str] = ()
    _ended: threading.Event = field(default_factory=threading.Event)
    _heart: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Begin to renew what is held."""
        if self.seconds > 0:
            self._heart = threading.Thread(target=self._beat, name="lease", daemon=True)
            self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give back what is held after an error of ours: nothing is on its way any more.

        Whatever else ends a task may do so in the middle of a request: then the lease has to run out.
        """
        self._ended.set()
        if self._heart:
            self._heart.join()
        if self.seconds > 0 and isinstance(error, CommsArchiveError):
            with contextlib.suppress(CommsArchiveError):
                self.ledger.release(self.run_id, self._worker)

    def take(self, deliveries: Sequence[Delivery]) -> dict[str, Known]:
        """See `Ledger.intend`. What is ours now is renewed from now on, instead of what was taken before."""
        known = self.ledger.intend(self.run_id, deliveries, lease=self.seconds, worker=self._worker)
        others = {key for key, one in known.items() if one.delivered or one.busy}
        self._keys = [one.delivery_key for one in deliveries if one.delivery_key not in others]
        return known

    def hold(self, delivery_keys: Collection[str]) -> None:
        """Make sure, right before they are sent, that these copies are still ours.

        Raises:
            Retriable: another worker has taken some of them over.
        """
        if self.seconds > 0 and not self.ledger.renew(self.run_id, self._worker, delivery_keys):
            raise Retriable(
                "this task was away for so long that another one has taken over its copies, which goes on "
                "with them. Nothing more is sent by this one"
            )

    def _beat(self) -> None:
        while not self._ended.wait(self.seconds / BEATS):
            with contextlib.suppress(CommsArchiveError):
                self.ledger.renew(self.run_id, self._worker, self._keys)
