"""The lease: renewed while a worker files, given back at its end, and a bar to workers that were away."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from typing import Any

import pytest

from include.commsarchive.errors import Retriable
from include.commsarchive.ledger.base import Known
from include.commsarchive.ledger.memory import MemoryLedger
from include.commsarchive.model import Letter, Outcome
from include.commsarchive.stages.ingest import IngestReceipt, Manner, ingest
from include.commsarchive.stages.lease import Lease
from include.commsarchive.stages.recover import recover
from include.commsarchive.stages.waiting import Patience
from tests.letters import make_run, plan_of
from tests.unit.stages.bad_answers import PLAN, Clock, Server, Told, everything_once, file, times

DELIVERIES = [one.delivery for one in PLAN]


class Noting(MemoryLedger):
    """Counts how often the leases of all copies of the plan are renewed."""

    def __init__(self) -> None:
        super().__init__()
        self.renewals = threading.Semaphore(0)

    def renew(self, run_id: str, worker: str, delivery_keys: Collection[str]) -> bool:
        renewed = super().renew(run_id, worker, delivery_keys)
        if renewed and len(delivery_keys) == len(DELIVERIES):
            self.renewals.release()
        return renewed

    def await_renewals(self, number: int) -> None:
        for _ in range(number):
            assert self.renewals.acquire(timeout=10)


class Overtaken(MemoryLedger):
    """Lets another worker of the run take everything over between the intents and the first letter."""

    def intend(self, *args: Any, **kwargs: Any) -> dict[str, Known]:
        known = super().intend(*args, **kwargs)
        super().intend("one", DELIVERIES, lease=-1, worker="the retry")
        return known


def test_a_worker_that_was_overtaken_sends_nothing_and_says_so() -> None:
    ledger, server = Overtaken(), Server(times())
    ledger.open_run(make_run())
    with pytest.raises(Retriable, match="another one has taken over its copies"):
        file(ledger, server, Clock())
    assert server.sent == []
    assert ledger.renew("one", "the retry", [one.delivery_key for one in DELIVERIES])


SHORT = 0.2
"""Seconds of a lease that is renewed often."""


def file_slowly(ledger: Noting, server: Server) -> IngestReceipt:
    manner = Manner(patience=Patience(lease=SHORT))
    return ingest(plan_of(PLAN), ledger=ledger, mailbox=server, run_id="one", on_failed=Told(), manner=manner)


def test_the_lease_of_a_whole_batch_is_renewed_while_its_first_copy_is_on_its_way() -> None:
    class Slow(Server):
        def append(self, letters: Sequence[Letter]) -> list[Outcome]:
            if len(letters) == 1:
                ledger.await_renewals(3)
            return super().append(letters)

    ledger, server = Noting(), Slow(times())
    ledger.open_run(make_run())
    assert file_slowly(ledger, server) == IngestReceipt(planned=6, made=6)


class SlowToFind(Server):
    """Answers a look-up when the leases of all copies have been renewed a few times."""

    def __init__(self, ledger: Noting) -> None:
        super().__init__(times())
        self.ledger = ledger

    def find(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> dict[str, str]:
        self.ledger.await_renewals(3)
        return super().find(mailbox, folder, delivery_keys)


def test_the_lease_is_renewed_while_copies_are_looked_up() -> None:
    ledger = Noting()
    ledger.open_run(make_run())
    ledger.intend("one", DELIVERIES)
    ledger.release("one", "")
    assert file_slowly(ledger, SlowToFind(ledger)) == IngestReceipt(planned=6, made=6)


def test_the_lease_is_renewed_while_a_run_that_is_planned_anew_looks_its_copies_up() -> None:
    ledger = Noting()
    ledger.open_run(make_run())
    ledger.intend("one", DELIVERIES)
    ledger.release("one", "")
    assert recover(ledger, {"mail": SlowToFind(ledger)}, "one", lease=SHORT) == 0
    assert list(ledger.open_intents("one")) == []


def test_what_another_worker_files_or_has_filed_is_not_renewed() -> None:
    ledger = Noting()
    ledger.open_run(make_run())
    ledger.intend("one", DELIVERIES[:1], worker="at work")
    ledger.intend("one", DELIVERIES[1:2])
    ledger.settle("one", [Outcome(DELIVERIES[1].delivery_key, "id")])
    lease = Lease(ledger, "one", 300.0)
    assert len(lease.take(DELIVERIES)) == 2
    assert lease._keys == [one.delivery_key for one in DELIVERIES[2:]]


def test_a_worker_that_ends_early_leaves_its_copies_to_the_next_try() -> None:
    ledger, server, clock = MemoryLedger(), Server(times(300.0)), Clock()
    ledger.open_run(make_run())
    with pytest.raises(Retriable, match="must wait 300 seconds"):
        file(ledger, server, clock)
    assert file(ledger, server, clock) == IngestReceipt(planned=6, made=6)
    assert everything_once(server)


def test_a_worker_that_is_torn_away_from_a_request_keeps_its_lease() -> None:
    class Torn(Server):
        def take(self, letter: Letter) -> Outcome:
            raise KeyboardInterrupt

    ledger, clock = MemoryLedger(), Clock()
    ledger.open_run(make_run())
    with pytest.raises(KeyboardInterrupt):
        file(ledger, Torn(times()), clock)
    with pytest.raises(Retriable, match="must wait"):
        file(ledger, Server(times()), clock)


def test_what_was_certainly_not_sent_is_looked_up_all_the_same_when_another_worker_had_it() -> None:
    poor = PLAN[1].delivery.delivery_key

    class Borrowed(MemoryLedger):
        def release_to_another(self) -> None:
            self.intend("two", [PLAN[1].delivery], lease=-1, worker="other")
            server._file(PLAN[1].letter)
            server.copies[poor] += 1
            self.release("two", "other")

    class Full(Server):
        def take(self, letter: Letter) -> Outcome:
            if letter.delivery_key == poor and not self.copies[poor]:
                ledger.release_to_another()
                return Outcome(poor, doubt="must-wait", retry_after=20.0)
            return super().take(letter)

    ledger, server = Borrowed(), Full(times())
    ledger.open_run(make_run())
    assert file(ledger, server, Clock()) == IngestReceipt(planned=6, made=6, recovered=1)
    assert everything_once(server)


def test_a_run_is_planned_anew_only_when_no_task_of_it_can_be_filing_any_more() -> None:
    ledger, server = MemoryLedger(), Server(times())
    ledger.open_run(make_run())
    ledger.intend("one", DELIVERIES[:2], worker="killed in a batch")
    server._file(PLAN[0].letter)
    with pytest.raises(Retriable, match="still filing") as caught:
        recover(ledger, {"mail": server}, "one")
    assert 290 < (caught.value.retry_after or 0) <= 300  # one retry later its lease is over
    assert list(ledger.open_intents("one"))
    assert recover(ledger, {"mail": server}, "one", lease=-1) == 1
    assert list(ledger.open_intents("one")) == []
