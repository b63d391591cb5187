"""The waits that servers ask for."""

from __future__ import annotations

import threading
import time

from include.commsarchive.mailbox.base import NOT_SENT
from include.commsarchive.mailbox.ews.verdict import Trouble

CONNECT_TIMEOUT = 10.0
"""Seconds for a connection to come about."""


class Waits:
    """Until when each mailbox is to be left alone."""

    def __init__(self) -> None:
        """Start with none waiting."""
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def put_off(self, mailbox: str, seconds: float) -> None:
        """Leave a mailbox alone for so long."""
        key, until = mailbox.casefold(), time.monotonic() + seconds
        with self._lock:
            self._until[key] = max(self._until.get(key, until), until)

    def check(self, mailbox: str) -> None:
        """Pass when a mailbox may be asked something.

        Raises:
            Trouble: it is to be left alone, with the seconds left.
        """
        left = self._until.get(mailbox.casefold(), 0.0) - time.monotonic()
        if left > 0:
            raise Trouble(doubt=NOT_SENT, wait=left)
