"""Ingest killed for real (SIGKILL), at every write and at random: nothing is lost and nothing doubled.

A child process archives into SQLite and Maildir trees. It counts every write on its way (each file made,
written, stamped, linked, flushed or removed, each folder, each statement that changes the ledger, each
commit) and kills itself before the n-th, for every n. What it leaves is archived again and compared with
what the mailboxes must hold.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from include.commsarchive.ids import digest
from include.commsarchive.ledger.base import Delivery, Held, HeldStage, ImportRecord
from include.commsarchive.ledger.sql import connect
from include.commsarchive.mailbox import disk
from include.commsarchive.mailbox.maildir import Maildir
from include.commsarchive.stages import ingest as stage
from include.commsarchive.stages.ingest import IngestReceipt, Sending, ingest
from include.commsarchive.stages.reconcile import reconcile
from include.commsarchive.stages.recover import recover
from include.commsarchive.stages.run import ConvertReceipt, MapReceipt
from tests.letters import DAY, FOLDER, encode, make_item, make_mail, make_run, make_sending, plan_of
from tests.maildirs import read_tree

OWNERS = ("ann@firm.example", "bob@firm.example")
GONE = "gone@firm.example"
WRITES = ("open", "write", "utime", "link", "mkdir", "rmdir", "unlink")


@dataclass(frozen=True)
class World:
    """An archive, and how much goes into it. Every third item is also for a mailbox that is not there."""

    root: Path
    items: int

    @property
    def mail(self) -> Path:
        return self.root / "mail"

    @property
    def ledger(self) -> str:
        return f"sqlite:///{self.root}/ledger.db"

    def owners(self, number: int) -> tuple[str, ...]:
        return (*OWNERS, GONE) if number % 3 == 0 else OWNERS

    def plan(self) -> Iterator[Sending]:
        for number in range(self.items):
            mail = make_mail(str(number))
            for owner in self.owners(number):
                sending = make_sending(str(number), owner)
                yield replace(sending, letter=replace(sending.letter, mail=mail))

    def must_hold(self) -> dict[tuple[str, str], list[bytes]]:
        mails = sorted(b"".join(encode(make_mail(str(number)))) for number in range(self.items))
        return {(owner, FOLDER): mails for owner in OWNERS}


NewWorld = Callable[[int], World]


@pytest.fixture
def new_world() -> Iterator[NewWorld]:
    """Make worlds in memory where the system can: a killed process, unlike a power cut, loses no cache."""
    memory = Path("/dev/shm")  # noqa: S108 - a fresh private folder is made in it
    home = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))

    def make(items: int) -> World:
        world = World(home / "world", items)
        shutil.rmtree(world.root, ignore_errors=True)
        for owner in OWNERS:
            (world.mail / owner).mkdir(parents=True)
        return world

    yield make
    shutil.rmtree(home)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "MOST_LETTERS", 5)


def held(delivery: Delivery, reason: str, run_id: str) -> Held:
    return Held(
        held_id=delivery.key,
        run_id=run_id,
        connector="chat",
        day=DAY,
        stage=HeldStage.INGEST,
        reason=reason,
        detail="",
        place="",
        path="",
        sha256="",
    )


def archive(world: World, run_id: str) -> tuple[IngestReceipt, ImportRecord]:
    """Do what the tasks of a run do."""
    with connect(world.ledger) as ledger:
        run = ledger.open_run(make_run(run_id))
        ledger.plan_anew(run_id)
        items = [make_item(str(number), len(world.owners(number))) for number in range(world.items)]
        ledger.record_items(run_id, items)
        mailbox = Maildir(world.mail, encode, create=False)
        receipt = ingest(
            plan_of(world.plan()),
            ledger=ledger,
            mailbox=mailbox,
            run_id=run_id,
            on_failed=lambda failed: ledger.hold(
                [held(one.delivery, reason, run_id) for one, reason in failed]
            ),
        )
        recover(ledger, {"mail": mailbox}, run_id)
        mapped = MapReceipt([], world.items, 0, 0, 0, 0, 0, sum(item.deliveries for item in items), "v1")
        record = reconcile(run, ledger, [ConvertReceipt("day", items=world.items)], mapped, [receipt])
        return receipt, record


def in_child(work: Callable[..., object], *args: object) -> int:
    """Start this in a process of its own; give the process id."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work(*args)
            status = 0
        finally:
            os._exit(status)
    return child


