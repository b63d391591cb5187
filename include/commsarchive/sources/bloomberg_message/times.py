"""When a mail was sent: epoch seconds, or New York's clock where there are none."""

from __future__ import annotations

import datetime as dt
import re
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from include.commsarchive.sources.instant_bloomberg.times import epoch

_DOTTED = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)-(?P<hour>\d\d)\.(?P<minute>\d\d)\.(?P<second>\d\d)"
    r"(?:\.(?P<fraction>\d{1,9}))?",
    re.ASCII,
)
_SLASHED = re.compile(
    r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4}) +"
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d):(?P<second>\d\d)",
    re.ASCII,
)
_FIELDS = ("year", "month", "day", "hour", "minute", "second")
_MINUTE = 60
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)


def sent(utc: str, local: str) -> tuple[int | None, list[str]]:
    """Give the time (ms) of a stated ``MsgTimeUTC`` and ``MsgTime``, and what is odd about it.

    UTC counts (financial formats, section 2.3); 0 is how programs say that they do not know.
    """
    at = epoch(utc) or None
    if at is not None and _agrees(at // 1000, local):
        return at, []
    there = new_york(local)
    if at is None:
        remarks = ["MsgTimeUTC cannot be read"] if utc else []
        return (there[0], remarks + there[1]) if there else (None, remarks)
    if not local:
        return at, []
    return at, ["MsgTime disagrees with MsgTimeUTC" if there else "MsgTime cannot be read"]


def new_york(text: str) -> tuple[int, list[str]] | None:
    """Read New York's clock as ms, with a remark where it showed that time twice or never.

    None where this is no time. Of two times the earlier is taken, as Python does.
    """
    wall = _wall(text)
    if wall is None:
        return None
    first, second = (wall.replace(fold=fold).utcoffset() for fold in (0, 1))
    remarks = []
    if first != second:
        twice = first is not None and second is not None and first > second
        odd = "showed MsgTime twice that day: the earlier is taken" if twice else "never showed MsgTime"
        remarks.append(f"New York's clock {odd}")
    return (wall.astimezone(dt.UTC) - _EPOCH) // _MILLISECOND, remarks


def _agrees(at: int, text: str) -> bool:
    """Say whether New York's clock showed a text at a moment (s)."""
    found = _DOTTED.fullmatch(text) or _SLASHED.fullmatch(text)
    if not found:
        return False
    second = int(found["second"])
    return second < _MINUTE and at - second in _both(text[: found.start("second")])


@lru_cache(maxsize=4096)
def _both(minute: str) -> frozenset[int]:
    """Give the moments (s) at which a minute began on New York's clock: in the autumn there may be two."""
    wall = _wall(f"{minute}00")
    return frozenset(int(wall.replace(fold=fold).timestamp()) for fold in (0, 1)) if wall else frozenset()


@lru_cache(maxsize=4)
def _wall(text: str) -> dt.datetime | None:
    found = _DOTTED.fullmatch(text) or _SLASHED.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second = (int(found[name]) for name in _FIELDS)
    fraction = int((found.groupdict().get("fraction") or "").ljust(6, "0")[:6])
    try:
        wall = dt.datetime(year, month, day, hour, minute, second, fraction, tzinfo=_zone())
        wall.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
    return wall


@cache
def _zone() -> ZoneInfo:
    return ZoneInfo("America/New_York")
