"""When a mail was sent: its Date, or else when it was first received."""

from __future__ import annotations

import datetime as dt
import re
from email.utils import parsedate_tz

_ZONED = re.compile(r":\d\d\s+(?:[+-]\d{4}|[A-Za-z]+)")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def sent(date: str, received: list[str]) -> tuple[int | None, list[str]]:
    """Give the time (ms), None where none can be read, and what is remarkable about it."""
    at, zoned = _read(date)
    if at is not None:
        return at, [] if zoned else ["Date states no zone: taken as UTC"]
    for trace in reversed(received):
        at, _ = _read(trace.rpartition(";")[2])
        if at is not None:
            why = "cannot be read" if date else "is missing"
            return at, [f"Date {why}: this is when it was received first"]
    return None, []


def _read(text: str) -> tuple[int | None, bool]:
    try:
        found = parsedate_tz(text)
        if found is None:
            return None, False
        wall = dt.datetime(*found[:6], tzinfo=dt.UTC)
        moment = wall - dt.timedelta(seconds=found[9] or 0)
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError, RecursionError):
        return None, False
    return int((moment - _EPOCH).total_seconds()) * 1000, bool(_ZONED.search(text))
