from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from include.commsarchive.control.days import Books, Day, DayState, days_of, due
from include.commsarchive.control.feed import ActiveRun
from tests.unit.control.feeds import MONDAY, NOW, RUNNING, books, closed, connector, history

YESTERDAY = dt.date(2026, 11, 20)
FRIDAY_BEFORE = dt.date(2026, 11, 13)
EMPTY = books([])


def day_of(what: Books, day: dt.date, now: dt.datetime = NOW, **schedule: Any) -> Day:
    (found,) = days_of(connector(**schedule).schedule, what, day, day, now)
    return found


def test_a_day_is_due_on_the_day_after_it_where_its_clock_hangs() -> None:
    schedule = connector(cron="30 6 * * *", timezone="America/New_York").schedule
    assert due(schedule, MONDAY).astimezone(dt.UTC) == dt.datetime(2026, 11, 17, 11, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("hours", "state"),
    [(-1, DayState.NOT_DUE), (0, DayState.WAITING), (7, DayState.WAITING), (9, DayState.MISSING)],
)
def test_a_day_without_a_record_waits_until_its_deadline_and_is_missing_then(
    hours: int, state: DayState
) -> None:
    now = dt.datetime(2026, 11, 21, 5, tzinfo=dt.UTC) + dt.timedelta(hours=hours)
    assert day_of(EMPTY, YESTERDAY, now).state is state


def test_a_day_that_is_being_archived_is_running_until_its_deadline_and_late_then() -> None:
    run = ActiveRun("run-7", YESTERDAY, "running", NOW)
    what = books([], replace(RUNNING, active=(run,)))
    early, late = (day_of(what, YESTERDAY, NOW + dt.timedelta(hours=hours)) for hours in (0, 6))
    assert (early.state, early.run_id) == (DayState.RUNNING, "run-7")
    assert late.state is DayState.LATE


def test_a_day_whose_run_failed_says_so_unless_it_was_archived_since() -> None:
    feed = replace(RUNNING, failed={MONDAY: "run-3"})
    assert day_of(books([], feed), MONDAY).state is DayState.FAILED
    assert day_of(books([], feed), MONDAY).run_id == "run-3"
    assert day_of(books([closed(MONDAY)], feed), MONDAY).state is DayState.ARCHIVED


def test_days_that_airflow_will_catch_up_with_are_late_not_missing() -> None:
    feed = replace(RUNNING, next_run=dt.datetime(2026, 11, 17, 5, tzinfo=dt.UTC))
    before = MONDAY - dt.timedelta(days=1)
    assert day_of(books([], feed), MONDAY, catchup=True).state is DayState.LATE
    assert day_of(books([], feed), before, catchup=True).state is DayState.MISSING
    assert day_of(books([], feed), MONDAY, catchup=False).state is DayState.MISSING
    assert day_of(books([], replace(feed, paused=True)), MONDAY, catchup=True).state is DayState.MISSING


@pytest.mark.parametrize("schedule", [{"start": "2026-11-17"}, {"end": "2026-11-15"}, {"cron": ""}])
def test_a_day_outside_the_schedule_is_not_due(schedule: dict[str, Any]) -> None:
    assert day_of(EMPTY, MONDAY, **schedule).state is DayState.NOT_DUE


def test_a_day_outside_the_schedule_that_was_archived_is_shown() -> None:
    assert day_of(books([closed(MONDAY)]), MONDAY, start="2026-11-17").state is DayState.ARCHIVED


def test_a_day_with_things_set_aside_is_closed_with_quarantine_until_they_are_replayed() -> None:
    records = [closed(MONDAY, 10, archived=8)]
    day = day_of(books(records, set_aside={MONDAY: 2}), MONDAY)
    assert (day.state, day.set_aside, day.found, day.archived) == (DayState.QUARANTINE, 2, 10, 8)
    assert "2 could not be read or filed" in day.why
    assert day_of(books(records), MONDAY).state is DayState.ARCHIVED


def test_runs_of_one_day_count_together_and_replays_do_not() -> None:
    records = [
        closed(MONDAY, 10, seq=1),
        closed(MONDAY, 10, seq=2, archived=0),
        closed(MONDAY, 1, seq=3, kind="replay"),
    ]
    day = day_of(books(records), MONDAY)
    assert (day.found, day.archived, day.record) == (10, 10, 2)


def test_a_day_far_below_its_habit_is_unusually_small() -> None:
    usual = history(FRIDAY_BEFORE, 40)
    assert day_of(books([*usual, closed(MONDAY, 49)]), MONDAY).state is DayState.SMALL
    assert "about 100 are usual" in day_of(books([*usual, closed(MONDAY, 49)]), MONDAY).why
    assert day_of(books([*usual, closed(MONDAY, 60)]), MONDAY).state is DayState.ARCHIVED


def test_a_small_day_with_things_set_aside_says_both() -> None:
    records = [*history(FRIDAY_BEFORE, 40), closed(MONDAY, 49)]
    day = day_of(books(records, set_aside={MONDAY: 2}), MONDAY)
    assert day.state is DayState.QUARANTINE
    assert day.why == (
        "2 could not be read or filed and are set aside; 49 items; about 100 are usual on that weekday"
    )


@pytest.mark.parametrize(("days", "found"), [(20, 100), (60, 9)])
def test_without_a_habit_no_day_is_small(days: int, found: int) -> None:
    records = [*history(FRIDAY_BEFORE, days, found), closed(MONDAY, 1)]
    assert day_of(books(records), MONDAY).state is DayState.ARCHIVED


def test_a_habit_of_long_ago_is_none() -> None:
    records = [*history(MONDAY - dt.timedelta(days=60), 30), closed(MONDAY, 1)]
    assert day_of(books(records), MONDAY).state is DayState.ARCHIVED
