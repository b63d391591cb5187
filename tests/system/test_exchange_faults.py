"""Every fault and every kill at every call, and mixes of them: each copy is filed exactly once, or held."""

from __future__ import annotations

import itertools
import os
import random
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from include.commsarchive.ledger.memory import MemoryLedger
from tests.servers.faults import FAULTS, Call, Fault, Faults, Kind
from tests.system.exchange_rigs import EwsRig, GraphRig
from tests.system.exchange_worker import Worker
from tests.system.exchange_world import OWNERS, World, check, check_complete, fresh_ledger

MIXES = int(os.environ.get("COMMSARCHIVE_MIXES", "20"))
"""Seeded mixes for each kind of server; the same seed meets the same faults again."""

STEP = int(os.environ.get("COMMSARCHIVE_STEP", "2"))
"""Each fault is tried at every so many-th call, from another one on for each; 1 is every call."""

pytestmark = [pytest.mark.system, pytest.mark.timeout(900 + 10 * MIXES)]

RIGS: dict[str, Callable[[], GraphRig | EwsRig]] = {"graph": GraphRig, "ews": EwsRig}
SIGN_IN = {"POST token", "GET discovery", "token"}
READS = ("GET", "Find", "Get")
AT_WRITES = [one for one in FAULTS if one.kind in {Kind.NOT_STORED, Kind.STORED_TWICE, Kind.PARTIAL}]
"""Faults that say nothing about a call that only asks."""


def ours(call: Call) -> bool:
    """The sign-in is Microsoft's client asking; it has tests of its own."""
    return call.what not in SIGN_IN


def writes(call: Call) -> bool:
    return ours(call) and not call.what.startswith(READS)


def archive(kind: str, prepare: Callable[[Faults], object]) -> int:
    """Archive with faults, check; archive again without, check; give the number of our calls until then."""
    with RIGS[kind]() as rig:
        world = World(MemoryLedger(), rig.connection)
        prepare(rig.faults)
        record = world.archive("one")
        calls = sum(ours(entry.call) for entry in rig.faults.log)
        rig.faults.clear()
        check(world, rig, record)
        check_complete(world, rig)
        return calls


@pytest.mark.parametrize("kind", RIGS)
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_at_any_call_neither_loses_nor_doubles_a_copy(kind: str, fault: Fault) -> None:
    where = writes if fault in AT_WRITES else ours
    undisturbed = archive(kind, lambda _: None)
    for number in range(1 + FAULTS.index(fault) % STEP, undisturbed + 1, STEP):
        try:
            archive(kind, lambda faults, n=number: faults.at(n, fault, where))  # type: ignore[misc]
        except AssertionError as error:
            raise AssertionError(f"{fault} at call {number} of {kind}: {error}") from error


@pytest.mark.parametrize("kind", RIGS)
def test_mixes_of_faults_neither_lose_nor_double_a_copy(kind: str) -> None:
    for seed, rate in zip(range(MIXES), itertools.cycle((0.05, 0.15, 0.3))):
        try:
            archive(kind, lambda faults, s=seed, r=rate: faults.mix(s, r, where=ours))  # type: ignore[misc]
        except AssertionError as error:
            raise AssertionError(f"{kind}, seed {seed}, rate {rate}: {error}") from error


@pytest.mark.parametrize("kind", RIGS)
def test_a_copy_that_comes_late_beside_the_one_that_was_sent_again_is_pruned_without_read_back(
    kind: str,
) -> None:
    def makes_one(call: Call, owner: str) -> bool:
        return call.what in {"POST messages", "CreateItem"} and call.mailbox == owner

    with RIGS[kind]() as rig:
        world = World(MemoryLedger(), rig.connection, read_back="first")
        for owner in OWNERS:
            rig.faults.at(1, Fault(Kind.DROP), partial(makes_one, owner=owner))
        # The other item goes first then; by the time that the first one is sent again it has come true.
        rig.faults.at(3, Fault(Kind.STORED_TWICE), partial(makes_one, owner=OWNERS[0]))
        record = world.archive("one")
        assert {entry.fault.kind for entry in rig.faults.log if entry.fault} == {Kind.DROP, Kind.STORED_TWICE}
        check(world, rig, record)
        check_complete(world, rig)


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as worker:
        yield worker


def archive_killed(kind: str, folder: Path, worker: Worker, prepare: Callable[[Faults], object]) -> int:
    """Do the same in a worker that is killed and started again until it ends well; give the kills."""
    kills = 0
    with RIGS[kind]() as rig, fresh_ledger(folder) as ledger:
        world = World(ledger, rig.connection)
        prepare(rig.faults)
        while status := worker.run(world, "one"):
            assert status == -signal.SIGKILL
            kills += 1
        rig.faults.clear()
        record = world.archive("one")
        check(world, rig, record)
        check_complete(world, rig)
    return kills


@pytest.mark.parametrize("kind", RIGS)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_worker_killed_at_any_call_neither_loses_nor_doubles_a_copy(
    tmp_path: Path, worker: Worker, kind: str, *, after: bool
) -> None:
    fault = Fault.call(worker.kill, after=after)
    for number in itertools.count(1):
        if not archive_killed(kind, tmp_path, worker, lambda faults, n=number: faults.at(n, fault, ours)):  # type: ignore[misc]
            break
    assert number > 5


@pytest.mark.parametrize("kind", RIGS)
def test_mixes_of_faults_and_kills_neither_lose_nor_double_a_copy(
    tmp_path: Path, worker: Worker, kind: str
) -> None:
    for seed in range(MIXES):
        kills = [Fault.call(worker.kill, after=after) for after in (False, True)]
        faults = [*FAULTS, *(kills * (len(FAULTS) // 4))]
        first = random.Random(seed).randint(1, 12)  # noqa: S311 - replayable on purpose

        def prepare(given: Faults, s: int = seed, n: int = first, some: list[Fault] = faults) -> None:
            given.at(n, some[-1], ours)
            given.mix(s, 0.08, some, ours)

        try:
            archive_killed(kind, tmp_path, worker, prepare)
        except AssertionError as error:
            raise AssertionError(f"{kind}, seed {seed}: {error}") from error
