"""A small archive whose destination is an emulated Exchange, for sweeps of faults and kills.

`World.archive` does what the tasks of a run do, and tries again as Airflow would. Waits are shortened, never
left out: everybody's clock goes on by what was to be slept.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, Self

from include.commsarchive.doors import Connection, open_mailbox
from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.ids import digest
from include.commsarchive.ledger.base import Held, HeldStage, ImportRecord, Ledger
from include.commsarchive.ledger.memory import MemoryLedger
from include.commsarchive.ledger.sql import connect
from include.commsarchive.mailbox.graph.mailbox import GraphMailbox
from include.commsarchive.stages.ingest import IngestReceipt, Manner, Sending, ingest
from include.commsarchive.stages.read_back import ReadBack
from include.commsarchive.stages.reconcile import reconcile
from include.commsarchive.stages.recover import recover
from include.commsarchive.stages.run import ConvertReceipt, MapReceipt
from include.commsarchive.stages.waiting import Patience
from tests.letters import DAY, make_item, make_mail, make_run, make_sending, plan_of

OWNERS = ("ann@firm.example", "bob@firm.example")
ITEMS = ("x", "y")
MOST_TRIES = 25
DESTINATION = "mail"


class Rig(Protocol):
    """An emulated server: how to reach it, and what its mailboxes hold."""

    @property
    def connection(self) -> Connection:
        """What an administrator would enter."""

    def copies(self) -> Counter[str]:
        """Count the copies in all mailboxes by delivery key; one that is not whole counts as ``broken``."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


class Clock:
    """A clock that runs ahead of the real one by all that was to be slept."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        return time.monotonic() + self._ahead

    def sleep(self, seconds: float) -> None:
        real = min(seconds, 0.02)
        time.sleep(real)
        self._ahead += seconds - real


def plan(attachment: bytes = b"") -> list[Sending]:
    letters = []
    for item in ITEMS:
        mail = make_mail(item, attachment=attachment if item == "y" else b"")
        for owner in OWNERS:
            sending = make_sending(item, owner)
            letters.append(replace(sending, letter=replace(sending.letter, mail=mail)))
    return letters


KEYS = [one.delivery.delivery_key for one in plan()]


@dataclass(frozen=True)
class World:
    """What lasts: the ledger and the server."""

    ledger: Path | MemoryLedger
    connection: Connection
    attachment: bytes = b""
    read_back: ReadBack = "all"

    def once(self, run_id: str) -> tuple[IngestReceipt, ImportRecord]:
        """Try a run once.

        Raises:
            Retriable: Airflow would try again.
            Fatal: Airflow would ask a person, who would clear the task.
        """
        clock = Clock()
        mailbox = open_mailbox(self.connection)
        if isinstance(mailbox, GraphMailbox):
            mailbox._clock = clock.now
        try:
            with self.opened() as ledger:
                run = ledger.open_run(make_run(run_id))
                ledger.plan_anew(run_id)
                items = [make_item(item, len(OWNERS)) for item in ITEMS]
                ledger.record_items(run_id, items)
                recover(ledger, {DESTINATION: mailbox}, run_id, lease=0.0)
                receipt = ingest(
                    plan_of(plan(self.attachment)),
                    ledger=ledger,
                    mailbox=mailbox,
                    run_id=run_id,
                    on_failed=lambda failed: ledger.hold([held(one, why, run_id) for one, why in failed]),
                    manner=Manner(self.read_back, Patience(lease=0.0, now=clock.now, sleep=clock.sleep)),
                )
                mapped = MapReceipt([], len(ITEMS), 0, 0, 0, 0, 0, len(KEYS), "v1")
                converted = ConvertReceipt("day", items=len(ITEMS))
                return receipt, reconcile(run, ledger, [converted], mapped, [receipt])
        finally:
            mailbox.close()

    @contextmanager
    def opened(self) -> Iterator[Ledger]:
        """Open the ledger: in a file, for workers that are killed, or in memory, which is faster."""
        if isinstance(self.ledger, MemoryLedger):
            yield self.ledger
            return
        with connect(f"sqlite:///{self.ledger}") as ledger:
            yield ledger

    def archive(self, run_id: str) -> ImportRecord:
        """Try a run until it ends well."""
        for _ in range(MOST_TRIES):
            try:
                return self.once(run_id)[1]
            except (Retriable, Fatal) as error:
                last = error
        raise AssertionError(f"{MOST_TRIES} tries were not enough") from last

    def failed(self) -> set[str]:
        """Keys of the copies that are held because they could not be filed."""
        with self.opened() as ledger:
            return {one.place for one in ledger.held("chat", DAY, DAY)}

    def delivered(self) -> set[str]:
        with self.opened() as ledger:
            assert list(ledger.verify()) == []
            return {key for key, one in ledger.delivered(KEYS).items() if one.delivered}


def held(one: Sending, reason: str, run_id: str) -> Held:
    key = one.delivery.delivery_key
    return Held(
        held_id=digest("held", key),
        run_id=run_id,
        connector="chat",
        day=DAY,
        stage=HeldStage.INGEST,
        reason=reason,
        detail="",
        place=key,
        path="",
        sha256="",
    )


def check(world: World, rig: Rig, record: ImportRecord) -> None:
    """Whatever happened: every copy is there exactly once or held, the ledger agrees, the equations close."""
    copies = rig.copies()
    assert "broken" not in copies, copies
    assert set(copies.values()) <= {1}, copies
    assert copies.keys() <= set(KEYS)
    assert world.delivered() == copies.keys()
    body = record.body
    assert body["deliveries_made"] == len(copies)
    assert body["deliveries_failed"] == len(KEYS) - len(copies)
    assert set(KEYS) - copies.keys() <= world.failed()


def check_complete(world: World, rig: Rig) -> None:
    """With the faults gone, a further run files what was held, and nothing else."""
    before = rig.copies()
    record = world.archive("further run")
    assert rig.copies() == Counter(KEYS)
    assert world.delivered() == set(KEYS)
    assert record.body["deliveries_made"] == len(KEYS) - len(before)


@contextmanager
def fresh_ledger(folder: Path) -> Iterator[Path]:
    """A new ledger's path; the file goes afterwards, because sweeps make thousands."""
    path = folder / f"ledger-{time.monotonic_ns()}.db"
    try:
        yield path
    finally:
        for left in folder.glob(f"{path.name}*"):
            left.unlink()
