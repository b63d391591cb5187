"""Small runs, deliveries and mails for tests of the ledger, mailboxes and stages."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterable, Iterator

from include.commsarchive.ids import delivery_key, digest
from include.commsarchive.ledger.base import Delivery, Held, HeldStage, ItemState, PlannedItem, Run
from include.commsarchive.message import mime
from include.commsarchive.model import Address, Letter, Mail, MailPart
from include.commsarchive.stages.ingest import Plan, Sending
from include.commsarchive.stages.shards import Place

FOLDER = "InstantBloomberg"
DAY = dt.date(2026, 3, 2)
NEXT_DAY = DAY + dt.timedelta(days=1)


def make_run(
    name: str = "one", *, connector: str = "chat", day: dt.date = DAY, kind: str = "scheduled"
) -> Run:
    return Run(name, connector, day, kind, dt.datetime(2026, 3, 3, 5, 0, 0, 123, tzinfo=dt.UTC))


def make_item(
    name: str, deliveries: int = 1, *, state: ItemState = ItemState.PLANNED, partial: bool = False
) -> PlannedItem:
    return PlannedItem(digest(name), "r" * 32, state, deliveries, partial=partial)


def make_delivery(item: str, mailbox: str = "ann@firm.example", *, folder: str = FOLDER) -> Delivery:
    key, revision = digest(item), "r" * 32
    name = delivery_key(key, revision, "mail", mailbox, folder)
    return Delivery(name, key, revision, "mail", mailbox, folder)


def make_mail(item: str, *, attachment: bytes = b"") -> Mail:
    ann = Address("Ann", "ann@firm.example")
    part = MailPart("a.bin", "application/octet-stream", len(attachment), lambda: io.BytesIO(attachment))
    return Mail(
        message_id=f"{digest(item)}@commsarchive.invalid",
        sender=ann,
        to=(ann,),
        cc=(),
        bcc=(),
        subject=item,
        at=1_772_409_600_000 + sum(item.encode()) * 1000,
        references=(),
        headers=(),
        text=f"what was said in {item}\n",
        html="",
        attachments=(part,) if attachment else (),
    )


def make_letter(item: str, mailbox: str = "ann@firm.example", *, folder: str = FOLDER) -> Letter:
    return Letter(make_delivery(item, mailbox, folder=folder).delivery_key, mailbox, folder, make_mail(item))


def make_sending(item: str, mailbox: str = "ann@firm.example", *, folder: str = FOLDER) -> Sending:
    place = Place(f"shards/{item}.jsonl", 0, 0)
    return Sending(
        make_delivery(item, mailbox, folder=folder), make_letter(item, mailbox, folder=folder), place
    )


def plan_of(letters: Iterable[Sending]) -> Plan:
    """Make a plan of letters; an iterator can be read once only."""
    return lambda only: (one for one in letters if only is None or one.delivery.mailbox in only)


def encode(mail: Mail) -> Iterator[bytes]:
    """Encode a mail, in pieces that cut a line end in two."""
    content = b"".join(mime.encode(mail))
    middle = content.index(b"\r\n\r\n") + 1
    yield content[:middle]
    yield content[middle:]


def make_held(
    name: str,
    *,
    day: dt.date = DAY,
    run: str = "one",
    connector: str = "chat",
    people: tuple[str, ...] = ("uuid:1", "uuid:2"),
) -> Held:
    return Held(
        held_id=digest(name),
        run_id=run,
        connector=connector,
        day=day,
        stage=HeldStage.INGEST,
        reason="no-such-mailbox",
        detail="",
        place=f"item {name}",
        path=f"items/{name}",
        sha256=digest(name, "bytes") * 2,
        key=digest(name),
        revision="r" * 32,
        people=people,
    )