def ended(child: int) -> int:
    """Wait for a process; give its exit code, or minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def count_writes(before_each: Callable[[], None]) -> None:
    """Have this called before every write of this process."""

    def wrapped(real: Callable[..., Any]) -> Callable[..., Any]:
        def write(*args: Any, **options: Any) -> object:
            before_each()
            return real(*args, **options)

        return write

    def before_statement(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(("SELECT", "BEGIN", "PRAGMA")):
            before_each()

    for name in WRITES:
        setattr(os, name, wrapped(getattr(os, name)))
    disk.flush = wrapped(disk.flush)
    event.listen(Engine, "before_cursor_execute", before_statement)
    event.listen(Engine, "commit", lambda *_: before_each())


def count_writes_of_a_run(world: World) -> int:
    """Say how many writes an undisturbed run makes."""
    calls = [0]
    kept = world.root / "calls"

    def work() -> None:
        def count() -> None:
            calls[0] += 1

        count_writes(count)
        archive(world, "one")
        kept.write_text(str(calls[0]))

    assert ended(in_child(work)) == 0
    return int(kept.read_text())


def killed_at(world: World, number: int, run_id: str = "one") -> bool:
    """Archive in a process that kills itself before this write; say whether it came so far."""
    calls = [0]

    def kill() -> None:
        calls[0] += 1
        if calls[0] == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def work() -> None:
        count_writes(kill)
        archive(world, run_id)

    status = ended(in_child(work))
    assert status in (0, -signal.SIGKILL)
    return status != 0


def check(world: World, receipt: IngestReceipt, record: ImportRecord) -> None:
    """Compare what is there with what must be, and let the ledger and the receipts agree."""
    failing = len(range(0, world.items, 3))
    assert read_tree(world.mail) == world.must_hold()
    assert list((world.mail / ".tmp").iterdir()) == []
    assert receipt.made + receipt.duplicate == 2 * world.items
    assert receipt.failed == failing
    assert (record.body["found"], record.body["quarantined"]) == (world.items, failing)
    with connect(world.ledger) as ledger:
        assert {one.held_id for one in ledger.held("chat", DAY, DAY)} == {
            digest(str(number)) for number in range(0, world.items, 3)
        }
        assert list(ledger.verify()) == []


def test_a_run_killed_at_any_write_is_finished_by_its_retry_and_a_second_run_adds_nothing(
    new_world: NewWorld,
) -> None:
    writes = count_writes_of_a_run(new_world(3))
    assert writes > 80
    for number in range(1, writes + 1):
        world = new_world(3)
        assert killed_at(world, number)
        receipt, record = archive(world, "one")
        check(world, receipt, record)
        assert receipt.duplicate == 0
        if number % 5 == 0:
            second, record = archive(world, "two")
            check(world, second, record)
            assert second.duplicate == 6


def test_what_a_killed_run_left_is_finished_by_another_run_and_is_then_its_duplicate(
    new_world: NewWorld,
) -> None:
    writes = count_writes_of_a_run(new_world(3))
    for number in range(1, writes + 1, 5):
        world = new_world(3)
        assert killed_at(world, number)
        check(world, *archive(world, "two"))
        check(world, *archive(world, "one"))


def test_retries_that_are_killed_too_lose_and_double_nothing(new_world: NewWorld) -> None:
    for stride in (7, 11, 23, 41):
        world = new_world(7)
        number = stride
        while killed_at(world, number):
            number += stride
        check(world, *archive(world, "one"))


def test_runs_killed_at_any_moment_lose_and_double_nothing(new_world: NewWorld) -> None:
    for step in (5, 11):
        world = new_world(40)
        killed = 0
        for milliseconds in range(0, 150, step):
            child = in_child(archive, world, "one")
            time.sleep(milliseconds / 1000)
            os.kill(child, signal.SIGKILL)
            killed += ended(child) != 0
        assert killed > 0
        check(world, *archive(world, "one"))


def test_a_task_that_lives_on_beside_its_retry_doubles_nothing(new_world: NewWorld) -> None:
    world = new_world(40)
    children = [in_child(archive, world, "one") for _ in range(3)]
    for child in children:
        ended(child)
    check(world, *archive(world, "one"))
