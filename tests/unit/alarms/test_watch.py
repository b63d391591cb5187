"""A look at a real ledger: what is wrong opens an alert, what is mended clears it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from include.commsarchive.alarms.messages import news_notices
from include.commsarchive.alarms.watch import look
from include.commsarchive.connector import Connector
from include.commsarchive.ledger.alerts import AlertKind, News
from include.commsarchive.ledger.base import HeldStage, Run
from include.commsarchive.ledger.settlement import settled_by
from include.commsarchive.ledger.sql import SqlLedger, connect
from include.commsarchive.model import Outcome
from tests.letters import make_delivery, make_held
from tests.unit.alarms.situations import connector

NOW = dt.datetime.now(dt.UTC)
TODAY = NOW.date()
FEED = connector(
    schedule={"start": str(TODAY - dt.timedelta(days=2)), "deadline_hours": 0.1, "cron": "0 0 * * *"}
)
DAYS = [TODAY - dt.timedelta(days=number) for number in (2, 1)]
LATE = NOW.replace(hour=12)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqlLedger]:
    with connect(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        yield opened


def archive(ledger: SqlLedger, day: dt.date, *mailboxes: str, found: int = 0, run_id: str = "") -> None:
    run = Run(run_id or f"chat/{day}", "chat", day, "scheduled", NOW)
    ledger.open_run(run)
    copies = [make_delivery(f"{day}", mailbox) for mailbox in mailboxes]
    ledger.intend(run.run_id, copies)
    ledger.settle(run.run_id, [Outcome(one.delivery_key, "id") for one in copies])
    root = ledger.totals(run.run_id).delivery_root
    ledger.close_run(run.run_id, {"kind": "scheduled", "found": found, "delivery_root": root})


def seen(ledger: SqlLedger, *failed: str, connectors: Sequence[Connector] = (FEED,)) -> News:
    def has_failed(run: Run) -> bool:
        return run.run_id in failed

    return look(ledger, connectors, LATE, has_failed, lambda news: news_notices(news, ["mail"]))


def test_a_day_that_is_missing_opens_an_alert_that_clears_when_it_is_archived(ledger: SqlLedger) -> None:
    archive(ledger, DAYS[0])
    [opened] = seen(ledger).opened
    assert (opened.finding.kind, opened.finding.things) == (AlertKind.MISSING, (str(DAYS[1]),))
    assert not seen(ledger)
    archive(ledger, DAYS[1])
    [cleared] = seen(ledger).cleared
    assert cleared.finding.kind == AlertKind.MISSING
    assert [one.subject for one in ledger.unsent()] == ["commsarchive: 1 new", "commsarchive: 1 mended"]


def test_a_failed_run_opens_an_alert_beside_the_late_day_and_the_next_run_clears_both(
    ledger: SqlLedger,
) -> None:
    archive(ledger, DAYS[0])
    ledger.open_run(Run("chat/1", "chat", DAYS[1], "scheduled", NOW))
    assert {one.finding.kind for one in seen(ledger, "chat/1").opened} == {
        AlertKind.MISSING,
        AlertKind.UNCLOSED,
    }
    archive(ledger, DAYS[1], run_id="chat/2")
    assert len(seen(ledger, "chat/1").cleared) == 2


def test_a_run_that_is_planned_anew_after_its_record_is_open_until_it_closes_again(ledger: SqlLedger) -> None:
    for day in DAYS:
        archive(ledger, day)
    assert ledger.unclosed("chat", DAYS[0]) == []
    ledger.plan_anew(f"chat/{DAYS[0]}")
    assert [run.run_id for run in ledger.unclosed("chat", DAYS[0])] == [f"chat/{DAYS[0]}"]
    archive(ledger, DAYS[0], found=1)
    assert ledger.unclosed("chat", DAYS[0]) == []


def test_a_backfill_of_an_old_day_that_failed_is_found_and_mended(ledger: SqlLedger) -> None:
    for day in DAYS:
        archive(ledger, day)
    old = TODAY - dt.timedelta(days=900)
    ledger.open_run(Run("chat/old", "chat", old, "backfill", NOW))
    assert [one.finding.kind for one in seen(ledger, "chat/old").opened] == [AlertKind.UNCLOSED]
    archive(ledger, old, run_id="chat/again")
    assert len(seen(ledger, "chat/old").cleared) == 1


def test_people_and_things_set_aside_are_alerts_until_they_are_resolved(ledger: SqlLedger) -> None:
    for day in DAYS:
        archive(ledger, day)
    person = replace(make_held("x"), stage=HeldStage.MAP_USERS, reason="person-unmapped")
    broken = make_held("y", people=())
    ledger.hold([person, broken])
    kinds = {one.finding.kind for one in seen(ledger).opened}
    assert kinds == {AlertKind.UNMAPPED, AlertKind.QUARANTINE}
    ledger.hold([make_held("z", people=())])
    assert not seen(ledger)
    ledger.hold([replace(make_held("v", people=()), reason="too-large")])
    assert [one.finding.kind for one in seen(ledger).grown] == [AlertKind.QUARANTINE]
    ledger.resolve([make_held(name).held_id for name in "xyzv"], "replay")
    assert len(seen(ledger).cleared) == 2


def test_an_alert_ends_when_a_person_settled_what_it_was_about(ledger: SqlLedger) -> None:
    for day in DAYS:
        archive(ledger, day)
    ledger.hold([make_held("x", people=())])
    assert [one.finding.kind for one in seen(ledger).opened] == [AlertKind.QUARANTINE]
    ledger.resolve([make_held("x").held_id], settled_by("ann", "the key is lost"))
    assert [one.finding.kind for one in seen(ledger).cleared] == [AlertKind.QUARANTINE]


def test_alerts_of_a_connector_that_is_gone_are_cleared(ledger: SqlLedger) -> None:
    seen(ledger)
    assert [one.finding.connector for one in seen(ledger, connectors=[]).cleared] == ["chat"]


def test_copies_are_counted_for_each_custodian_and_day_once(ledger: SqlLedger) -> None:
    archive(ledger, DAYS[0], "ann@firm.example", "bob@firm.example")
    archive(ledger, DAYS[0], "ann@firm.example", found=1)
    archive(ledger, DAYS[0], "ann@firm.example", "cid@firm.example", run_id="again")
    shares = {(one.day, one.mailbox): one.copies for one in ledger.shares("chat", DAYS[0])}
    names = ("ann@firm.example", "bob@firm.example", "cid@firm.example")
    assert shares == dict.fromkeys([(DAYS[0], name) for name in names], 1)
