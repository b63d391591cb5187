"""What deliver does with the copies that no mailbox takes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from include.commsarchive.errors import Fatal
from include.commsarchive.ledger.memory import MemoryLedger
from include.commsarchive.mailbox.memory import MemoryMailbox
from include.commsarchive.mapping.resolve import Resolver
from include.commsarchive.message.mime import encode
from include.commsarchive.stages.convert import convert
from include.commsarchive.stages.deliver import deliver
from include.commsarchive.stages.ingest import IngestReceipt
from include.commsarchive.stages.map_users import map_users
from include.commsarchive.stages.run import Bundle, Scope
from tests.unit.stages.small_world import DAY, World


class CountingLedger(MemoryLedger):
    """Counts the verbs that commit what failed."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: Counter[str] = Counter()

    def hold(self, *args: Any) -> None:
        self.commits["hold"] += 1
        super().hold(*args)

    def record_failures(self, *args: Any) -> None:
        self.commits["record_failures"] += 1
        super().record_failures(*args)


def file_in_one_partition(world: World, scope: Scope, content: bytes, rules: Resolver) -> IngestReceipt:
    done = convert(scope, Bundle("day", ("day.txt",)), [world.put(scope, "day.txt", content)])
    (plan,) = map_users(scope, done.shards, rules, {}).plans
    return deliver(scope, plan, world.mailbox)


@pytest.fixture
def ledger(world: World) -> CountingLedger:
    """The ledger of a world whose mailboxes are all in one partition and where only Ann's exists."""
    world.deliver_to(partitions=1)
    world.mailbox = MemoryMailbox(encode, only=["ann@bank.example"])
    world.ledger = ledger = CountingLedger()
    return ledger


def test_all_that_fails_in_a_batch_is_held_and_recorded_at_once(world: World, ledger: CountingLedger) -> None:
    scope = world.scope()
    content = "".join(f"room{number}|bob|eve|hi\n" for number in range(20)).encode()
    filed = file_in_one_partition(world, scope, content, world.resolver("bob", "eve"))
    assert filed.failed == 40
    assert len(list(ledger.held("memos", DAY, DAY))) == 20
    assert len(list(ledger.failures(scope.run.run_id))) == 40
    assert ledger.commits == {"hold": 1, "record_failures": 1}


def test_what_a_later_try_of_the_run_files_is_no_failure_and_held_no_more(world: World) -> None:
    world.deliver_to(partitions=1)
    world.mailbox = MemoryMailbox(encode, only=["ann@bank.example"])
    scope = world.scope()
    file_in_one_partition(world, scope, b"a|ann|bob|hi\n", world.resolver("ann", "bob"))
    assert [one.reason for one in world.ledger.held("memos", DAY, DAY)] == ["no-such-mailbox"]
    world.mailbox._only = None
    assert deliver(scope, "plans/archive/000.jsonl", world.mailbox).made == 2
    world.ledger.close_run(
        scope.run.run_id, {"delivery_root": world.ledger.totals(scope.run.run_id).delivery_root}
    )
    assert list(world.ledger.failures_of(1)) == []
    assert list(world.ledger.held("memos", DAY, DAY)) == []


def test_a_batch_without_failures_commits_none(world: World, ledger: CountingLedger) -> None:
    filed = file_in_one_partition(world, world.scope(), b"a|ann|EXT|hi\n", world.resolver("ann"))
    assert filed.made == 1
    assert ledger.commits == {}


def test_a_plan_for_a_destination_that_was_taken_out_says_what_to_do(world: World) -> None:
    with pytest.raises(Fatal, match=r"delivers to gone no more\. Clear the run from `map_users` on"):
        deliver(world.scope(), "plans/gone/000.jsonl", world.mailbox)
