"""Times of a zone's clock are placed as the zone's rules say, hour by hour or with care."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.commsarchive.sources.own_files.profile import Time
from include.commsarchive.sources.own_files.times import read_time

ZONES = (
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Monrovia",
    "UTC",
)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
SET = {
    "Europe/London": ("2024-03-31T00:30", "2024-10-27T00:30"),
    "Australia/Lord_Howe": ("2024-04-07T00:30", "2024-10-06T01:30"),
}
"""Times shortly before a clock is set."""


@given(st.integers(-5_000_000_000, 4_000_000_000), st.sampled_from(ZONES))
def test_a_clock_s_time_is_that_of_its_zone(seconds: int, zone: str) -> None:
    wall = (EPOCH + dt.timedelta(seconds=seconds)).replace(tzinfo=None)
    at, _ = read_time(wall.isoformat(), Time(field="at", zone=zone))
    assert at == (wall.replace(tzinfo=ZoneInfo(zone)) - EPOCH) // dt.timedelta(milliseconds=1)


@pytest.mark.parametrize("zone", SET)
def test_the_minutes_in_which_a_clock_is_set_are_told_apart(zone: str) -> None:
    for start in map(dt.datetime.fromisoformat, SET[zone]):
        for minutes in range(180):
            wall = start + dt.timedelta(minutes=minutes)
            times = [wall.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1)]
            at, remark = read_time(wall.isoformat(), Time(field="at", zone=zone))
            assert at == times[0].timestamp() * 1000
            assert bool(remark) == (times[0].utcoffset() != times[1].utcoffset())
