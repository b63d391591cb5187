"""A mailbox's budget is kept whatever its server counts when, and used."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.commsarchive.mailbox.pace import Budget, NoRoom, Pace

SMALL = Budget(requests=5, requests_seconds=60.0, upload=1000, upload_seconds=30.0)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def spend(pace: Pace, upload: int = 0) -> None:
    with pace.request(upload):
        pass


def test_there_is_room_until_the_budget_is_spent_and_again_when_its_window_has_passed() -> None:
    clock = Clock()
    pace = Pace(SMALL, clock)
    spend(pace, 600)
    clock.now += 10
    spend(pace, 400)
    assert pace.wait(upload=1) == 20.0
    assert pace.wait() == 0.0
    clock.now += 20
    assert pace.wait(upload=600) == 0.0
    assert pace.wait(upload=601) == 10.0


def test_requests_are_counted_with_or_without_a_body() -> None:
    clock = Clock()
    pace = Pace(SMALL, clock)
    for _ in range(5):
        spend(pace)
    assert pace.wait() == 60.0
    with pytest.raises(NoRoom) as refused:
        spend(pace)
    assert refused.value.seconds == 60.0


def test_what_still_runs_counts_and_what_failed_does_too() -> None:
    clock = Clock()
    pace = Pace(SMALL, clock)
    with pace.request(1000):
        clock.now += 50
        assert pace.wait(upload=1) == 30.0
    assert pace.wait(upload=1) == 30.0
    clock.now += 30
    with pytest.raises(ValueError, match="lost"), pace.request(1000):
        raise ValueError("lost")
    assert pace.wait(upload=1) == 30.0


def test_what_is_larger_than_the_budget_goes_alone() -> None:
    clock = Clock()
    pace = Pace(SMALL, clock)
    spend(pace, 1)
    assert pace.wait(upload=5000) == 30.0
    clock.now += 30
    spend(pace, 5000)
    assert pace.wait(upload=1) == 30.0


def test_the_servers_wait_is_kept_and_a_shorter_one_does_not_cut_it() -> None:
    clock = Clock()
    pace = Pace(SMALL, clock)
    pace.hold(20)
    pace.hold(5)
    assert pace.wait() == 20.0
    clock.now += 20
    assert pace.wait() == 0.0


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 400), st.sampled_from([0, 0.5, 1]), st.integers(0, 3)),
        min_size=1,
        max_size=80,
    )
)
def test_no_window_of_the_server_ever_holds_more_than_it_allows(
    sent: list[tuple[int, int, float, int]],
) -> None:
    """The server may count a request at any moment while it runs."""
    clock = Clock()
    pace = Pace(SMALL, clock)
    counted: list[tuple[float, int]] = []
    for pause, upload, moment, length in sent:
        clock.now += pause
        clock.now += pace.wait(upload)
        with pace.request(upload):
            counted.append((clock.now + moment * length, upload))
            clock.now += length
    for at, _ in counted:
        assert sum(size for then, size in counted if at - 30 < then <= at) <= 1000
        assert sum(at - 60 < then <= at for then, _ in counted) <= 5


def test_nearly_all_of_the_budget_can_be_used() -> None:
    clock = Clock()
    pace = Pace(Budget(upload=150_000_000), clock)
    sent = 0
    while clock.now < 100 + 3000:
        clock.now += pace.wait(3_000_000)
        spend(pace, 3_000_000)
        sent += 3_000_000
        clock.now += 0.1
    assert sent >= 0.95 * 150_000_000 * 10
