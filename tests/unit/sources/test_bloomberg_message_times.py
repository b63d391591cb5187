from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.commsarchive.sources.bloomberg_message.times import new_york, sent

ZONE = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2024-01-15-09.00.00.000000", "2024-01-15T14:00:00"),
        ("2024-07-15-09.00.00.000000", "2024-07-15T13:00:00"),
        ("2024-03-10-01.59.59.999000", "2024-03-10T06:59:59.999"),
        ("2024-03-10-03.00.00.000000", "2024-03-10T07:00:00"),
        ("2024-11-03-00.59.59.000000", "2024-11-03T04:59:59"),
        ("2024-11-03-02.00.00.000000", "2024-11-03T07:00:00"),
        ("2005-03-20-12.00.00.000000", "2005-03-20T17:00:00"),
        ("2005-10-29-12.00.00", "2005-10-29T16:00:00"),
        ("7/4/2024 09:15:00", "2024-07-04T13:15:00"),
        ("12/31/1999 23:59:59", "2000-01-01T04:59:59"),
    ],
)
def test_new_yorks_clock_is_read_by_the_rules_of_its_day(text: str, utc: str) -> None:
    expected = dt.datetime.fromisoformat(f"{utc}+00:00").timestamp() * 1000
    assert new_york(text) == (expected, [])


def test_an_hour_that_came_twice_is_taken_as_the_earlier_and_remarked() -> None:
    read = new_york("2024-11-03-01.30.00.000000")
    assert read is not None
    assert read[0] == 1_730_611_800_000  # 05:30Z, still summer time
    assert "twice" in read[1][0]


def test_an_hour_that_never_was_is_remarked() -> None:
    read = new_york("2024-03-10-02.30.00.000000")
    assert read is not None
    assert "never" in read[1][0]


@pytest.mark.parametrize(
    "text",
    ["", "2024-02-30-09.00.00", "2024-01-15 09:00:00", "13/1/2024 09:00:00", "0000-01-01-00.00.00", "x"],
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert new_york(text) is None


@given(st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2037, 1, 1)))  # noqa: DTZ001 - in UTC, added below
def test_the_epoch_counts_and_its_new_york_time_never_disagrees_with_it(moment: dt.datetime) -> None:
    utc = moment.replace(microsecond=0, tzinfo=dt.UTC)
    local = utc.astimezone(ZONE).strftime("%Y-%m-%d-%H.%M.%S.000000")
    assert sent(str(int(utc.timestamp())), local) == (int(utc.timestamp()) * 1000, [])


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_words_are_a_time_or_none(utc: str, local: str) -> None:
    at, remarks = sent(utc, local)
    assert at is None or isinstance(at, int)
    assert all(remarks)
