"""A plan filed through ingest into a Dovecot and to a journal address, over wires that fail."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest

from include.commsarchive.doors import Connection, open_mailbox
from include.commsarchive.ledger.memory import MemoryLedger
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.stages.ingest import IngestReceipt, Manner, Sending, ingest
from include.commsarchive.stages.waiting import Patience
from tests.letters import make_run, make_sending, plan_of
from tests.servers.cutting import DOWN, Wire, cut_wire
from tests.servers.dovecot import MASTER, PASSWORD, Dovecot, running_dovecot
from tests.servers.journal import JournalServer
from tests.servers.programs import HOST

ANN, BOB, CID = (f"{name}@firm.example" for name in ("ann", "bob", "cid"))
PLAN = [make_sending(f"item {number}", owner) for number in range(40) for owner in (ANN, BOB, CID)]
KEYS = [one.delivery.delivery_key for one in PLAN]


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    with running_dovecot([ANN, BOB, CID]) as server:
        yield server


def file(mailbox: Mailbox, told: list[str]) -> IngestReceipt:
    def note(failed: Sequence[tuple[Sending, str]]) -> None:
        told.extend(reason for _, reason in failed)

    ledger = MemoryLedger()
    ledger.open_run(make_run())
    patience = Patience(tries=50, sleep=lambda _: None, now=iter(range(10**9)).__next__)
    return ingest(
        plan_of(PLAN),
        ledger=ledger,
        mailbox=mailbox,
        run_id=make_run().run_id,
        on_failed=note,
        manner=Manner(patience=patience),
    )


def fail_by_chance(wire: Wire, seed: int) -> None:
    """Cut about every tenth piece of what goes over the wire, some fifty times."""
    chance = random.Random(seed)  # noqa: S311 - replayable by its seed
    wire.cut_when = lambda _way, _data: wire.cuts < 50 and chance.random() < 0.1


@pytest.mark.system
@pytest.mark.parametrize("seed", [1, 2])
def test_each_copy_is_in_its_mailbox_once_however_often_the_wire_is_cut(dovecot: Dovecot, seed: int) -> None:
    told: list[str] = []
    with cut_wire(dovecot.port) as wire:
        fail_by_chance(wire, seed)
        connection = Connection("mail", "imap", HOST, wire.port, MASTER, PASSWORD, {"security": "none"})
        with closing(open_mailbox(connection)) as mailbox:
            receipt = file(mailbox, told)
        assert wire.cuts > 10
    assert (told, receipt.made, receipt.failed) == ([], len(PLAN), 0)
    found: Counter[bytes] = Counter()
    for owner in (ANN, BOB, CID):
        with dovecot.as_a_person(owner) as client:
            client.select('"INBOX.InstantBloomberg"', readonly=True)
            _, rows = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (X-Commsarchive-Delivery-Key)])")
        found.update(row[1].split()[1] for row in rows if isinstance(row, tuple))
    assert found == Counter(key.encode() for key in KEYS)


def test_each_copy_reaches_a_journal_and_one_that_comes_twice_is_the_same() -> None:
    told: list[str] = []
    chance = random.Random(3)  # noqa: S311 - as above
    with JournalServer() as server, cut_wire(server.port) as wire:
        wire.cut_when = lambda way, data: way == DOWN and b"queued" in data and chance.random() < 0.2
        extra = {"address": "journal@archive.example", "security": "none"}
        with closing(open_mailbox(Connection("journal", "smtp", HOST, wire.port, extra=extra))) as mailbox:
            receipt = file(mailbox, told)
        assert wire.cuts > 5
    assert (told, receipt.made, receipt.failed) == ([], len(PLAN), 0)
    contents = Counter(one.content for one in server.mails)
    assert len(contents) == len(PLAN)
    assert sum(contents.values()) == len(PLAN) + wire.cuts
