"""The waits that servers ask for are understood in both forms, and no answer makes one without end."""

from __future__ import annotations

import datetime as dt

import pytest
from multidict import CIMultiDict

from include.commsarchive.retry_after import LONGEST_WAIT, retry_after

NOON = dt.datetime(2024, 3, 13, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("0.5", 0.5),
        ("Wed, 13 Mar 2024 12:01:30 GMT", 90),
        ("Wed, 13 Mar 2024 12:01:30 -0000", 90),
        ("Wed, 13 Mar 2024 11:00:00 GMT", 0),
        ("inf", LONGEST_WAIT),
        ("1e15", LONGEST_WAIT),
        ("Wed, 13 Mar 2124 11:00:00 GMT", LONGEST_WAIT),
    ],
)
def test_a_wait_is_seconds_or_a_date(value: str, seconds: float) -> None:
    assert retry_after(CIMultiDict({"retry-after": value}), NOON) == seconds


@pytest.mark.parametrize("value", ["", "soon", "-3", "nan", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"])
def test_anything_else_asks_for_none(value: str) -> None:
    assert retry_after(CIMultiDict({"Retry-After": value}), NOON) is None


def test_a_date_counts_from_now() -> None:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=2)
    wait = retry_after({"Retry-After": f"{soon:%a, %d %b %Y %H:%M:%S} GMT"})
    assert wait is not None
    assert 110 <= wait <= 120
