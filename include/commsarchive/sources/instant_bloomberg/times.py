"""The two times of Instant Bloomberg: epoch numbers, which count, and local-looking text."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache

_EPOCH = dt.date(1970, 1, 1).toordinal()
_DIGITS = re.compile(r"[0-9]{1,17}")
STATED = "([0-9]{2}/[0-9]{2}/[0-9]{4} [0-9]{2}:[0-9]{2}):([0-5][0-9])"
"""``MM/DD/YYYY HH:MM`` and the seconds, as groups of an expression."""
_STATED = re.compile(STATED)
_SECONDS_BELOW = 10**11
_MILLISECONDS_BELOW = 10**14


def epoch(text: str) -> int | None:
    """Read an epoch number as milliseconds, None where it is none.

    The format states seconds; finer units are told by their magnitude (financial formats, section 0.1).
    """
    text = text.strip()
    if not _DIGITS.fullmatch(text):
        return None
    return milliseconds(int(text))


def milliseconds(number: int) -> int:
    """Tell the unit of an epoch number by its magnitude."""
    if number < _SECONDS_BELOW:
        return number * 1000
    return number if number < _MILLISECONDS_BELOW else number // 1000


def stated(text: str) -> int | None:
    """Read ``MM/DD/YYYY HH:MM:SS`` as UTC, in milliseconds; None where it is not that."""
    found = _STATED.fullmatch(text.strip())
    start = minute(found[1]) if found else None
    return None if start is None or found is None else (start + int(found[2])) * 1000


@lru_cache(maxsize=4096)
def minute(text: str) -> int | None:
    """Read ``MM/DD/YYYY HH:MM`` as UTC, in seconds; None where there is no such minute."""
    try:
        day = dt.date(int(text[6:10]), int(text[:2]), int(text[3:5])).toordinal() - _EPOCH
        time = dt.time(int(text[11:13]), int(text[14:16]))
    except ValueError:
        return None
    return day * 86_400 + time.hour * 3600 + time.minute * 60
