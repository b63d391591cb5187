"""Warnings of keys that grow old."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from include.commsarchive.pgp.base import Bounds, KeyInfo
from include.commsarchive.pgp.keys import expiring

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
DAY = 86400
KEY = KeyInfo("F" * 40, "F" * 16, "A Person <a@b.example>", True, True, True, 0, None, False)


def warnings(key: KeyInfo) -> list[str]:
    return expiring([key], NOW, dt.timedelta(days=30))


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (31, None),
        (30, "expires on 2026-12-01"),
        (1, "expires on 2026-11-02"),
        (-1, "has expired on 2026-10-31"),
    ],
)
def test_a_key_is_named_from_the_warning_time_on(days: int, said: str | None) -> None:
    found = warnings(replace(KEY, expires=int(NOW.timestamp()) + days * DAY))
    assert len(found) == (said is not None)
    assert said is None or said in found[0]


def test_a_key_without_end_is_not_named() -> None:
    assert warnings(KEY) == []


def test_a_revoked_key_is_named() -> None:
    assert "revoked" in warnings(replace(KEY, revoked=True))[0]


@pytest.mark.parametrize(("secret", "remedy"), [(True, "make a new one"), (False, "ask the vendor")])
def test_the_remedy_says_whose_key_it_is_and_no_name(*, secret: bool, remedy: str) -> None:
    (found,) = warnings(replace(KEY, secret=secret, revoked=True))
    assert remedy in found
    assert KEY.fingerprint in found
    assert "Person" not in found


def test_the_smaller_bound_counts() -> None:
    assert Bounds(1000, 200).limit(4) == 800
    assert Bounds(1000, 200).limit(6) == 1000
