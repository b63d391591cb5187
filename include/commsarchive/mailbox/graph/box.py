"""What is known of one mailbox, and what may still be asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from include.commsarchive.mailbox.base import NOT_SENT
from include.commsarchive.mailbox.pace import NoRoom, Pace

AT_ONCE = 4
"""Requests at once for one mailbox (Microsoft Graph, throttling-limits)."""


class Doubt(Exception):
    """What was asked for may have been done or not, or cannot be done now; `Outcome.doubt` says so."""

    def __init__(self, slug: str, retry_after: float = 0.0, request_id: str = "") -> None:
        """Keep the server's wait, in seconds, and its name for the request."""
        super().__init__(slug)
        self.slug = slug
        self.retry_after = retry_after
        self.request_id = request_id


@dataclass(slots=True)
class Box:
    """What is known of one mailbox while the connection lasts. ``user`` is the directory's id."""

    address: str
    pace: Pace
    user: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))


@contextmanager
def room(box: Box, upload: int = 0) -> Iterator[None]:
    """Count one request that sends so many bytes to a mailbox.

    Raises:
        Doubt: it must wait.
    """
    try:
        with box.pace.request(upload):
            yield
    except NoRoom as full:
        raise Doubt(NOT_SENT, full.seconds) from None
