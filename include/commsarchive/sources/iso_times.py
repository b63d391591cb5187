"""Times in ISO 8601, of any fraction and offset, as ms."""

from __future__ import annotations

import datetime as dt
import re

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FRACTION = re.compile(r"(\.[0-9]{6})[0-9]+")
"""Finer than Python reads (.NET writes seven digits)."""
_LONGEST_READ = len("2024-03-13T20:05:00.123456")


def iso(text: str) -> int | None:
    """Read a time as ms since 1970; one that states no offset is UTC. None where it is no time."""
    try:
        written = text.strip()
        if len(written) > _LONGEST_READ:
            written = _FRACTION.sub(r"\1", written)
        time = dt.datetime.fromisoformat(written)
        placed = time if time.tzinfo else time.replace(tzinfo=dt.UTC)
        return (placed - _EPOCH) // dt.timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None
