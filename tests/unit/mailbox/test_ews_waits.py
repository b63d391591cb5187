"""The waits that servers ask for are understood in both forms."""

from __future__ import annotations

import datetime as dt
from email.utils import format_datetime

import pytest
import requests

from include.commsarchive.mailbox.ews.waits import retry_after
from include.commsarchive.mailbox.graph.answers import retry_after as retry_after_of_graph


def answer(value: str | None) -> requests.Response:
    response = requests.Response()
    if value is not None:
        response.headers["Retry-After"] = value
    return response


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7), ("0.5", 0.5), ("-3", 0), ("soon", 0), ("", 0), (None, 0)]
)
def test_seconds_are_taken_and_anything_else_is_no_wait(value: str | None, seconds: float) -> None:
    assert retry_after(answer(value)) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("inf", 3600),
        ("1e15", 3600),
        ("nan", 0),
        ("Mon, 01 Jan 2001 00:00:00 -0000", 0),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", 0),
    ],
)
def test_no_answer_makes_a_wait_that_never_ends_or_an_error(value: str, seconds: float) -> None:
    assert retry_after(answer(value)) == retry_after_of_graph(value) == seconds


@pytest.mark.parametrize(("minutes", "least", "most"), [(2, 110, 120), (-2, 0, 0)])
def test_a_date_is_a_wait_until_then(minutes: int, least: float, most: float) -> None:
    then = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes)
    assert least <= retry_after(answer(format_datetime(then, usegmt=True))) <= most
