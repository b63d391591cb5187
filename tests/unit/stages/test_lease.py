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
from include.commsarchive.stages.recover import recover
from include.commsarchive.stages.waiting import Patience
from tests.letters import make_run, plan_of
from tests.unit.stages.bad_answers import PLAN, Clock, Server, Told, everything_once, file, times

DELIVERIES = [one.delivery for one in PLAN]


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


def test_the_lease_is_renewed_while_a_batch_is_on_its_way() -> None:
    renewals = threading.Semaphore(0)

    class Noting(MemoryLedger):
        def renew(self, run_id: str, worker: str, delivery_keys: Collection[str]) -> bool:
            renewals.release()
            return super().renew(run_id, worker, delivery_keys)

    class Slow(Server):
        def append(self, letters: Sequence[Letter]) -> list[Outcome]:
            for _ in range(6):  # one is from before the append
                assert renewals.acquire(timeout=30)
            return super().append(letters)

    ledger, server = Noting(), Slow(times())
    ledger.open_run(make_run())
    manner = Manner(patience=Patience(lease=0.2))
    receipt = ingest(
        plan_of(PLAN), ledger=ledger, mailbox=server, run_id="one", on_failed=Told(), manner=manner
    )
    assert receipt == IngestReceipt(planned=6, made=6)


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
    with pytest.raises(Retriable, match="must wait 61 seconds"):
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
    with pytest.raises(Retriable, match="still filing"):
        recover(ledger, {"mail": server}, "one")
    assert list(ledger.open_intents("one"))
    assert recover(ledger, {"mail": server}, "one", lease=-1) == 1
    assert list(ledger.open_intents("one")) == []
