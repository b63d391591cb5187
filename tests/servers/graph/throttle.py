"""How much one application may do to one mailbox: Microsoft Graph's limits for Outlook, and their clock.

Source: Microsoft's throttling-limits (per application and mailbox: 10,000 requests in ten minutes, four at
once, 150 MB of upload in five minutes) and throttling ("all requests accrue against your usage limits", so
that those refused count as well). How the windows move is not documented: here they slide.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.servers.graph.wire import MB, MIB, GraphError


@dataclass
class Limits:
    """Every limit of the server; bytes and seconds. A test makes them small.

    ``page`` is how many entries a page of a list may hold at most, whatever is asked for. ``clauses`` is
    how many conditions a filter on messages may join; Exchange's real limit is not documented. ``message``
    is what a message may hold: 35 MB unless an administrator raises it, up to 150 MB.
    """

    concurrent: int = 4
    requests: int = 10_000
    requests_window: float = 600
    upload: int = 150 * MB
    upload_window: float = 300
    request: int = 4 * MIB
    attachment: int = 3 * MIB
    session_least: int = 3 * MB
    session_most: int = 150 * MB
    session_range: int = 4 * MIB
    session_life: float = 3600
    message: int = 35 * MIB
    page: int = 1000
    clauses: int = 1000


@dataclass
class _Window:
    """A sum over the last so many seconds."""

    seconds: float
    entries: deque[tuple[float, int]] = field(default_factory=deque)
    total: int = 0

    def add(self, now: float, amount: int) -> None:
        while self.entries and self.entries[0][0] <= now - self.seconds:
            self.total -= self.entries.popleft()[1]
        self.entries.append((now, amount))
        self.total += amount

    def wait(self, now: float, most: int) -> float:
        """Seconds until the sum is within the limit again, when nothing is added meanwhile."""
        excess = self.total - most
        for moment, amount in self.entries:
            excess -= amount
            if excess <= 0:
                return max(1, math.ceil(moment + self.seconds - now))
        return math.ceil(self.seconds)


class Throttle:
    """Counts what each application does to each mailbox."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._running: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._requests = defaultdict[tuple[str, str], _Window](lambda: _Window(limits.requests_window))
        self._uploads = defaultdict[tuple[str, str], _Window](lambda: _Window(limits.upload_window))
        self.most_running = 0

    @contextmanager
    def admitted(self, app: str, mailbox: str, uploaded: int) -> Iterator[None]:
        """Let a request in, for as long as it takes.

        Raises:
            GraphError: it must wait.
        """
        key, limits, now = (app, mailbox), self._limits, self._clock()
        requests, uploads = self._requests[key], self._uploads[key]
        requests.add(now, 1)
        if requests.total > limits.requests:
            raise _throttled("RequestsPerUser", requests.wait(now, limits.requests))
        if uploaded:
            uploads.add(now, uploaded)
            if uploads.total > limits.upload:
                wait = uploads.wait(now, limits.upload)
                uploads.total -= uploads.entries.pop()[1]
                raise _throttled("UploadSize", wait)
        if self._running[key] >= limits.concurrent:
            raise _throttled("MailboxConcurrency", 1)
        self._running[key] += 1
        self.most_running = max(self.most_running, self._running[key])
        try:
            yield
        finally:
            self._running[key] -= 1


def _throttled(limit: str, wait: float) -> GraphError:
    return GraphError(429, "ApplicationThrottled", f"Application is over its {limit} limit.", wait)
