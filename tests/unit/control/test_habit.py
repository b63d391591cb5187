"""When a number is so much smaller than usual that somebody should look."""

from __future__ import annotations

import datetime as dt

import pytest

from include.commsarchive.control.habit import is_low, low_people, small_days
from include.commsarchive.ledger.proof import Share

MONDAY = dt.date(2026, 1, 5)


def feed(*weeks: tuple[int, ...]) -> dict[dt.date, int]:
    """Items found on each day, week by week from a Monday."""
    numbers = [number for week in weeks for number in week]
    return {MONDAY + dt.timedelta(days=place): number for place, number in enumerate(numbers)}


WEEK = (1000, 1100, 1050, 1200, 900, 0, 0)


@pytest.mark.parametrize(
    ("value", "past", "low"),
    [
        (400, [1000, 1100, 900, 1050], True),
        (600, [1000, 1100, 900, 1050], False),
        (0, [1000, 1100, 900, 1050], True),
        (0, [30, 200, 15, 90], True),
        (20, [30, 200, 15, 90], False),
        (0, [30, 200, 0, 90], False),
        (400, [1000, 10, 1100, 900, 1050], True),
        (5000, [1000, 1100, 900, 1050], False),
        (0, [1000, 1100, 900], None),
        (0, [3, 4, 5, 4], None),
        (0, [], None),
    ],
)
def test_less_than_half_and_far_below_the_spread_is_low(
    value: int, past: list[int], low: bool | None
) -> None:
    assert is_low(value, past) is low


def test_a_silent_day_is_compared_with_the_same_weekday() -> None:
    assert small_days(feed(*[WEEK] * 6)) == []
    silent = feed(*[WEEK] * 6, (0,))
    assert small_days(silent) == [MONDAY + dt.timedelta(weeks=6)]


def test_a_quiet_weekend_neither_alarms_nor_ends_an_alarm() -> None:
    bad_friday = feed(*[WEEK] * 6, (1000, 1000, 1000, 1000, 10, 0, 0))
    friday = MONDAY + dt.timedelta(weeks=6, days=4)
    assert small_days(bad_friday) == [friday]
    assert small_days(bad_friday | {friday + dt.timedelta(days=3): 1000}) == []


def test_days_in_a_row_are_all_named() -> None:
    days = small_days(feed(*[WEEK] * 6, (1000, 0, 10, 0)))
    assert days == [MONDAY + dt.timedelta(weeks=6, days=day) for day in (1, 2, 3)]


def test_the_first_weeks_are_quiet() -> None:
    assert small_days(feed(*[WEEK] * 3, (0, 0, 0, 0, 0))) == []


def test_a_feed_that_becomes_smaller_for_good_is_usual_again_in_the_end() -> None:
    small = tuple(number // 10 for number in WEEK)
    assert small_days(feed(*[WEEK] * 6, *[small] * 2)) != []
    assert small_days(feed(*[WEEK] * 6, *[small] * 8)) == []


def shares(found: dict[dt.date, int], mailbox: str, copies: int, until: int = 10**6) -> list[Share]:
    """So many copies on each day of a feed, up to a number of days."""
    days = [day for day, number in sorted(found.items()) if number]
    return [Share(day, mailbox, copies) for day in days[:until]]


def test_a_person_who_falls_silent_is_named_and_the_others_are_not() -> None:
    found = feed(*[WEEK] * 7)
    rows = [*shares(found, "ann@firm.example", 20, until=30), *shares(found, "bob@firm.example", 20)]
    assert low_people(found, rows) == ["ann@firm.example"]


def test_a_person_who_says_little_is_never_missed() -> None:
    found = feed(*[WEEK] * 7)
    assert low_people(found, shares(found, "ann@firm.example", 1, until=30)) == []


def test_a_person_is_not_missed_when_the_whole_feed_is_silent() -> None:
    found = feed(*[WEEK] * 6, (0, 0, 0, 0, 0, 0, 0))
    assert low_people(found, shares(found, "ann@firm.example", 20)) == []


def test_a_new_person_and_a_young_feed_have_no_habit() -> None:
    found = feed(*[WEEK] * 4)
    assert low_people(found, shares(found, "ann@firm.example", 20, until=15)) == []
    grown = feed(*[WEEK] * 7)
    late = [one for one in shares(grown, "new@firm.example", 20) if one.day > MONDAY + dt.timedelta(weeks=5)]
    assert low_people(grown, late[:-5]) == []
