"""The ledger against itself, and against the mailboxes."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.ledger.sql import SqlLedger
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.mailbox.memory import MemoryMailbox
from include.commsarchive.stages import verify as stage
from include.commsarchive.stages.mapping import version_of
from include.commsarchive.stages.verify import Extent, Verdict, verify
from tests.letters import DAY, FOLDER, NEXT_DAY, encode
from tests.unit.stages.proven import ITEMS, WireMailbox, archive_day, key_of, mailboxes, two_days


@pytest.fixture
def mailbox() -> WireMailbox:
    return mailboxes()


@pytest.fixture
def ledger(tmp_path: Path, mailbox: WireMailbox) -> Iterator[SqlLedger]:
    with two_days(tmp_path, mailbox) as opened:
        yield opened


def judged(ledger: SqlLedger, mailbox: Mailbox, extent: Extent = "all", connector: str = "") -> Verdict:
    return verify(ledger, lambda _: nullcontext(mailbox), extent, connector=connector)


def test_what_nobody_touched_is_intact(ledger: SqlLedger, mailbox: WireMailbox) -> None:
    verdict = judged(ledger, mailbox)
    assert (verdict.word, verdict.records, verdict.copies) == ("intact", 2, 4)
    assert str(verdict) == "2 import records, 4 copies looked up, 4 compared: intact"


def test_a_copy_of_which_nobody_knows_what_was_kept_is_said_to_be_only_found(
    ledger: SqlLedger, mailbox: WireMailbox
) -> None:
    unread = MemoryMailbox(encode)
    unread.mails = mailbox.mails
    archive_day(ledger, unread, NEXT_DAY, "eve", read_back="first")
    there = mailbox.mails["eve@firm.example", FOLDER]
    there[key_of("eve")] = b"Subject: not what was said\r\n"
    assert str(judged(ledger, mailbox)) == (
        "3 import records, 5 copies looked up, 4 compared, 1 only found: intact"
    )


def test_copies_at_an_archive_that_tells_nothing_are_neither_looked_up_nor_missing(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = mailboxes()
    monkeypatch.setattr(silent, "readable", False)
    verdict = judged(ledger, silent)
    assert (verdict.incomplete, verdict.copies, verdict.unasked) == ([], 0, 0)
    assert str(verdict) == "2 import records, 4 copies where nobody can look: intact"


def test_a_copy_that_cannot_be_read_now_is_not_said_to_be_compared(
    ledger: SqlLedger, mailbox: WireMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "inspect", lambda *_: {})
    verdict = judged(ledger, mailbox)
    assert (verdict.copies, verdict.compared, verdict.only_found) == (4, 0, 4)


@pytest.mark.parametrize("turn", "abcdef")
def test_a_sample_of_a_small_archive_is_all_of_it_once(
    ledger: SqlLedger, mailbox: WireMailbox, turn: str
) -> None:
    assert verify(ledger, lambda _: nullcontext(mailbox), "sample", turn=turn).copies == 4


def test_a_copy_that_is_gone_makes_it_incomplete(ledger: SqlLedger, mailbox: WireMailbox) -> None:
    del mailbox.mails["bob@firm.example", FOLDER][key_of("bob")]
    verdict = judged(ledger, mailbox)
    assert verdict.word == "incomplete"
    [line] = verdict.incomplete
    assert key_of("bob") in line
    assert "@" not in line
    assert judged(ledger, mailbox, "none").word == "intact"


@pytest.mark.parametrize(
    ("days", "word", "expired"), [(30, "intact", 1), (36_500, "incomplete", 0), (0, "incomplete", 0)]
)
def test_a_copy_may_be_gone_once_its_retention_has_run_out(
    ledger: SqlLedger, mailbox: WireMailbox, days: int, word: str, expired: int
) -> None:
    del mailbox.mails["dan@firm.example", FOLDER][key_of("dan")]
    stated = json.dumps({"name": "mail", "retention": {"label": "Chats", "days": days}})
    ledger.keep_mapping("mail", "connector", version_of(stated), stated)
    verdict = judged(ledger, mailbox)
    assert (verdict.word, verdict.expired) == (word, expired)
    assert ("1 gone after their retention" in str(verdict)) == bool(expired)


def test_a_copy_that_was_changed_makes_it_tampered(ledger: SqlLedger, mailbox: WireMailbox) -> None:
    there = mailbox.mails["bob@firm.example", FOLDER]
    there[key_of("bob")] = there[key_of("bob")].replace(b"what was said", b"what was not")
    verdict = judged(ledger, mailbox)
    assert verdict.word == "tampered"
    assert key_of("bob") in verdict.tampered[0]


def test_only_the_copies_of_the_connector_are_looked_up(ledger: SqlLedger, mailbox: WireMailbox) -> None:
    mailbox.mails.clear()
    assert judged(ledger, mailbox, connector="mail").copies == 1


def test_a_sample_is_bounded_and_the_turns_come_around_to_every_copy(
    ledger: SqlLedger, mailbox: WireMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "SAMPLE", 2)
    asked: set[str] = set()

    class Watched(WireMailbox):
        def find(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> dict[str, str]:
            asked.update(delivery_keys)
            return super().find(mailbox, folder, delivery_keys)

    watched = Watched(mailbox._encode)
    watched.mails = mailbox.mails
    for turn in range(40):
        verdict = verify(ledger, lambda _: nullcontext(watched), "sample", turn=str(turn))
        assert verdict.copies == 2
    assert asked == {key_of(item) for item in (*ITEMS, "dan")}


def test_a_mailbox_that_cannot_be_asked_makes_it_incomplete_and_the_others_are_asked(
    ledger: SqlLedger, mailbox: WireMailbox
) -> None:
    class Busy(WireMailbox):
        def find(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> dict[str, str]:
            if mailbox.startswith("bob"):
                raise Retriable("too busy")
            return super().find(mailbox, folder, delivery_keys)

    busy = Busy(mailbox._encode)
    busy.mails = mailbox.mails
    verdict = judged(ledger, busy)
    assert (verdict.word, verdict.copies) == ("incomplete", 3)
    assert "too busy" in verdict.incomplete[0]


def test_a_destination_that_is_no_more_is_told_once(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "SAMPLE", 1)

    @contextmanager
    def gone(name: str) -> Iterator[Mailbox]:
        raise Fatal(f"no connection {name}")
        yield

    verdict = verify(ledger, gone, "all")
    assert verdict.word == "incomplete"
    assert len(verdict.incomplete) == 1
    assert verdict.copies == 0


def test_a_run_planned_anew_and_left_open_makes_it_incomplete(
    ledger: SqlLedger, mailbox: WireMailbox
) -> None:
    ledger.plan_anew(f"chat/{DAY}")
    verdict = judged(ledger, mailbox)
    assert verdict.word == "incomplete"
    assert f"run chat/{DAY}: was planned anew" in verdict.incomplete[0]
    archive_day(ledger, mailbox, DAY, *ITEMS)
    assert judged(ledger, mailbox).word == "intact"


def test_very_many_faults_are_counted(
    ledger: SqlLedger, mailbox: WireMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "MOST_LINES", 2)
    mailbox.mails.clear()
    verdict = judged(ledger, mailbox)
    assert (len(verdict.incomplete), verdict.unlisted) == (2, 2)
