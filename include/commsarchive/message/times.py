"""Times as people read them: UTC, from ms since 1970, without clock, locale or time zone data."""

from __future__ import annotations

import datetime as dt

DAY = 86_400_000
MINUTES = [f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(1440)]
SECONDS = [f"{second:02d}" for second in range(60)]
_EPOCH = dt.date(1970, 1, 1).toordinal()
_LAST = dt.date.max.toordinal()
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def day_title(day: int) -> str:
    """Name a day, counted from 1970-01-01: ``Wednesday 13 March 2024``."""
    if not 0 < _EPOCH + day <= _LAST:
        return f"Day {day} after 1 January 1970"
    date = dt.date.fromordinal(_EPOCH + day)
    return f"{_DAYS[date.weekday()]} {date.day} {_MONTHS[date.month - 1]} {date.year}"


def clock(rest: int) -> str:
    """Give the time of day, ``20:05:30`` or ``20:05:30.250``, from ms since midnight."""
    second, fraction = divmod(rest, 1000)
    whole = MINUTES[second // 60] + SECONDS[second % 60]
    return f"{whole}.{fraction:03d}" if fraction else whole


def stamp(at: int) -> str:
    """Give date and time, ``2024-03-13 20:05:30``."""
    day, rest = divmod(at, DAY)
    if not 0 < _EPOCH + day <= _LAST:
        return f"{day_title(day)} {clock(rest)}"
    return f"{dt.date.fromordinal(_EPOCH + day)} {clock(rest)}"


def span(first: int, last: int) -> str:
    """Give a span of time in as few words as it takes."""
    day, rest = divmod(first, DAY)
    last_day, last_rest = divmod(last, DAY)
    start = f"{day_title(day)}, {clock(rest)}"
    if first == last:
        return f"{start} UTC"
    end = clock(last_rest) if day == last_day else f"{day_title(last_day)}, {clock(last_rest)}"
    return f"{start} to {end} UTC"
