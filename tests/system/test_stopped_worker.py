"""A worker that was stopped beside its own retry sends nothing more once it goes on: nothing is doubled."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import pytest

from include.commsarchive.errors import Retriable
from include.commsarchive.ledger.base import Known, Ledger
from include.commsarchive.ledger.sql import SqlLedger, connect
from include.commsarchive.mailbox.kept import kept_mime
from include.commsarchive.mailbox.memory import MemoryMailbox
from include.commsarchive.message.mime import encode
from include.commsarchive.model import Kept, Letter, Outcome
from include.commsarchive.stages.ingest import IngestReceipt, Manner, ingest
from include.commsarchive.stages.lease import Lease
from include.commsarchive.stages.waiting import Patience
from tests.letters import make_run, make_sending, plan_of

pytestmark = pytest.mark.system

PLAN = [make_sending(item, "ann@firm.example") for item in "abc"]
ONCE = {one.delivery.delivery_key: 1 for one in PLAN}
LEASE = 1.0
OVERTAKEN = 7


class Server(MemoryMailbox):
    """One folder for all processes, which keeps whatever it is sent once more."""

    keyed = False

    def __init__(self, root: Path) -> None:
        super().__init__(encode)
        self.root = root

    def append(self, letters: Sequence[Letter]) -> list[Outcome]:
        return [self.take(letter) for letter in letters]

    def take(self, letter: Letter) -> Outcome:
        name = f"{letter.delivery_key}.{uuid.uuid4().hex}"
        (self.root / name).write_bytes(b"".join(encode(letter.mail)))
        return Outcome(letter.delivery_key, server_id=name)

    def find(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> dict[str, str]:
        there = {path.name.partition(".")[0]: path.name for path in self.root.iterdir()}
        return {key: there[key] for key in delivery_keys if key in there}

    def inspect(self, mailbox: str, folder: str, server_ids: Collection[str]) -> dict[str, Kept]:
        return {one: kept_mime((self.root / one).read_bytes(), one.partition(".")[0]) for one in server_ids}

    def copies(self) -> Counter[str]:
        return Counter(path.name.partition(".")[0] for path in self.root.iterdir())


class Stopping(SqlLedger):
    """Stops the whole process, its threads too, after the intents and before the first letter is sent."""

    def intend(self, *args: Any, **kwargs: Any) -> dict[str, Known]:
        known = super().intend(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGSTOP)
        return known


def file(ledger: Ledger, server: Server) -> IngestReceipt:
    return ingest(
        plan_of(PLAN),
        ledger=ledger,
        mailbox=server,
        run_id="one",
        on_failed=lambda failed: None,
        manner=Manner(patience=Patience(lease=LEASE)),
    )


def file_stopped(url: str, server: Server) -> None:
    """What the process does that is stopped; its status says whether it found itself overtaken."""
    with connect(url) as ledger:
        stopping = Stopping(ledger._database)
        try:
            file(stopping, server)
        except Retriable as error:
            os._exit(OVERTAKEN if "taken over its copies" in str(error) else 1)
    os._exit(0)


def file_until_it_may(url: str, server: Server) -> IngestReceipt:
    """Try as Airflow does that resumes the task."""
    with connect(url) as ledger:
        while True:
            try:
                return file(ledger, server)
            except Retriable:
                time.sleep(0.05)


def test_a_stopped_worker_finds_itself_overtaken_by_its_retry_and_sends_nothing(
    new_url: Callable[[], str], tmp_path: Path
) -> None:
    url, server = new_url(), Server(tmp_path)
    with connect(url) as ledger:
        ledger.open_run(make_run())
    zombie = multiprocessing.get_context("fork").Process(target=file_stopped, args=(url, server))
    zombie.start()
    assert zombie.pid is not None
    assert os.WIFSTOPPED(os.waitpid(zombie.pid, os.WUNTRACED)[1])
    assert server.copies() == {}
    receipt = file_until_it_may(url, server)
    os.kill(zombie.pid, signal.SIGCONT)
    zombie.join(timeout=60)
    assert zombie.exitcode == OVERTAKEN
    assert receipt == IngestReceipt(planned=3, made=3)
    assert server.copies() == ONCE


def test_a_worker_that_was_killed_is_waited_for_no_longer_than_its_lease(
    new_url: Callable[[], str], tmp_path: Path
) -> None:
    url, server = new_url(), Server(tmp_path)
    with connect(url) as ledger:
        ledger.open_run(make_run())
        Lease(ledger, "one", LEASE).take([one.delivery for one in PLAN])
    server.take(PLAN[0].letter)
    assert file_until_it_may(url, server) == IngestReceipt(planned=3, made=3, recovered=1)
    assert server.copies() == ONCE
