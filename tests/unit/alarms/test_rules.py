"""What each rule finds, and what it lets pass."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from include.commsarchive.alarms import rules
from include.commsarchive.alarms.rules import Facts, judge, missing_days, spans
from include.commsarchive.ledger.alerts import AlertKind, Finding
from include.commsarchive.ledger.base import HeldStage
from include.commsarchive.ledger.proof import Share, Waits
from include.commsarchive.ledger.views import Unmapped
from tests.unit.alarms.situations import NOW, closed, connector, days, run

ALL = days(11, 12, 13, 14, 15)


def facts(**known: object) -> Facts:
    return replace(Facts(connector(), NOW, archived=ALL), **known)  # type: ignore[arg-type]


def found(finding: Finding | None) -> Finding:
    assert finding is not None
    return finding


def test_nothing_is_found_where_all_is_well() -> None:
    assert judge(facts()) == []


def test_days_that_are_late_are_one_finding_that_names_them() -> None:
    one = found(rules.missing(facts(archived=days(11, 14))))
    assert one.things == ("2026-03-12", "2026-03-13", "2026-03-15")
    assert "3 business days are not archived: 2026-03-12 to 2026-03-13, 2026-03-15" in one.why
    assert "Trigger" in one.remedy.title()


@pytest.mark.parametrize(("hour", "late"), [(4, [14]), (12, [14]), (14, [14, 15])])
def test_a_day_is_late_from_its_deadline_on(hour: int, late: list[int]) -> None:
    at = NOW.replace(hour=hour)
    assert missing_days(facts(now=at, archived=days(11, 12, 13))) == days(*late)


def test_the_deadline_is_counted_where_the_clock_of_the_connector_hangs() -> None:
    tokyo = connector(schedule={"timezone": "Asia/Tokyo"})
    at = dt.datetime(2026, 3, 15, 23, tzinfo=dt.UTC)
    assert missing_days(facts(connector=tokyo, now=at, archived=days(11, 12, 13, 14))) == []
    later = at + dt.timedelta(hours=6)
    assert missing_days(facts(connector=tokyo, now=later, archived=days(11, 12, 13, 14))) == days(15)


def test_a_feed_that_has_ended_or_has_no_schedule_misses_nothing() -> None:
    ended = connector(schedule={"end": "2026-03-12"})
    assert missing_days(facts(connector=ended, archived=days(11))) == days(12)
    assert missing_days(facts(connector=connector(schedule={"cron": ""}), archived=())) == []


def test_days_before_the_first_are_not_asked_for_where_nothing_is_caught_up() -> None:
    lazy = connector(schedule={"catchup": False})
    assert missing_days(facts(connector=lazy, archived=days(13, 15))) == days(14)
    assert missing_days(facts(connector=lazy, archived=())) == days(15)


def test_a_day_that_is_lost_for_good_stays_missing() -> None:
    year = connector(schedule={"start": "2025-03-11"})
    assert missing_days(facts(connector=year))[0] == dt.date(2025, 3, 11)


def test_a_day_that_the_source_will_soon_delete_is_told_apart_from_one_that_is_gone() -> None:
    old = connector(schedule={"start": "2026-02-20"})
    archived = [day for day in map(dt.date.fromordinal, range(738000, 740000)) if day.month == 3]
    one = found(rules.source_deletes(facts(connector=old, archived=archived)))
    assert one.things == tuple(f"2026-02-{day}" for day in range(20, 29))
    assert "the source deletes 2026-02-23 to 2026-02-28 from 2026-03-16 on" in one.why
    assert "it has probably deleted 2026-02-20 to 2026-02-22" in one.why


def test_a_missing_day_that_the_source_keeps_for_long_is_no_matter_of_its_retention() -> None:
    assert rules.source_deletes(facts(archived=())) is None
    short = connector(collect={"source_keeps_days": 8})
    assert rules.source_deletes(facts(connector=short, archived=())) is not None


def test_a_run_that_failed_is_found_at_once_and_one_that_hangs_after_its_deadline() -> None:
    fresh = run(days(15)[0])
    early = NOW.replace(hour=6)
    assert rules.unclosed(facts(unclosed=[fresh], now=early)) is None
    failed = found(rules.unclosed(facts(unclosed=[fresh], now=early, failed={fresh.run_id})))
    assert failed.things == (fresh.run_id,)
    assert rules.unclosed(facts(unclosed=[fresh])) is not None


def test_a_failed_run_is_mended_by_a_later_one_of_its_day_and_by_no_replay() -> None:
    day = days(12)[0]
    failed = {"unclosed": [run(day)], "failed": {f"chat/{day}"}}
    again = closed(day, run_id="manual")
    assert rules.unclosed(facts(**failed, closed=[again])) is None
    assert rules.unclosed(facts(**failed, closed=[replace(again, kind="replay")])) is not None
    assert rules.unclosed(facts(**failed, closed=[closed(days(13)[0])])) is not None


def test_a_run_that_was_planned_anew_is_not_mended_by_its_own_old_record() -> None:
    day = days(12)[0]
    assert rules.unclosed(facts(unclosed=[run(day)], closed=[closed(day)])) is not None


def test_a_failed_replay_is_mended_by_a_later_replay() -> None:
    day = days(12)[0]
    failed = {"unclosed": [run(day, kind="replay", run_id="replay/1")], "failed": {"replay/1"}}
    assert rules.unclosed(facts(**failed, closed=[closed(day)])) is not None
    assert rules.unclosed(facts(**failed, closed=[closed(day, kind="replay", run_id="replay/2")])) is None


def habit(last: int) -> list[dt.date]:
    return [NOW.date() - dt.timedelta(days=number) for number in range(last, 0, -1)]


def test_a_feed_much_smaller_than_usual_is_found_with_its_numbers() -> None:
    past = habit(42)
    usual = [closed(day, 1000) for day in past[:-1]]
    assert rules.small(facts(closed=[*usual, closed(past[-1], 900)])) is None
    one = found(rules.small(facts(closed=[*usual, closed(past[-1], 7)])))
    assert "7 items on 2026-03-15, 1000 are usual" in one.why


def test_a_small_second_run_or_replay_of_a_day_is_no_small_day() -> None:
    past = habit(42)
    usual = [closed(day, 1000) for day in past]
    again = [closed(past[-1], 3, run_id="again"), closed(past[-1], 1, kind="replay")]
    assert rules.small(facts(closed=[*usual, *again])) is None


def test_silent_people_are_counted_in_words_and_named_only_as_things() -> None:
    past = habit(49)
    feed = [closed(day, 1000) for day in past]
    silent = [
        Share(day, name, 20) for day in past[:35] for name in ("ann@firm.example", "third@firm.example")
    ]
    going = [Share(day, "bob@firm.example", 20) for day in past]
    one = found(rules.custodians(facts(closed=feed, shares=[*silent, *going])))
    assert one.things == ("ann@firm.example",)
    assert "1 person gets much less" in one.why
    assert "ann" not in one.why + one.remedy


def test_people_without_a_mailbox_are_counted_since_the_first_day() -> None:
    people = [Unmapped("uuid:1", days(13)[0], 2), Unmapped("uuid:2", days(12)[0], 1)]
    one = found(rules.unmapped(facts(unmapped=people)))
    assert one.things == ("uuid:1", "uuid:2")
    assert "2 of our own people have no mailbox, since 2026-03-12" in one.why
    assert "uuid" not in one.why


def test_quarantine_names_reasons_and_leaves_matters_of_the_mapping_out() -> None:
    day = days(12)[0]
    outsiders = Waits(day, HeldStage.MAP_USERS, "nobody-mapped", 50)
    assert rules.quarantine(facts(waiting=[outsiders])) is None
    broken = Waits(day, HeldStage.CONVERT, "missing-room-id", 2)
    refused = Waits(day, HeldStage.MAP_USERS, "no-such-mailbox", 1)
    one = found(rules.quarantine(facts(waiting=[outsiders, broken, refused])))
    assert "3 things are set aside, since 2026-03-12: missing-room-id, no-such-mailbox" in one.why
    assert one.things == ("2026-03-12 convert missing-room-id", "2026-03-12 map_users no-such-mailbox")


def test_every_kind_of_the_ledger_has_a_rule_or_a_look_of_its_own() -> None:
    elsewhere = {AlertKind.EXPIRING, AlertKind.TAMPERED, AlertKind.INCOMPLETE}
    assert rules.RULES.keys() | elsewhere == set(AlertKind)


def test_days_are_written_as_spans() -> None:
    assert spans(days(1, 2, 3, 5, 7, 8)) == "2026-03-01 to 2026-03-03, 2026-03-05, 2026-03-07 to 2026-03-08"
