"""A ledger and mailboxes that agree: days archived by the real stages, for tests of proofs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from include.commsarchive.ids import digest
from include.commsarchive.ledger.base import Failure, FileRecord, ImportRecord, ItemState, Run
from include.commsarchive.ledger.sql import SqlLedger, connect
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.mailbox.memory import MemoryMailbox
from include.commsarchive.stages.ingest import Manner, ingest
from include.commsarchive.stages.mapping import version_of
from include.commsarchive.stages.read_back import ReadBack
from include.commsarchive.stages.reconcile import reconcile
from include.commsarchive.stages.run import ConvertReceipt, MapReceipt
from tests.letters import DAY, NEXT_DAY, encode, make_delivery, make_item, make_sending, plan_of

DEFINITION = '{"name":"chat"}'
PEOPLE = '{"rows":["zoë"]}'
ITEMS = ("ann", "bob", "cid")


class WireMailbox(MemoryMailbox):
    """Mailboxes in memory that are read back as those over a wire are, so that receipts have what is kept."""

    keyed = False


def mailboxes() -> WireMailbox:
    return WireMailbox(encode)


def archive_day(
    ledger: SqlLedger,
    mailbox: Mailbox,
    day: dt.date,
    *items: str,
    connector: str = "chat",
    read_back: ReadBack = "all",
) -> ImportRecord:
    """Archive items, one copy each, beside one that is excluded and a file that was set aside."""
    run = ledger.open_run(
        Run(f"{connector}/{day}", connector, day, "scheduled", dt.datetime.combine(day, dt.time(5), dt.UTC))
    )
    ledger.keep_mapping(connector, "connector", version_of(DEFINITION), DEFINITION)
    ledger.keep_mapping(connector, "custom", version_of(PEOPLE), PEOPLE)
    ledger.plan_anew(run.run_id)
    ledger.record_file(
        run.run_id, FileRecord(f"{day}.xml.pgp", 10, digest("raw") * 2, 20, digest("clear") * 2)
    )
    decided = [make_item(item) for item in items]
    ledger.record_items(run.run_id, [*decided, make_item("not ours", 0, state=ItemState.EXCLUDED)])
    filed = ingest(
        plan_of([make_sending(item, f"{item}@firm.example") for item in items]),
        ledger=ledger,
        mailbox=mailbox,
        run_id=run.run_id,
        on_failed=lambda _: None,
        manner=Manner(read_back),
    )
    ledger.record_failures(run.run_id, [Failure("=bad.xml", "", "", "decrypt", "no-key")])
    versions = {"connector": version_of(DEFINITION), "custom": version_of(PEOPLE)}
    number = len(items)
    mapped = MapReceipt([], number + 1, number, 0, 1, 0, 0, number, "v", versions=versions)
    converted = ConvertReceipt("b", items=number + 1, quarantined={"no-key": 1})
    return reconcile(run, ledger, [converted], mapped, [filed])


@contextmanager
def two_days(folder: Path, mailbox: Mailbox) -> Iterator[SqlLedger]:
    """Open a ledger of a day of `chat` and the next day of `mail`."""
    with connect(f"sqlite:///{folder / 'ledger.db'}") as ledger:
        archive_day(ledger, mailbox, DAY, *ITEMS)
        archive_day(ledger, mailbox, NEXT_DAY, "dan", connector="mail")
        yield ledger


def key_of(item: str) -> str:
    return make_delivery(item, f"{item}@firm.example").delivery_key
