from __future__ import annotations

import datetime as dt

import pendulum
import pytest
from airflow.timetables.base import TimeRestriction
from commsarchive_airflow.timetable import FeedTimetable

LONG_AGO = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)
FAR_AHEAD = dt.datetime(2090, 1, 1, tzinfo=dt.UTC)


def days(timetable: FeedTimetable) -> list[str]:
    return [
        f"{start.astimezone(timetable.zone):%a %d}" for start, _ in timetable.intervals(LONG_AGO, FAR_AHEAD)
    ]


@pytest.mark.parametrize("timezone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_the_schedule_has_a_first_and_a_last_day_both_included(timezone: str) -> None:
    feed = FeedTimetable("0 5 * * *", timezone, dt.date(2024, 3, 11), dt.date(2024, 3, 13))
    assert days(feed) == ["Mon 11", "Tue 12", "Wed 13"]


def test_it_is_the_same_after_a_journey_through_airflows_database() -> None:
    feed = FeedTimetable("30 6 * * *", "Europe/London", dt.date(2024, 3, 29), dt.date(2024, 4, 1))
    again = FeedTimetable.deserialize(feed.serialize())
    assert days(again) == ["Fri 29", "Sat 30", "Sun 31", "Mon 01"]
    assert again.serialize() == feed.serialize()


def test_without_catching_up_only_the_last_day_is_scheduled() -> None:
    feed = FeedTimetable("0 5 * * *", "UTC", dt.date(2024, 3, 11))
    restriction = TimeRestriction(pendulum.instance(LONG_AGO), None, catchup=False)
    info = feed.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
    assert info is not None
    assert info.data_interval is not None
    assert pendulum.now("UTC") - info.data_interval.end < dt.timedelta(days=1)


def test_a_manual_run_outside_the_days_still_has_its_interval() -> None:
    feed = FeedTimetable("0 5 * * *", "UTC", dt.date(2024, 3, 11), dt.date(2024, 3, 13))
    interval = feed.infer_manual_data_interval(run_after=pendulum.datetime(2026, 11, 21, 9, 45))
    assert interval.start == pendulum.datetime(2026, 11, 20, 5)
