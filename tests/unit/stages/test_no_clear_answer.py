"""Copies that never get a clear answer: they fail after a bounded number of looks, and are never doubled."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from include.commsarchive.errors import Retriable
from include.commsarchive.ledger.memory import MemoryLedger
from include.commsarchive.model import Letter, Outcome
from include.commsarchive.stages.ingest import IngestReceipt
from include.commsarchive.stages.waiting import PATIENCE
from tests.letters import make_run, make_sending
from tests.unit.stages.bad_answers import ANN, BOB, PLAN, Answer, Clock, Server, Told, file

POISON = [make_sending("poison", ANN)]
KEY = POISON[0].delivery.delivery_key


class Watched(Server):
    """Notes looks and sends, in their order; ``busy`` looks are not answered."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer)
        self.steps: list[str] = []
        self.busy = False

    def find(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> dict[str, str]:
        if self.busy:
            raise Retriable("busy", retry_after=5.0)
        if KEY in delivery_keys:
            self.steps.append("look")
        return super().find(mailbox, folder, delivery_keys)

    def take(self, letter: Letter) -> Outcome:
        if letter.delivery_key == KEY:
            self.steps.append("send")
        return super().take(letter)


def tries_until_it_ends(ledger: MemoryLedger, server: Server, clock: Clock, told: Told) -> IngestReceipt:
    """Try as Airflow does."""
    for _ in range(4):
        try:
            return file(ledger, server, clock, told=told, plan=POISON)
        except Retriable:
            continue
    raise AssertionError("four tries were not enough")


def test_a_letter_alone_that_never_gets_a_clear_answer_fails_for_good_over_several_tries(
    ledger: MemoryLedger, clock: Clock
) -> None:
    server, told = Watched(lambda _: "lost-answer"), Told()
    assert tries_until_it_ends(ledger, server, clock, told) == IngestReceipt(planned=1, failed=1)
    assert told.reasons == ["lost-answer"]
    assert server.steps == ["send", "look"] * PATIENCE.looks
    assert list(ledger.open_intents("one")) == []


def test_a_letter_that_must_wait_for_ever_fails_in_one_try_and_the_others_are_filed(
    ledger: MemoryLedger, clock: Clock
) -> None:
    server, told = Watched(lambda one: 5.0 if one.delivery_key == KEY else None), Told()
    receipt = file(ledger, server, clock, told=told, plan=[*PLAN, *POISON])
    assert receipt == IngestReceipt(planned=7, made=6, failed=1)
    assert told.reasons == ["throttled"]
    assert server.steps == ["send", "look"] * PATIENCE.looks
    assert sum(clock.slept) > 300  # a budget of Exchange's is full again after five minutes


def test_a_mailbox_that_cannot_be_looked_into_ends_the_task_and_its_copies_never_fail(
    ledger: MemoryLedger, clock: Clock
) -> None:
    server, told = Watched(lambda _: "lost-answer"), Told()
    for _ in range(3):
        with pytest.raises(Retriable, match="times in a row"):
            file(ledger, server, clock, told=told, plan=POISON)
        server.busy = True
    assert server.steps.count("send") == PATIENCE.tries
    assert told.reasons == []
    assert [one.delivery_key for one in ledger.open_intents("one")] == [KEY]


def test_a_copy_that_failed_so_and_is_there_after_all_is_found_by_the_next_run(
    ledger: MemoryLedger, clock: Clock
) -> None:
    server = Watched(lambda _: "lost-answer")
    tries_until_it_ends(ledger, server, clock, Told())
    server._file(POISON[0].letter)
    sent = server.steps.count("send")
    ledger.open_run(make_run("two"))
    assert file(ledger, server, clock, run="two", plan=POISON) == IngestReceipt(
        planned=1, made=1, recovered=1
    )
    assert server.steps.count("send") == sent


def test_the_others_of_a_mailbox_go_on_while_one_letter_must_wait_for_ever(
    ledger: MemoryLedger, clock: Clock
) -> None:
    server = Watched(lambda one: 61.0 if one.delivery_key == KEY else None)
    plan = [make_sending("a", BOB), *POISON, make_sending("b", ANN)]
    for _ in range(PATIENCE.looks - 1):
        with pytest.raises(Retriable, match="must wait 61 seconds"):
            file(ledger, server, clock, plan=plan)
    told = Told()
    assert file(ledger, server, clock, told=told, plan=plan) == IngestReceipt(planned=3, made=2, failed=1)
    assert told.reasons == ["throttled"]
