"""Times in ISO 8601, of any fraction and offset, as ms."""

from __future__ import annotations

import datetime as dt

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)


def iso(text: str) -> int | None:
    """Read a time as ms since 1970; one that states no offset is UTC. None where it is no time.

    Python leaves out what is finer than a microsecond (.NET writes seven digits).
    """
    try:
        time = dt.datetime.fromisoformat(text.strip())
        placed = time if time.tzinfo else time.replace(tzinfo=dt.UTC)
        return (placed - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        return None
