"""What is usual, and what is so much less that somebody should look. By medians: one odd day counts little.

Pure: numbers in, verdicts out. Picture, calendar and alert ask here, so that they agree.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from math import sqrt
from statistics import median

from include.commsarchive.ledger.proof import Share
from include.commsarchive.ledger.views import Closed

ENOUGH = 4
"""With fewer numbers to compare with there is no habit, and no alarm: the first weeks are quiet."""

SMALLEST = 10
"""Where fewer are usual, none mean nothing."""

WIDTH = 4
"""How many spreads below the median is unusual; chance alone (Poisson) goes there once in 30,000."""

_SPREAD_OF_MAD = 1.4826
"""Makes the median absolute deviation of a normal distribution its standard deviation."""

LIKE = 8
"""Numbers that a number is compared with, at most."""

BLOCK = 5
"""Active days that are counted together for one person: about a week, so that weekdays even out."""

HABIT = dt.timedelta(weeks=LIKE)
"""How much older than a day the days are that it is compared with."""

JUDGED = dt.timedelta(days=30)
"""How far back an alert looks for small days; a picture shows as many."""


def found_by_day(closed: Iterable[Closed]) -> dict[dt.date, int]:
    """Give the items found on each day; of several runs the one that found most, replays left out."""
    found: dict[dt.date, int] = {}
    for one in closed:
        if one.kind != "replay":
            found[one.day] = max(one.found, found.get(one.day, 0))
    return found


def is_low(value: int, past: Sequence[int]) -> bool | None:
    """Say whether a number is much smaller than the ones before it; None where these are no habit.

    It is when it is less than half of their median and far below their spread, or when it is nothing and
    they never were.
    """
    middle = median(past) if len(past) >= ENOUGH else 0
    if middle < SMALLEST:
        return None
    spread = max(_SPREAD_OF_MAD * median(abs(one - middle) for one in past), sqrt(middle))
    return value < min(middle / 2, middle - WIDTH * spread) or (value == 0 and min(past) > 0)


def is_small(found: Mapping[dt.date, int], day: dt.date) -> bool | None:
    """Say whether a day is much smaller than the same weekdays before it; None where these are no habit."""
    return is_low(found[day], _like(found, day))


def small_days(found: Mapping[dt.date, int], first: dt.date = dt.date.min) -> list[dt.date]:
    """List the latest days in a row that are small, none before ``first``; empty when the last is not.

    Days that have no habit, like the Sundays of a feed of working days, are passed over.
    """
    days = sorted((day for day in found if day >= first), reverse=True)
    judged = ((day, small) for day in days if (small := is_small(found, day)) is not None)
    return [day for day, _ in takewhile(lambda one: one[1], judged)][::-1]


def usual(found: Mapping[dt.date, int], day: dt.date) -> float:
    """Give the median of the same weekdays before a day."""
    return median(_like(found, day) or [0])


def low_people(found: Mapping[dt.date, int], shares: Iterable[Share]) -> list[str]:
    """List who got much less than is usual for them, over the last `BLOCK` active days of the feed.

    A day on which the whole feed is small says nothing about one person, and is left out.
    """
    busy = median([number for number in found.values() if number] or [0]) / 4
    active = sorted((day for day, number in found.items() if number and number >= busy), reverse=True)
    blocks = {day: place // BLOCK for place, day in enumerate(active)}
    whole = min(len(active) // BLOCK, LIKE + 1)
    copies: dict[str, Counter[int]] = {}
    for share in shares:
        if share.day in blocks:
            copies.setdefault(share.mailbox, Counter())[blocks[share.day]] += share.copies
    return sorted(
        mailbox
        for mailbox, numbers in copies.items()
        if is_low(numbers[0], [numbers[block] for block in range(1, whole)])
    )


def _like(found: Mapping[dt.date, int], day: dt.date) -> list[int]:
    """Give the numbers of the same weekday before a day."""
    weeks = (day - dt.timedelta(weeks=week) for week in range(1, LIKE + 1))
    return [found[one] for one in weeks if one in found]
