from __future__ import annotations

import datetime as dt
from dataclasses import replace

from include.commsarchive.control.days import Books, DayState
from include.commsarchive.control.feed import ActiveRun, Feed
from include.commsarchive.control.standing import Standing, Status, broken, standing
from tests.unit.control.feeds import MONDAY, NOW, RUNNING, books, closed, connector, history

YESTERDAY = dt.date(2026, 11, 20)
WHOLE = history(YESTERDAY, 40)


def judged(what: Books, now: dt.datetime = NOW) -> Standing:
    return standing(connector(), what, what.closed[-1] if what.closed else None, now)


def test_a_connector_whose_days_are_all_archived_is_active() -> None:
    found = judged(books(WHOLE))
    assert found.status is Status.ACTIVE
    assert found.remarks[0].why == "archived up to 2026-11-20"
    assert (found.last_day, found.items_last, found.items_30, found.unmapped_people) == (
        YESTERDAY,
        100,
        3000,
        2,
    )
    assert found.last_import == dt.datetime(2026, 11, 21, 5, 30, tzinfo=dt.UTC)
    assert found.next_run == RUNNING.next_run
    assert [found.days[0].day, found.days[-1].day, len(found.days)] == [dt.date(2026, 10, 22), YESTERDAY, 30]


def test_a_paused_connector_says_so_first_and_what_is_missing_then() -> None:
    found = judged(books(WHOLE[:-2], replace(RUNNING, paused=True)))
    assert found.status is Status.PAUSED
    assert "unpause" in found.remarks[0].remedy
    assert "2026-11-19: missing" in found.remarks[1].why
    assert found.next_run is None


def test_a_missing_day_needs_attention_and_names_the_remedy() -> None:
    gap = [record for record in WHOLE if record.day != MONDAY]
    found = judged(books(gap))
    assert found.status is Status.ATTENTION
    assert "2026-11-16: missing" in found.remarks[0].why
    assert "trigger a run" in found.remarks[0].remedy


def test_what_is_worst_is_said_first_and_each_state_once() -> None:
    feed = replace(RUNNING, failed={MONDAY: "run-1"})
    days = (MONDAY, MONDAY - dt.timedelta(days=1), MONDAY - dt.timedelta(days=2))
    gaps = [record for record in WHOLE if record.day not in days]
    found = judged(books(gaps, feed, {YESTERDAY: 3}))
    assert [remark.why.split(":")[0] for remark in found.remarks] == [
        "2026-11-15 and 1 more days",
        "2026-11-16",
        "2026-11-20",
    ]
    assert found.set_aside == 3


def test_a_run_under_way_is_running() -> None:
    run = ActiveRun("run", YESTERDAY, "running", NOW)
    found = judged(books(WHOLE[:-1], replace(RUNNING, active=(run,))))
    assert found.status is Status.RUNNING
    assert found.days[-1].state is DayState.RUNNING
    assert "2026-11-20 is running since 2026-11-21 08:00 UTC" in found.remarks[0].why


def test_a_new_connector_waits_to_start() -> None:
    young = connector(start="2026-11-20")
    known = standing(young, books([]), None, NOW)
    unknown = standing(young, books([], Feed()), None, NOW)
    assert (known.status, unknown.status) == (Status.WAITING, Status.WAITING)
    assert "first run is due on 2026-11-22 05:00 UTC" in known.remarks[0].why
    assert "has not read it yet" in unknown.remarks[0].why


def test_a_connector_whose_dag_is_gone_needs_attention() -> None:
    found = judged(books(WHOLE, Feed()))
    assert found.status is Status.ATTENTION
    assert "import errors" in found.remarks[0].remedy


def test_a_day_that_waits_within_its_deadline_is_no_reason_to_worry() -> None:
    found = judged(books(WHOLE[:-1]))
    assert found.status is Status.ACTIVE
    assert "2026-11-20: due since" in found.remarks[0].why


def test_a_wrong_definition_is_a_configuration_error() -> None:
    found = broken("desk.yaml: key `sorce`: remove this key")
    assert found.status is Status.BROKEN
    assert "sorce" in found.remarks[0].why


def test_replayed_items_count_but_are_no_import() -> None:
    what = books([*WHOLE, closed(YESTERDAY, 7, seq=99, kind="replay")])
    found = standing(connector(), what, WHOLE[-1], NOW)
    assert (found.items_30, found.items_last) == (3007, 100)
