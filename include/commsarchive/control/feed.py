"""What a scheduler knows of a connector: facts, handed in by whoever knows the scheduler."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """A run that is queued or running, of one business day, and since when."""

    run_id: str
    day: dt.date
    state: str
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class Feed:
    """The scheduler's facts. ``known`` is False while it has not read the connector yet.

    ``failed`` names the last failed run of each day that has one; ``next_run`` is when the next one starts.
    """

    known: bool = False
    paused: bool = False
    next_run: dt.datetime | None = None
    active: tuple[ActiveRun, ...] = ()
    failed: dict[dt.date, str] = field(default_factory=dict)
