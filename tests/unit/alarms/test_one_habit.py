"""One notion of a small day: picture, calendar and alert say the same of any feed."""

from __future__ import annotations

import datetime as dt

from hypothesis import given, settings
from hypothesis import strategies as st

from include.commsarchive.alarms import rules
from include.commsarchive.alarms.rules import Facts
from include.commsarchive.control.days import DayState, days_of
from include.commsarchive.control.habit import HABIT, JUDGED
from include.commsarchive.control.standing import last_day, standing
from tests.unit.control.feeds import NOW, books, closed, connector

LENGTH = (JUDGED + HABIT).days
"""Days that an alert has before it, as many as a picture."""

NUMBERS = st.lists(
    st.sampled_from((0, 3, 30, 49, 90, 100, 100, 100, 110, 400)), min_size=LENGTH, max_size=LENGTH
)


@settings(max_examples=150, deadline=None)
@given(NUMBERS, st.sets(st.integers(0, LENGTH - 1), max_size=20))
def test_picture_calendar_and_alert_agree_on_small_days(numbers: list[int], missing: set[int]) -> None:
    rules_of = connector()
    end = last_day(rules_of, NOW)
    day_of = [end - dt.timedelta(days=LENGTH - 1 - place) for place in range(LENGTH)]
    records = [closed(day_of[place], found) for place, found in enumerate(numbers) if place not in missing]

    picture = standing(rules_of, books(records), records[-1], NOW).days
    calendar = days_of(rules_of.schedule, books(records), picture[0].day, end, NOW)
    alert = rules.small(Facts(rules_of, NOW, closed=records))

    assert calendar == picture
    small = [str(one.day) for one in picture if one.state is DayState.SMALL]
    named = list(alert.things) if alert else []
    assert named == small[len(small) - len(named) :]


@given(st.integers(0, 200))
def test_an_alert_is_raised_exactly_when_the_last_day_shows_as_small(found: int) -> None:
    rules_of = connector()
    end = last_day(rules_of, NOW)
    records = [closed(end - dt.timedelta(days=back)) for back in range(LENGTH, 0, -1)] + [closed(end, found)]
    shown = standing(rules_of, books(records), records[-1], NOW).days[-1]
    alert = rules.small(Facts(rules_of, NOW, closed=records))
    assert (alert is not None) is (shown.state is DayState.SMALL) is (found < 50)
