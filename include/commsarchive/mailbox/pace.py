"""How much one mailbox may still be asked to do: sliding windows, and the waits that its server asks for.

Nothing here sleeps: who finds no room is told when to come again.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

Clock = Callable[[], float]
"""Seconds from some moment on, never going back."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a server allows for one mailbox. Microsoft Graph's limits for Outlook (throttling-limits)."""

    requests: int = 10_000
    requests_seconds: float = 600.0
    upload: int = 150_000_000
    upload_seconds: float = 300.0


_PARTS = 24
"""Who found no room is told to come when there is room for this part of all: not for each, yet in time."""


class NoRoom(Exception):
    """There is no room now; come again in so many seconds."""

    def __init__(self, seconds: float) -> None:
        """Keep the wait."""
        super().__init__(f"no room for {seconds:.1f} seconds")
        self.seconds = seconds


class _Window:
    """A sum over the last so many seconds, and over what still runs."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._ended: deque[tuple[float, int]] = deque()
        self._total = 0

    def wait(self, now: float, amount: int) -> float:
        """Seconds until there is room; more than the whole window waits until nothing is in it."""
        while self._ended and self._ended[0][0] + self._seconds <= now:
            self._total -= self._ended.popleft()[1]
        excess = self._total + min(amount, self._most) - self._most
        if excess <= 0:
            return 0.0
        for moment, ended in self._ended:
            excess -= ended
            if excess <= 0:
                return moment + self._seconds - now
        return self._seconds  # what still runs will count for so long, at least

    def begin(self, amount: int) -> None:
        self._total += amount

    def end(self, now: float, amount: int) -> None:
        if amount:
            self._ended.append((now, amount))


class Pace:
    """The pace of one mailbox. Threads may share it.

    A request counts from its begin on and until a window's length after its end: the server, which counts
    it at some moment in between, never sees more than we do.
    """

    def __init__(self, budget: Budget, clock: Clock = time.monotonic) -> None:
        """Start with all the room there is."""
        self._clock = clock
        self._lock = threading.Lock()
        self._requests = _Window(budget.requests, budget.requests_seconds)
        self._upload = _Window(budget.upload, budget.upload_seconds)
        self._worth_coming = budget.upload // _PARTS
        self._held_until = float("-inf")
        self._uploads_held_until = float("-inf")

    def hold(self, seconds: float) -> None:
        """Let nothing through for so long: the server asked for it."""
        with self._lock:
            self._held_until = max(self._held_until, self._clock() + seconds)

    def wait(self, upload: int = 0) -> float:
        """Seconds until a request with so many bytes of body may begin; 0 is now."""
        with self._lock:
            return self._wait(self._clock(), upload)

    @contextmanager
    def request(self, upload: int = 0) -> Iterator[None]:
        """Count one request that sends so many bytes.

        Raises:
            NoRoom: it must wait; nothing was counted.
        """
        with self._lock:
            now = self._clock()
            if wait := self._wait(now, upload):
                if upload:
                    self._uploads_held_until = now + wait
                raise NoRoom(wait)
            self._requests.begin(1)
            self._upload.begin(upload)
        try:
            yield
        finally:
            with self._lock:
                now = self._clock()
                self._requests.end(now, 1)
                self._upload.end(now, upload)

    def _wait(self, now: float, upload: int) -> float:
        wait = max(0.0, self._held_until - now, self._requests.wait(now, 1))
        if upload:
            wait = max(wait, self._uploads_held_until - now)
            if self._upload.wait(now, upload):
                wait = max(wait, self._upload.wait(now, max(upload, self._worth_coming)))
        return wait
