"""The wait that a server asks for in the header `Retry-After`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

LONGEST_WAIT = 3600.0
"""Seconds: who asks us to wait longer, or for ever, is asked again after an hour."""


def retry_after(headers: Mapping[str, str], now: dt.datetime | None = None) -> float | None:
    """Give the seconds to wait from `now` on, or None where nothing is asked (RFC 9110 section 10.2.3).

    ``headers`` ignores case, as those of `requests` and `aiohttp` do. Fractions of a second, which the
    RFC does not know, are understood.
    """
    text = headers.get("Retry-After", "")
    try:
        seconds = float(text)
    except ValueError:
        seconds = _until(text, now or dt.datetime.now(dt.UTC))
    return min(seconds, LONGEST_WAIT) if seconds >= 0 else None


def _until(text: str, now: dt.datetime) -> float:
    """Seconds to a date: none when it is past, -1 when it is no date."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return -1.0
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or dt.UTC) - now).total_seconds())
