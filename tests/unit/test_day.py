from __future__ import annotations

import datetime as dt

import pytest

from include.commsarchive.day import business_day
from include.commsarchive.errors import Fatal

NOW = dt.datetime(2026, 11, 21, 9, 45, tzinfo=dt.UTC)


def at(day: int, hour: int = 5) -> dt.datetime:
    return dt.datetime(2026, 11, day, hour, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("interval_start", "run_after", "archived"),
    [
        pytest.param(at(20), at(21), 20, id="scheduled"),
        pytest.param(at(5), at(6), 5, id="backfill for 5 Nov"),
        pytest.param(at(9), NOW, 9, id="form or REST with logical date 10 Nov 05:00"),
        pytest.param(at(18), at(19), 18, id="dags test 2026-11-19T05:00"),
        pytest.param(at(20), NOW, 20, id="CLI trigger --logical-date 14 Nov: interval of now"),
        pytest.param(None, NOW, 20, id="REST logical_date null: the last day that is over"),
        pytest.param(at(1, 0), NOW, 1, id="REST with an explicit interval"),
    ],
)
def test_each_way_of_making_a_run_archives_the_day_its_interval_starts(
    interval_start: dt.datetime | None, run_after: dt.datetime, archived: int
) -> None:
    assert business_day(None, None, interval_start, run_after, "UTC") == dt.date(2026, 11, archived)


def test_the_day_asked_for_wins_over_partition_and_interval() -> None:
    assert business_day("2026-11-03", "2026-11-04", at(20), NOW, "UTC") == dt.date(2026, 11, 3)


def test_the_partition_wins_over_the_interval() -> None:
    assert business_day("", "2026-11-04", at(20), NOW, "UTC") == dt.date(2026, 11, 4)


def test_days_begin_in_the_connectors_time_zone() -> None:
    just_after_midnight_in_tokyo = dt.datetime(2026, 11, 19, 15, 30, tzinfo=dt.UTC)
    assert business_day(None, None, just_after_midnight_in_tokyo, NOW, "Asia/Tokyo") == dt.date(2026, 11, 20)
    assert business_day(None, None, None, just_after_midnight_in_tokyo, "Asia/Tokyo") == dt.date(2026, 11, 19)


def test_a_night_without_its_hour_still_has_its_own_day() -> None:
    before_the_clocks_changed = dt.datetime(2026, 3, 29, 0, 30, tzinfo=dt.UTC)
    assert business_day(None, None, before_the_clocks_changed, NOW, "Europe/Berlin") == dt.date(2026, 3, 29)


@pytest.mark.parametrize(
    ("asked", "partition", "named"), [("11/03/2026", None, "day"), (None, "eu", "partition")]
)
def test_what_is_no_day_is_refused_by_name(asked: str | None, partition: str | None, named: str) -> None:
    with pytest.raises(Fatal, match=named):
        business_day(asked, partition, at(20), NOW, "UTC")
