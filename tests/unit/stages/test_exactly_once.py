"""Any order of plans, crashes, retries, further runs and mapping changes files every copy exactly once.

The mailboxes here are like Exchange's: whatever is appended is there once more. A crash is an exception
at any call to the ledger or a mailbox, before or after the act; what they hold by then is what lasts.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from include.commsarchive.ledger.base import Delivery, Ledger, PlannedItem
from include.commsarchive.ledger.memory import MemoryLedger
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.model import Letter, Outcome
from include.commsarchive.stages import ingest as stage
from include.commsarchive.stages.ingest import Sending, ingest
from include.commsarchive.stages.reconcile import reconcile
from include.commsarchive.stages.recover import recover
from include.commsarchive.stages.run import ConvertReceipt, MapReceipt
from tests.letters import make_delivery, make_item, make_run, make_sending, plan_of

ITEMS = ("u", "v", "w")
OWNERS = ("ann@firm.example", "bob@firm.example", "eve@firm.example")
Mapping = dict[str, frozenset[str]]

mappings = st.fixed_dictionaries({item: st.frozensets(st.sampled_from(OWNERS), min_size=1) for item in ITEMS})
calls = st.integers(1, 20)
moments = st.sampled_from(["before", "half way", "after"])


class CrashError(Exception):
    """The process is gone."""


class CountingMailbox:
    """Files everything it is given, as often as it is given it."""

    keyed = True  # no lease: the mailbox of a run that crashed need not be waited for
    readable = True

    def __init__(self) -> None:
        self.copies: Counter[str] = Counter()
        self.broken: set[str] = set()

    def find(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> dict[str, str]:
        return {key: key for key in delivery_keys if self.copies[key]}

    def append(self, letters: Sequence[Letter]) -> list[Outcome]:
        return [self.file(letter) for letter in letters]

    def prune(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> int:
        return 0

    def file(self, letter: Letter) -> Outcome:
        if letter.mailbox in self.broken:
            return Outcome(letter.delivery_key, reason="no-such-mailbox")
        self.copies[letter.delivery_key] += 1
        return Outcome(letter.delivery_key, letter.delivery_key, "c" * 64)


@dataclass
class Fuse:
    """Crashes at the call with this number: before it, after it, or, when it appends, half way."""

    left: int
    when: str

    def guard(self, rooms: object) -> Any:
        fuse = self

        class Guard:
            def __getattr__(self, verb: str) -> Callable[..., object]:
                return functools.partial(fuse.call, rooms, verb)

        return Guard()

    def call(self, rooms: object, verb: str, *args: Any, **kwargs: Any) -> object:
        self.left -= 1
        if self.left != 0:
            return getattr(rooms, verb)(*args, **kwargs)
        if self.when == "half way" and isinstance(rooms, CountingMailbox) and verb == "append":
            rooms.append(args[0][: len(args[0]) // 2])
        elif self.when == "after":
            getattr(rooms, verb)(*args, **kwargs)
        raise CrashError


class ExactlyOnce(RuleBasedStateMachine):
    """An admin, a vendor and bad luck."""

    @initialize(mapping=mappings)
    def start(self, mapping: Mapping) -> None:
        self.ledger = MemoryLedger()
        self.mailbox = CountingMailbox()
        self.mapping = mapping
        self.runs = ["run 0"]
        self.wanted: set[str] = set()
        self.held: set[str] = set()

    @rule(mapping=mappings)
    def change_the_mapping(self, mapping: Mapping) -> None:
        self.mapping = mapping

    @rule(owner=st.sampled_from(OWNERS))
    def break_or_mend_a_mailbox(self, owner: str) -> None:
        self.mailbox.broken ^= {owner}

    @rule()
    def archive_in_a_new_run(self) -> None:
        self.runs.append(f"run {len(self.runs)}")
        self.archive(self.runs[-1], leave_out=True)

    @rule(
        left=st.integers(1, 14),
        when=st.sampled_from(["before", "half way", "after"]),
        leave_out=st.booleans(),
    )
    def crash_in_a_new_run(self, left: int, when: str, leave_out: bool) -> None:
        self.runs.append(f"run {len(self.runs)}")
        self.crash(self.runs[-1], Fuse(left, when), leave_out=leave_out)

    @rule(data=st.data(), left=calls, when=moments)
    def crash_in_an_old_run(self, data: st.DataObject, left: int, when: str) -> None:
        self.crash(data.draw(st.sampled_from(self.runs)), Fuse(left, when), leave_out=True)

    @rule(data=st.data(), leave_out=st.booleans())
    def retry_an_old_run(self, data: st.DataObject, leave_out: bool) -> None:
        self.archive(data.draw(st.sampled_from(self.runs)), leave_out=leave_out)

    def crash(self, run_id: str, fuse: Fuse, *, leave_out: bool) -> None:
        try:
            self.attempt(run_id, fuse, leave_out=leave_out)
        except CrashError:
            return

    def archive(self, run_id: str, *, leave_out: bool) -> None:
        """Take a run to its end: all that can be filed is there, the rest is held, the numbers close."""
        planned = self.attempt(run_id, Fuse(0, "never"), leave_out=leave_out)
        missing = [one for one in planned if not self.mailbox.copies[one.delivery_key]]
        assert all(one.mailbox in self.mailbox.broken for one in missing)
        assert {one.delivery_key for one in missing} <= self.held
        body = [record for record in self.ledger.history() if record.run_id == run_id][-1].body
        assert body["deliveries_failed"] == len(missing)
        assert body["quarantined"] == len({one.key for one in missing})
        assert body["found"] == sum(
            body[state] for state in ("archived", "duplicate", "excluded", "quarantined")
        )
        assert body["deliveries_planned"] == sum(
            body[f"deliveries_{fate}"] for fate in ("made", "duplicate", "failed")
        )
        assert not [line for line in self.ledger.verify() if line.startswith(f"run {run_id}:")]

    def attempt(self, run_id: str, fuse: Fuse, *, leave_out: bool) -> list[Delivery]:
        """Do what the tasks of a run do; any call may be the last."""
        ledger = cast(Ledger, fuse.guard(self.ledger))
        mailbox = cast(Mailbox, fuse.guard(self.mailbox))
        run = ledger.open_run(make_run(run_id))
        ledger.plan_anew(run_id)
        deliveries = [make_delivery(item, owner) for item in ITEMS for owner in sorted(self.mapping[item])]
        self.wanted |= {one.delivery_key for one in deliveries}
        left_out = self.made_elsewhere(ledger, run_id, deliveries) if leave_out else set()
        ledger.record_items(run_id, [self.planned_item(item, left_out) for item in ITEMS])
        letters = [make_sending(item, owner) for item in ITEMS for owner in sorted(self.mapping[item])]
        with mock.patch.object(stage, "MOST_LETTERS", 2):
            filed = ingest(
                plan_of(one for one in letters if one.delivery.delivery_key not in left_out),
                ledger=ledger,
                mailbox=mailbox,
                run_id=run_id,
                on_failed=self.hold,
            )
        recover(ledger, {"mail": mailbox}, run_id)
        mapped = MapReceipt([], len(ITEMS), 0, 0, 0, 0, 0, len(deliveries), "v1")
        reconcile(run, ledger, [ConvertReceipt("day", items=len(ITEMS))], mapped, [filed])
        return deliveries

    def hold(self, failed: Sequence[tuple[Sending, str]]) -> None:
        self.held |= {one.delivery.delivery_key for one, _ in failed}

    def made_elsewhere(self, ledger: Ledger, run_id: str, deliveries: Sequence[Delivery]) -> set[str]:
        known = ledger.delivered([one.delivery_key for one in deliveries])
        return {key for key, one in known.items() if one.delivered and one.run_id != run_id}

    def planned_item(self, item: str, left_out: Collection[str]) -> PlannedItem:
        keys = [make_delivery(item, owner).delivery_key for owner in self.mapping[item]]
        return replace(make_item(item, len(keys)), duplicates=sum(key in left_out for key in keys))

    @invariant()
    def nothing_is_doubled_or_unexpected(self) -> None:
        there = {key: number for key, number in self.mailbox.copies.items() if number}
        assert set(there.values()) <= {1}
        assert there.keys() <= self.wanted

    @invariant()
    def the_ledger_knows_every_copy_and_claims_no_other(self) -> None:
        there = {key for key, number in self.mailbox.copies.items() if number}
        known = self.ledger.delivered(self.wanted)
        assert there <= known.keys()
        assert {key for key, one in known.items() if one.delivered} <= there

    @invariant()
    def the_chain_verifies(self) -> None:
        assert all("not covered" in line for line in self.ledger.verify())


TestExactlyOnce = ExactlyOnce.TestCase
TestExactlyOnce.settings = settings(max_examples=300, stateful_step_count=20, deadline=None)
