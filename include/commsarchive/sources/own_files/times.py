"""Times as a profile says that they are written."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from zoneinfo import ZoneInfo

from include.commsarchive.sources.instant_bloomberg.times import epoch
from include.commsarchive.sources.own_files.profile import Time

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)
_FRACTION = re.compile(r"(\.[0-9]{6})[0-9]+")
"""Finer than Python reads (.NET writes seven digits)."""
_LONGEST_READ = len("2024-03-13T20:05:00.123456")
_REAL = re.compile(r"([0-9]{1,11})\.([0-9]{1,9})")


def read_time(text: str, rules: Time) -> tuple[int, str]:
    """Give a time as ms, and what is remarkable about it.

    Raises:
        ValueError: it is not written as the profile says; the text is what to mend.
    """
    text = text.strip()
    if not text:
        raise ValueError("is empty; every row needs a time")
    if rules.format == "epoch":
        return _epoch(text), ""
    written = _FRACTION.sub(r"\1", text) if len(text) > _LONGEST_READ else text
    try:
        iso = rules.format == "iso"
        time = dt.datetime.fromisoformat(written) if iso else _by_pattern(written, rules.format)
    except ValueError:
        raise ValueError(f"is no time of the format `{rules.format}`; mend `time.format`") from None
    remark = ""
    if time.tzinfo is None and not rules.zone:
        raise ValueError("states no zone; say which it is in `time.zone`")
    try:
        if time.tzinfo is None:
            time, remark = _placed(time, rules.zone)
        return (time - _EPOCH) // _MILLISECOND, remark
    except OverflowError:
        raise ValueError("is beyond the years 1 to 9999") from None


@lru_cache(maxsize=8192)  # slow, and a row is read twice; a minute is often that of several rows
def _by_pattern(text: str, pattern: str) -> dt.datetime:
    return dt.datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone comes next


def _epoch(text: str) -> int:
    if real := _REAL.fullmatch(text):
        return int(real[1]) * 1000 + int(real[2].ljust(3, "0")[:3])
    at = epoch(text)
    if at is None:
        raise ValueError("is no epoch number; mend `time.format`")
    return at


def _placed(wall: dt.datetime, name: str) -> tuple[dt.datetime, str]:
    """Put a zone's clock to a time; of two times that it showed so, the earlier is taken."""
    if steady := _steady(wall.date(), wall.hour, name):
        return wall.replace(tzinfo=steady), ""
    time = wall.replace(tzinfo=_zone(name))
    first, second = (time.replace(fold=fold).utcoffset() for fold in (0, 1))
    if first == second:
        return time, ""
    twice = first is not None and second is not None and first > second
    odd = "showed this time twice: the earlier is taken" if twice else "never showed this time"
    return time, f"the clock of {name} {odd}"


@lru_cache(maxsize=4096)
def _steady(day: dt.date, hour: int, name: str) -> dt.timezone | None:
    """Give the offset that a zone's clock has in all of an hour; None where it is set in it."""
    start = dt.datetime(day.year, day.month, day.day, hour, tzinfo=_zone(name))
    ends = (start, start.replace(minute=59, second=59, microsecond=999_999))
    offsets = {end.replace(fold=fold).utcoffset() for end in ends for fold in (0, 1)}
    offset = offsets.pop()
    return None if offsets or offset is None else dt.timezone(offset)


@lru_cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
