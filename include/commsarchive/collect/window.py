"""The stretch of time that a day's run asks an API or a database for, and the words that stand for it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

WORDS = ("from", "to", "from_epoch", "to_epoch", "from_ms", "to_ms", "day")
"""What a query or an address may name: UTC times, seconds and milliseconds since 1970, the day itself."""
BOUNDS = ({"day"}, {"from", "to"}, {"from_epoch", "to_epoch"}, {"from_ms", "to_ms"})
"""What states a window whole."""


@dataclass(frozen=True, slots=True)
class Window:
    """From ``start``, included, to ``end``, left out; both UTC. It goes by the day alone, so it is frozen."""

    day: dt.date
    start: dt.datetime
    end: dt.datetime

    def texts(self) -> dict[str, str]:
        """Give the text of each of `WORDS`."""
        start, end = int(self.start.timestamp()), int(self.end.timestamp())
        return {
            "from": f"{self.start:%Y-%m-%dT%H:%M:%SZ}",
            "to": f"{self.end:%Y-%m-%dT%H:%M:%SZ}",
            "from_epoch": str(start),
            "to_epoch": str(end),
            "from_ms": str(start * 1000),
            "to_ms": str(end * 1000),
            "day": self.day.isoformat(),
        }


def window_of(day: dt.date, timezone: str) -> Window:
    """Give the window of a day in a time zone (IANA), midnight to midnight: 23 to 25 hours."""
    zone = ZoneInfo(timezone)
    start, end = (
        dt.datetime.combine(one, dt.time(), zone).astimezone(dt.UTC)
        for one in (day, day + dt.timedelta(days=1))
    )
    return Window(day, start, end)


def states_window(words: set[str]) -> bool:
    """Say whether these words bound a window on both sides."""
    return any(bounds <= words for bounds in BOUNDS)
