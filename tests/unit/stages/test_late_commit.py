"""A commit that comes after we gave up on it, and sent the copy again: one of the two is left."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest

from include.commsarchive.errors import Retriable
from include.commsarchive.ledger.memory import MemoryLedger
from include.commsarchive.model import Kept, Letter, Outcome
from include.commsarchive.stages.ingest import IngestReceipt
from tests.letters import make_run
from tests.unit.stages.bad_answers import PLAN, Clock, Server, Told, everything_once, file, times

SLOW = PLAN[2].delivery.delivery_key
"""Its first request is answered by nobody, and made come true while the second one is on its way."""


class Late(Server):
    """Gives each copy an id of its own; ``loses`` the copy that was sent again, and says that it has it."""

    def __init__(self) -> None:
        super().__init__(times())
        self.ids: dict[str, list[str]] = {}
        self.sent_slow = 0
        self.loses = False

    def take(self, letter: Letter) -> Outcome:
        key = letter.delivery_key
        self.sent_slow += key == SLOW
        if key == SLOW and self.sent_slow == 1:
            return Outcome(key, doubt="connection-lost")
        outcome = super().take(letter)
        if key == SLOW and self.loses:
            self.copies[key] -= 1
            self.mails[letter.mailbox, letter.folder].pop(key)
            return outcome
        if key == SLOW and self.sent_slow == 2:
            self.copies[key] += 1
            self.ids[key] = ["late"]
        self.ids.setdefault(key, []).append(f"{key} {self.sent_slow}")
        return replace(outcome, server_id=self.ids[key][-1], request_id=f"request {self.sent_slow}")

    def find(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> dict[str, str]:
        return {key: self.ids[key][0] for key in super().find(mailbox, folder, delivery_keys)}

    def inspect(self, mailbox: str, folder: str, server_ids: Collection[str]) -> dict[str, Kept]:
        kept = super().inspect(mailbox, folder, [one.partition(" ")[0] for one in server_ids])
        return {one: kept[one.partition(" ")[0]] for one in server_ids if one.partition(" ")[0] in kept}

    def prune(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> int:
        for key in delivery_keys:
            self.ids[key] = self.ids.get(key, [])[:1]
            self.copies[key] = len(self.ids[key])
        return 0


@pytest.fixture
def ledger() -> MemoryLedger:
    ledger = MemoryLedger()
    ledger.open_run(make_run())
    return ledger


def receipt_of_slow(ledger: MemoryLedger) -> tuple[str, str]:
    ledger.close_run("one", {"delivery_root": ledger.totals("one").delivery_root})
    [found] = [one for one in ledger.receipts_of(1) if one.delivery.delivery_key == SLOW]
    return found.server_id, found.request_id


def test_a_copy_that_was_sent_again_is_looked_for_once_more_and_what_came_late_is_pruned(
    ledger: MemoryLedger,
) -> None:
    server, clock = Late(), Clock()
    assert file(ledger, server, clock) == IngestReceipt(planned=6, made=6)
    assert everything_once(server)
    assert receipt_of_slow(ledger) == ("late", "request 2")
    assert clock.slept[-1] == clock.patience().second_look


def test_a_try_that_ends_before_it_could_look_again_leaves_that_to_the_next(ledger: MemoryLedger) -> None:
    server, clock = Late(), Clock()

    def interrupt(seconds: float) -> None:
        clock.now += seconds
        if server.sent_slow == 2:
            raise Retriable("the worker is shut down")

    patience = replace(clock.patience(), sleep=interrupt)
    clock.patience = lambda: patience  # type: ignore[method-assign]
    with pytest.raises(Retriable, match="shut down"):
        file(ledger, server, clock)
    assert server.copies[SLOW] == 2
    assert file(ledger, server, Clock()) == IngestReceipt(planned=6, made=6, recovered=1)
    assert everything_once(server)
    assert receipt_of_slow(ledger)[0] == "late"


def test_a_copy_that_was_sent_again_and_is_never_there_fails_in_the_end(ledger: MemoryLedger) -> None:
    server, told = Late(), Told()
    server.loses = True
    assert file(ledger, server, Clock(), told=told) == IngestReceipt(planned=6, made=5, failed=1)
    assert told.reasons == ["not-stored"]
