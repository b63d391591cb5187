"""From a staged item to the mail that a destination encodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import BinaryIO

from include.commsarchive import ids
from include.commsarchive.message.addresses import address_of
from include.commsarchive.model import NOTE, Address, Mail, MailPart, Person, Retention, StagedItem

PREFIX = "X-Commsarchive-"


def make_mail(
    item: StagedItem,
    addresses: Mapping[str, str],
    open_blob: Callable[[str], BinaryIO],
    extra: Iterable[tuple[str, str]] = (),
    message_class: str = NOTE,
    retention: Retention | None = None,
) -> Mail:
    """Give an item its addresses, headers and attachments; every copy of it is this same mail.

    ``addresses`` maps a person's key to the mapped mailbox; ``open_blob`` opens an attachment by its
    SHA-256; ``extra`` are further facts that are the same for all copies, as (name, value), and
    become ``X-Commsarchive-`` headers like our own (``("Connector", …)``). A file whose bytes are
    missing gets no part: the bodies say so.
    """

    def people(persons: Iterable[Person]) -> tuple[Address, ...]:
        return tuple([address_of(one, item.source, addresses.get(one.key)) for one in persons])

    return Mail(
        message_id=ids.message_id(item.key, item.revision),
        sender=people((item.sender,))[0],
        to=people(item.to),
        cc=people(item.cc),
        bcc=people(item.bcc),
        subject=item.subject,
        at=item.at,
        references=tuple(
            [ids.thread_id(item.source, one) for one in dict.fromkeys((item.thread, *item.references)) if one]
        ),
        headers=tuple(
            [
                (PREFIX + name, value)
                for name, value in (*_facts(item), *_others(item, addresses), *_kept(retention), *extra)
            ]
        ),
        text=item.text,
        html=item.html,
        attachments=tuple(
            [
                MailPart(one.name or "attachment", one.media_type, one.size, partial(open_blob, one.blob))
                for one in item.attachments
                if one.blob
            ]
        ),
        message_class=message_class,
        retention=retention,
    )


def _kept(retention: Retention | None) -> list[tuple[str, str]]:
    """Say how long the mail is to be kept, for destinations that have nothing but headers to go by."""
    if retention is None:
        return []
    days = f"{retention.days} days" if retention.days else ""
    return [("Retention", "; ".join(filter(None, (retention.label, days))))]


def _others(item: StagedItem, addresses: Mapping[str, str]) -> list[tuple[str, str]]:
    """Name who takes part without being sender or recipient; no header of a mail's own says that."""
    others = [(role, address_of(one, item.source, addresses.get(one.key))) for role, one in item.others]
    return [("Participant", f"{role}: {one.name} <{one.email}>") for role, one in others]


def _facts(item: StagedItem) -> list[tuple[str, str]]:
    facts = [("Source", item.source)]
    facts += [("Native-Id", native) for native in item.native_ids]
    facts += [
        ("Item-Key", item.key),
        ("Revision", item.revision),
        ("Message-Class", item.message_class),
        ("Item-Class", item.item_class),
        ("Event-Counts", "; ".join([f"{kind}={count}" for kind, count in item.counts.items()])),
    ]
    if item.part:
        facts.append(("Part", str(item.part)))
    if item.marks:
        facts.append(("Marks", "; ".join(item.marks)))
    return facts
