"""From an item to what is staged of it: identity, message class, bodies."""

from __future__ import annotations

import json
from collections import Counter
from typing import Protocol

from include.commsarchive import ids
from include.commsarchive.errors import Quarantine
from include.commsarchive.message.bodies import render
from include.commsarchive.model import Attachment, Item, Person, StagedItem

_EARLIEST, _LATEST = -2_208_988_800_000, 253_402_300_799_999
"""1900 to 9999, in ms since 1970: what a Date field can say (RFC 5322 3.3)."""
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Classes(Protocol):
    """What `stage` needs to know of a source: its title and classes, see `sources.base.Source`."""

    title: str
    message_class: str
    item_class: str


def stage(item: Item, source: Classes) -> StagedItem:
    """Name an item, class it and render its bodies.

    Raises:
        Quarantine: FROM, TO, DATE or MESSAGECLASS is lacking: ``missing-from`` and so on. These four
            are mandatory (Microsoft's partner import schema).
    """
    if item.sender is None:
        raise _lacking(item, "from", "a sender")
    if not (item.to or item.cc or item.bcc):
        raise _lacking(item, "to", "a recipient")
    if item.at is None or not _EARLIEST <= item.at <= _LATEST:
        raise _lacking(item, "date", "a date between the years 1900 and 9999")
    if not source.message_class or not item.event_class:
        raise _lacking(item, "messageclass", "a message class")
    text, html = render(item, source.title)
    return StagedItem(
        key=ids.item_key(item.source, item.native_ids),
        revision=revision(item),
        source=item.source,
        native_ids=item.native_ids,
        thread=item.thread,
        subject=item.subject,
        at=item.at,
        message_class=f"{source.message_class}.{item.event_class}",
        item_class=source.item_class,
        sender=item.sender,
        to=item.to,
        cc=item.cc,
        bcc=item.bcc,
        text=text,
        html=html,
        attachments=tuple([event.attachment for event in item.events if event.attachment]),
        counts={str(kind): count for kind, count in sorted(Counter([e.kind for e in item.events]).items())},
        part=item.part,
        marks=item.marks,
        others=item.others,
        references=item.references,
    )


def revision(item: Item) -> str:
    """Hash what was said, by whom, to whom and with which files; never how we render or remark it.

    The form that is hashed is JSON in columns, which costs a fraction of one array per event.
    """
    events = item.events
    others = [person for _, person in item.others]
    parties = (*item.to, *item.cc, *item.bcc, *others)
    seen = {id(p): p for p in (item.sender, *parties, *[e.who for e in events], *[e.other for e in events])}
    content = [
        [item.thread, item.subject, item.event_class, item.at, item.part, item.facts],
        [_key(item.sender), *[[p.key for p in group] for group in (item.to, item.cc, item.bcc)]],
        sorted([_person(p) for p in set(seen.values()) if p is not None]),
        [event.kind for event in events],
        [event.at for event in events],
        [event.who.key if event.who else None for event in events],
        [event.text for event in events],
        [
            [place, _key(e.other), _file(e.attachment), e.window, e.marks, e.residue]
            for place, e in enumerate(events)
            if e.other or e.attachment or e.window or e.marks or e.residue
        ],
    ]
    if item.others:
        content.append([[role, person.key] for role, person in item.others])
    return ids.digest("revision", _encode(content))


def _lacking(item: Item, name: str, words: str) -> Quarantine:
    return Quarantine(
        f"missing-{name}", f"{item.source} item {ids.item_key(item.source, item.native_ids)}: no {words}"
    )


def _key(person: Person | None) -> str | None:
    return person.key if person else None


def _person(one: Person) -> list[object]:
    return [one.key, one.name, one.address, one.corporate_address, one.company, one.ids, one.internal]


def _file(file: Attachment | None) -> list[object] | None:
    if file is None:
        return None
    return [file.name, file.native_id, file.media_type, file.stated_size, file.size, file.blob, file.problem]
