"""Alerts: what is wrong now, and since when. One for each kind and connector, however much it covers.

An alert opens when a rule finds something, is seen again at each look, and is cleared by the first look
that finds nothing. What is to be told goes through an outbox, so that it is told once and never lost.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class AlertKind(StrEnum):
    """What can be wrong."""

    UNCLOSED = "run-not-closed"
    MISSING = "day-missing"
    SOURCE_DELETES = "source-deletes"
    SMALL = "feed-small"
    CUSTODIANS = "custodians-silent"
    UNMAPPED = "people-unmapped"
    QUARANTINE = "quarantine"
    EXPIRING = "expiring"
    TAMPERED = "evidence-tampered"
    INCOMPLETE = "evidence-incomplete"


PEOPLE = frozenset({AlertKind.CUSTODIANS, AlertKind.UNMAPPED})
"""Kinds whose things name people: these are shown to who may see them, and are in no message or log."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule finds wrong. ``things`` are the days, runs, keys or people that it is about.

    A thing that an open alert did not have before is news; ``why`` may change without being any. ``remedy``
    says what to do. ``connector`` is ``""`` where it is about the whole archive.
    """

    kind: AlertKind
    connector: str
    why: str
    remedy: str
    things: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """A finding over time, in ms: first found, last found, and when it was found no more, 0 while it is."""

    finding: Finding
    opened: int
    seen: int
    cleared: int = 0


@dataclass(frozen=True, slots=True)
class News:
    """What changed by a look: alerts that opened, open ones that have new things, and those that cleared."""

    opened: tuple[Alert, ...] = ()
    grown: tuple[Alert, ...] = ()
    cleared: tuple[Alert, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.opened or self.grown or self.cleared)


@dataclass(frozen=True, slots=True)
class Notice:
    """A message for one channel. ``name`` tells it from all others: it is written and sent once."""

    channel: str
    name: str
    subject: str
    text: str


Tell = Callable[[News], Sequence[Notice]]
"""Puts news into messages; none for none."""

Looked = Collection[tuple[AlertKind, str]]
"""Which kinds of which connectors a look was at."""


class Alerts(Protocol):
    """The state of alerts, and an outbox. Every verb commits before it returns.

    Raises:
        Retriable: (every verb) the ledger cannot be reached, is locked or has no room.
    """

    def take(self, looked: Looked, found: Sequence[Finding], tell: Tell) -> News:
        """Bring the alerts of these kinds and connectors in line with what was found; say what is news.

        What ``tell`` makes of the news is in the outbox when this returns, or nothing has changed.
        """

    def alerts(self, connectors: Collection[str] | None = None, *, since: int | None = None) -> list[Alert]:
        """List open alerts, the oldest first; with ``since`` (ms), those cleared after it, too."""

    def post(self, notices: Sequence[Notice]) -> None:
        """Put messages into the outbox, each once by channel and name."""

    def unsent(self) -> list[Notice]:
        """List what waits in the outbox, the oldest first."""

    def sent(self, notice: Notice) -> None:
        """Say that a message was sent."""
