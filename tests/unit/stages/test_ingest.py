"""Ingest files every copy exactly once, whatever fails in between."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import pytest

from include.commsarchive.errors import Retriable
from include.commsarchive.ledger.memory import MemoryLedger
from include.commsarchive.mailbox.memory import MemoryMailbox
from include.commsarchive.model import Letter, Outcome
from include.commsarchive.stages import ingest as stage
from include.commsarchive.stages.ingest import IngestReceipt, Sending, ingest
from include.commsarchive.stages.recover import recover
from tests.letters import encode, make_item, make_mail, make_run, make_sending, plan_of

ANN, BOB, GONE = (f"{name}@firm.example" for name in ("ann", "bob", "gone"))


def plan(*copies: tuple[str, str]) -> list[Sending]:
    return [make_sending(item, owner) for item, owner in copies]


class Recorder(MemoryMailbox):
    """Remembers what was asked of it, and fails once when told to, before or after the act."""

    def __init__(self) -> None:
        super().__init__(encode, only=[ANN, BOB])
        self.asked: list[tuple[str, int]] = []
        self.fail: str = ""

    def find(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> dict[str, str]:
        self.asked.append(("find", len(delivery_keys)))
        return super().find(mailbox, folder, delivery_keys)

    def append(self, letters: Sequence[Letter]) -> list[Outcome]:
        self.asked.append(("append", len(letters)))
        if self.fail == "before":
            raise Retriable("connection refused")
        outcomes = super().append(letters[:1] if self.fail == "half way" else letters)
        if self.fail:
            raise Retriable("connection lost")
        return outcomes


@pytest.fixture
def mailbox() -> Recorder:
    return Recorder()


@pytest.fixture
def ledger() -> MemoryLedger:
    ledger = MemoryLedger()
    ledger.open_run(make_run())
    return ledger


def run_ingest(
    ledger: MemoryLedger, mailbox: Recorder, planned: Sequence[Sending], run_id: str = "one"
) -> IngestReceipt:
    return ingest(
        plan_of(planned), ledger=ledger, mailbox=mailbox, run_id=run_id, on_failed=lambda failed: None
    )


def copies(mailbox: MemoryMailbox) -> int:
    return sum(map(len, mailbox.mails.values()))


def test_every_copy_is_filed_and_nothing_is_looked_up_the_first_time(
    ledger: MemoryLedger, mailbox: Recorder
) -> None:
    planned = plan(("x", ANN), ("x", BOB), ("y", ANN))
    assert run_ingest(ledger, mailbox, planned) == IngestReceipt(planned=3, made=3)
    assert copies(mailbox) == 3
    assert mailbox.asked == [("append", 3)]


def test_a_second_run_files_nothing_and_says_so(ledger: MemoryLedger, mailbox: Recorder) -> None:
    planned = plan(("x", ANN), ("y", ANN))
    run_ingest(ledger, mailbox, planned[:1])
    again = run_ingest(ledger, mailbox, planned, "two")
    assert again == IngestReceipt(planned=2, made=1, duplicate=1)
    assert copies(mailbox) == 2


def test_a_retry_counts_its_own_copies_as_made(ledger: MemoryLedger, mailbox: Recorder) -> None:
    planned = plan(("x", ANN), ("y", ANN))
    first = run_ingest(ledger, mailbox, planned)
    assert run_ingest(ledger, mailbox, planned) == first


@pytest.mark.parametrize("moment", ["before", "half way", "after"])
@pytest.mark.parametrize("next_run", ["one", "two"])
def test_after_an_unknown_end_only_what_the_mailbox_lacks_is_sent(
    ledger: MemoryLedger, mailbox: Recorder, moment: str, next_run: str
) -> None:
    planned = plan(("x", ANN), ("x", BOB), ("y", ANN))
    mailbox.fail = moment
    with pytest.raises(Retriable):
        run_ingest(ledger, mailbox, planned)
    mailbox.fail, mailbox.asked = "", []
    receipt = run_ingest(ledger, mailbox, planned, next_run)
    there = {"before": 0, "half way": 1, "after": 3}[moment]
    assert receipt == IngestReceipt(planned=3, made=3, recovered=there)
    assert mailbox.asked == [("find", 2), ("find", 1), *([("append", 3 - there)] if there < 3 else [])]
    assert copies(mailbox) == 3
    assert list(ledger.open_intents("one")) == []


def test_failed_copies_are_told_together_before_the_ledger_settles_them(
    ledger: MemoryLedger, mailbox: Recorder
) -> None:
    told = []

    def hold(failed: Sequence[tuple[Sending, str]]) -> None:
        told.append(failed)
        raise Retriable("killed while it was being held")

    ledger.record_items("one", [make_item("x", 2), make_item("y")])
    planned = plan(("x", ANN), ("x", GONE), ("y", GONE))
    with pytest.raises(Retriable):
        ingest(plan_of(planned), ledger=ledger, mailbox=mailbox, run_id="one", on_failed=hold)
    assert told == [[(planned[1], "no-such-mailbox"), (planned[2], "no-such-mailbox")]]
    assert ledger.totals("one").deliveries_failed == 0
    assert run_ingest(ledger, mailbox, planned) == IngestReceipt(planned=3, made=1, failed=2, recovered=1)
    assert ledger.totals("one").deliveries_failed == 2


def test_a_failed_copy_may_be_filed_by_the_next_try(ledger: MemoryLedger, mailbox: Recorder) -> None:
    planned = plan(("x", GONE))
    assert run_ingest(ledger, mailbox, planned).failed == 1
    mailbox._only = {GONE}
    assert run_ingest(ledger, mailbox, planned) == IngestReceipt(planned=1, made=1)


def test_a_copy_that_failed_is_looked_up_before_it_is_tried_again(
    ledger: MemoryLedger, mailbox: Recorder
) -> None:
    planned = plan(("x", GONE))
    run_ingest(ledger, mailbox, planned)
    mailbox._only = {GONE}
    mailbox.append([one.letter for one in planned])
    mailbox.asked.clear()
    assert run_ingest(ledger, mailbox, planned) == IngestReceipt(planned=1, made=1, recovered=1)
    assert mailbox.asked == [("find", 1)]


def test_a_batch_is_bounded_by_its_letters(
    ledger: MemoryLedger, mailbox: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "MOST_LETTERS", 3)
    run_ingest(ledger, mailbox, plan(*((item, ANN) for item in "abcdefg")))
    assert mailbox.asked == [("append", 3), ("append", 3), ("append", 1)]


def test_a_batch_is_bounded_by_the_bytes_of_its_mails_each_counted_once(
    ledger: MemoryLedger, mailbox: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "MOST_BYTES", 1000)
    shared, other = (replace(make_mail(item), text="x" * 600) for item in "xy")
    planned = []
    for number, mail in enumerate([shared, shared, shared, other, other, shared, other]):
        sending = make_sending(str(number), ANN)
        planned.append(replace(sending, letter=replace(sending.letter, mail=mail)))
    run_ingest(ledger, mailbox, planned)
    assert mailbox.asked == [("append", 4), ("append", 2), ("append", 1)]


def test_letters_are_taken_as_they_are_needed(ledger: MemoryLedger, mailbox: Recorder) -> None:
    most = stage.MOST_LETTERS
    taken = 0

    def letters() -> Iterator[Sending]:
        nonlocal taken
        for number in range(2 * most):
            assert taken - copies(mailbox) <= most
            taken += 1
            yield plan((str(number), ANN))[0]

    receipt = ingest(
        plan_of(letters()), ledger=ledger, mailbox=mailbox, run_id="one", on_failed=lambda failed: None
    )
    assert receipt.made == 2 * most


def test_what_a_run_planned_no_more_is_settled_by_asking_the_mailbox(
    ledger: MemoryLedger, mailbox: Recorder
) -> None:
    planned = plan(("x", ANN), ("x", BOB))
    mailbox.fail = "half way"
    with pytest.raises(Retriable):
        run_ingest(ledger, mailbox, planned)
    mailbox.fail = ""
    ledger.plan_anew("one")
    ledger.record_items("one", [make_item("x")])
    assert recover(ledger, {"mail": mailbox}, "one") == 1
    totals = ledger.totals("one")
    assert (totals.deliveries_planned, totals.deliveries_made, totals.deliveries_open) == (1, 1, 0)
    assert run_ingest(ledger, mailbox, planned, "two") == IngestReceipt(planned=2, made=1, duplicate=1)
    assert copies(mailbox) == 2
