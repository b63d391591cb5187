"""Mailboxes in doubt: the others go on, nothing is doubled or lost, and a long wait ends the task."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest

from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.ledger.memory import MemoryLedger
from include.commsarchive.mailbox.base import INBOX, NOT_SENT
from include.commsarchive.model import Kept, Letter, Outcome
from include.commsarchive.stages import ingest as stage
from include.commsarchive.stages.ingest import IngestReceipt, Sending
from include.commsarchive.stages.read_back import ReadBack
from tests.letters import make_run, make_sending
from tests.unit.stages.bad_answers import ANN, BOB, PLAN, Clock, Server, Told, everything_once, file, times


@pytest.mark.parametrize("answer", ["connection-lost", "lost connection"])
def test_a_copy_in_doubt_is_looked_up_and_sent_only_if_it_is_not_there(
    ledger: MemoryLedger, clock: Clock, answer: str
) -> None:
    server = Server(times(None, answer, answer))
    receipt = file(ledger, server, clock)
    assert everything_once(server)
    found = 0 if answer.startswith("lost") else 2
    assert receipt == IngestReceipt(planned=6, made=6, recovered=found)
    assert list(ledger.open_intents("one")) == []


def test_a_mailbox_that_must_wait_does_not_hold_up_the_others(
    ledger: MemoryLedger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "MOST_LETTERS", 2)
    server = Server(times(None, 30.0))
    assert file(ledger, server, clock).made == 6
    assert everything_once(server)
    assert server.sent == [[ANN], [BOB], [ANN, BOB], [BOB], [ANN], [ANN]]
    assert clock.slept == [30.0]


def test_a_long_wait_ends_the_task_with_progress_kept(ledger: MemoryLedger, clock: Clock) -> None:
    server = Server(times(300.0))
    with pytest.raises(Retriable, match="1 mailboxes must wait 300 seconds") as raised:
        file(ledger, server, clock)
    assert raised.value.retry_after == 300.0
    assert clock.slept == []
    assert {key for key, number in server.copies.items() if number} == {
        one.delivery.delivery_key for one in PLAN if one.delivery.mailbox == BOB
    }
    assert file(ledger, server, clock) == IngestReceipt(planned=6, made=6)
    assert everything_once(server)


def test_a_mailbox_that_fails_again_and_again_ends_the_task(ledger: MemoryLedger, clock: Clock) -> None:
    server = Server(lambda letter: "lost" if letter.mailbox == ANN else None)
    with pytest.raises(
        Retriable, match=r"1 mailboxes failed 5 or more times in a row\. Check .* give-up one "
    ) as raised:
        file(ledger, server, clock)
    assert raised.value.retry_after is None
    assert clock.slept == [1.0, 2.0, 4.0, 8.0]
    assert sum(server.copies.values()) == 3


def test_a_copy_that_alone_is_refused_again_and_again_is_set_aside(
    ledger: MemoryLedger, clock: Clock
) -> None:
    poison = PLAN[2].delivery.delivery_key
    server = Server(lambda letter: "lost-answer" if letter.delivery_key == poison else None)
    told = Told()
    receipt = file(ledger, server, clock, told=told)
    assert receipt == IngestReceipt(planned=6, made=5, failed=1)
    assert told.reasons == ["lost-answer"]
    assert poison not in server.copies


@pytest.mark.parametrize("elsewhere", [[], [make_sending("x", BOB, folder=INBOX)]])
def test_a_first_copy_that_no_server_can_stand_does_not_keep_the_others_back(
    ledger: MemoryLedger, clock: Clock, elsewhere: list[Sending]
) -> None:
    plan = [*(make_sending(item, ANN) for item in "abc"), *elsewhere, make_sending("d", ANN)]
    poison = plan[0].delivery.delivery_key
    server = Server(lambda letter: "lost-answer" if letter.delivery_key == poison else None)
    receipt = file(ledger, server, clock, plan=plan)
    assert receipt == IngestReceipt(planned=len(plan), made=len(plan) - 1, failed=1)
    assert list(ledger.open_intents("one")) == []


def test_a_copy_that_was_set_aside_is_not_sent_again_by_the_same_try(
    ledger: MemoryLedger, clock: Clock
) -> None:
    too_large = PLAN[0].delivery.delivery_key
    server = Server(times(None, 5.0, 5.0))
    tried: list[str] = []
    really = server.take

    def take(letter: Letter) -> Outcome:
        tried.append(letter.delivery_key)
        if letter.delivery_key == too_large:
            return Outcome(too_large, reason="message-too-large")
        return really(letter)

    server.take = take  # type: ignore[method-assign]
    told = Told()
    assert file(ledger, server, clock, told=told) == IngestReceipt(planned=6, made=5, failed=1)
    assert clock.slept == [5.0, 5.0]
    assert (tried.count(too_large), told.reasons) == (1, ["message-too-large"])


def test_a_copy_that_was_refused_and_is_there_all_the_same_is_made(
    ledger: MemoryLedger, clock: Clock
) -> None:
    liar = PLAN[3].delivery.delivery_key
    server = Server(times())
    really = server.take

    def take(letter: Letter) -> Outcome:
        outcome = really(letter)
        return Outcome(liar, reason="no-such-mailbox") if letter.delivery_key == liar else outcome

    server.take = take  # type: ignore[method-assign]
    told = Told()
    assert file(ledger, server, clock, told=told) == IngestReceipt(planned=6, made=6, recovered=1)
    assert told.reasons == []


def test_what_another_run_may_be_filing_is_left_to_it_until_its_lease_is_over(
    ledger: MemoryLedger, clock: Clock
) -> None:
    ledger.open_run(make_run("two"))
    ledger.intend("two", [PLAN[0].delivery])
    server = Server(times())
    with pytest.raises(Retriable, match="1 mailboxes must wait") as caught:
        file(ledger, server, clock)
    assert 290 < (caught.value.retry_after or 0) <= 300
    assert PLAN[0].delivery.delivery_key not in server.copies
    ledger.settle("two", [Outcome(PLAN[0].delivery.delivery_key, "theirs")])
    assert file(ledger, server, clock) == IngestReceipt(planned=6, made=5, duplicate=1)
    assert PLAN[0].delivery.delivery_key not in server.copies


def test_a_server_that_does_not_keep_what_was_asked_stops_after_the_first_copy(
    ledger: MemoryLedger, clock: Clock
) -> None:
    server = Server(times())
    server.spoil = lambda kept: replace(kept, draft=True, received=NOT_SAID_THEN)
    with pytest.raises(Fatal, match="does not keep copies as it was asked to: received date, draft state"):
        file(ledger, server, clock)
    assert server.sent == [[ANN]]
    assert len(list(ledger.open_intents("one"))) == 5


def test_a_server_that_does_not_find_what_it_keeps_stops_after_the_first_copy(
    ledger: MemoryLedger, clock: Clock
) -> None:
    class Blind(Server):
        def find(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> dict[str, str]:
            return {}

    server = Blind(times())
    with pytest.raises(Fatal, match="as it was asked to: search by delivery key"):
        file(ledger, server, clock)
    assert server.sent == [[ANN]]


NOT_SAID_THEN = 1_790_000_000_000


@pytest.mark.parametrize(("read_back", "lost"), [("first", 1), ("all", 0)])
def test_a_copy_that_was_said_to_be_stored_and_is_not_is_sent_again_when_all_are_read_back(
    ledger: MemoryLedger, clock: Clock, read_back: ReadBack, lost: int
) -> None:
    liar = PLAN[3].delivery.delivery_key
    server = Server(times())
    told: list[str] = []
    really = server.take

    def take(letter: Letter) -> Outcome:
        outcome = really(letter)
        if letter.delivery_key == liar and not told:
            told.append(liar)
            server.mails[letter.mailbox, letter.folder].pop(liar)
            server.copies[liar] = 0
        return outcome

    server.take = take  # type: ignore[method-assign]
    receipt = file(ledger, server, clock, read_back=read_back)
    assert receipt == IngestReceipt(planned=6, made=6)
    assert sum(server.copies.values()) == 6 - lost


def test_what_was_read_back_is_hashed_into_the_receipt(ledger: MemoryLedger, clock: Clock) -> None:
    file(ledger, Server(times()), clock, read_back="all")
    record = ledger.close_run("one", {"delivery_root": ledger.totals("one").delivery_root})
    receipts = list(ledger.receipts_of(record.seq))
    assert len(receipts) == 6
    assert all(one.stored_hash == one.content_hash for one in receipts)


def test_what_was_found_instead_of_sent_is_read_back_too(ledger: MemoryLedger, clock: Clock) -> None:
    server = Server(times("connection-lost"))
    unreadable = [Retriable("busy", retry_after=5.0)]
    really = server.inspect

    def inspect(mailbox: str, folder: str, server_ids: Collection[str]) -> dict[str, Kept]:
        if mailbox == ANN and unreadable:
            raise unreadable.pop()
        return really(mailbox, folder, server_ids)

    server.inspect = inspect  # type: ignore[method-assign]
    assert file(ledger, server, clock, read_back="all") == IngestReceipt(planned=6, made=6, recovered=1)
    record = ledger.close_run("one", {"delivery_root": ledger.totals("one").delivery_root})
    assert all(one.stored_hash for one in ledger.receipts_of(record.seq))
    assert everything_once(server)


def test_what_was_certainly_not_sent_is_not_looked_up(ledger: MemoryLedger, clock: Clock) -> None:
    left = [20.0, 20.0]
    asked: list[str] = []

    class Full(Server):
        def take(self, letter: Letter) -> Outcome:
            if letter.mailbox == ANN and left:
                return Outcome(letter.delivery_key, doubt=NOT_SENT, retry_after=left.pop())
            return super().take(letter)

        def find(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> dict[str, str]:
            asked.extend(key for key in delivery_keys if not self.copies[key])
            return super().find(mailbox, folder, delivery_keys)

    server = Full(times())
    assert file(ledger, server, clock) == IngestReceipt(planned=6, made=6)
    assert everything_once(server)
    assert asked == []
