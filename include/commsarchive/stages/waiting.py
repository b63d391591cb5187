"""Mailboxes that must wait, or be asked once more: until when, and when to let the task end instead."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from include.commsarchive.errors import Retriable

LONGEST_PAUSE = 30.0
"""Seconds between two tries of a mailbox that names no wait of its own."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds, and how often to try. The clock only ever goes forward."""

    longest_wait: float = 60.0
    """A longer one is Airflow's to wait: no worker is held."""
    tries: int = 5
    """Tries in a row that a mailbox may end in doubt."""
    looks: int = 15
    """Clear looks that do not find a copy, each after it was sent, until it fails for good; also tries in a
    row that a mailbox may end with the wish to be left alone."""
    second_look: float = 60.0
    """Time for requests in doubt to come true: a copy that was sent again is looked up so much later."""
    lease: float = 300.0
    """How long another task that may be filing the same copy is left alone when nothing is heard of it."""
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


PATIENCE = Patience()
"""What a task has."""


def way_out(run_id: str, destination: str = "DESTINATION") -> str:
    """Say what to do about a mailbox that is gone for good, whose copies in doubt nobody can look up."""
    return (
        f"Where a mailbox is gone for good, `python -m include.commsarchive give-up {run_id} {destination} "
        "--mailbox ADDRESS`, then clear the run from `map_users` on"
    )


@dataclass(slots=True)
class Waiting:
    """The mailboxes that nothing is sent to for the time being."""

    patience: Patience
    run_id: str
    _until: dict[str, float] = field(default_factory=dict)
    _once_more: dict[str, float] = field(default_factory=dict)
    """Mailboxes that are well, and when to ask them for a copy that was sent to them twice."""
    _in_vain: dict[str, int] = field(default_factory=dict)
    _most: dict[str, int] = field(default_factory=dict)
    """How often in a row a mailbox may be tried in vain."""

    def __contains__(self, mailbox: str) -> bool:
        """Say whether a mailbox must wait."""
        return mailbox in self._until

    def __bool__(self) -> bool:
        """Say whether any must, or is to be asked once more."""
        return bool(self._until or self._once_more)

    def put_off(self, mailbox: str, seconds: float) -> None:
        """Let a mailbox wait for so long."""
        until = self.patience.now() + seconds
        self._until[mailbox] = max(self._until.get(mailbox, until), until)

    def ask_once_more(self, mailbox: str) -> None:
        """Come back to a mailbox for a second look, and send to it meanwhile."""
        self._once_more[mailbox] = self.patience.now() + self.patience.second_look

    def is_too_early(self, mailbox: str) -> bool:
        """Say whether the time for a second look has not come yet."""
        return mailbox in self._once_more

    def in_vain(self, mailbox: str, asked: float) -> None:
        """Let a mailbox wait that gave no clear answer: each time longer, and as long as it ``asked`` for."""
        times = self._in_vain.get(mailbox, 0) + (mailbox not in self._until)
        self._in_vain[mailbox] = times
        self._most[mailbox] = self.patience.looks if asked > 0 else self.patience.tries
        self.put_off(mailbox, max(asked, min(2.0 ** (times - 1), LONGEST_PAUSE)))

    def has_answered(self, mailbox: str) -> None:
        """Take note that a mailbox is well."""
        self._in_vain.pop(mailbox, None)

    def due(self) -> frozenset[str]:
        """Wait until the first mailboxes may be tried again, and give them.

        Raises:
            Retriable: the wait is too long for a task, or the mailboxes left fail again and again.
        """
        hopeful = [
            until
            for mailbox, until in self._until.items()
            if self._in_vain.get(mailbox, 0) < self._most.get(mailbox, self.patience.tries)
        ]
        moments = [*hopeful, *self._once_more.values()]
        if not moments:
            raise Retriable(
                f"{len(self._until)} mailboxes failed {self.patience.tries} or more times in a row. Check "
                "that the destination can be reached; what was filed is recorded and is not filed again. "
                f"{way_out(self.run_id)}"
            )
        wait = max(0.0, min(moments) - self.patience.now())
        if wait > self.patience.longest_wait:
            raise Retriable(
                f"{len(self._until)} mailboxes must wait {wait:.0f} seconds; all others have what they get",
                retry_after=wait,
            )
        self.patience.sleep(wait)
        now = self.patience.now()
        ready: set[str] = set()
        for moments_of in (self._until, self._once_more):
            due = {mailbox for mailbox, until in moments_of.items() if until <= now}
            for mailbox in due:
                del moments_of[mailbox]
            ready |= due
        return frozenset(ready)
