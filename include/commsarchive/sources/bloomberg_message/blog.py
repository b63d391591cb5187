"""One ``WebLog`` as an item: what was posted on it, by whom, and who could see it (section 2.4).

No sample was ever seen, only the schema: what is not in it is kept as it was written.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Event, Item, Kind, Person
from include.commsarchive.sources.bloomberg_message.files import Files
from include.commsarchive.sources.bloomberg_message.people import read_user
from include.commsarchive.sources.bloomberg_message.times import sent
from include.commsarchive.sources.instant_bloomberg.elements import (
    Children,
    as_written,
    attributes_of,
    line_of,
    local,
)
from include.commsarchive.sources.instant_bloomberg.people import unify

_KINDS = {
    "posting": Kind.MESSAGE,
    "attachment": Kind.FILE,
    "changed": Kind.SYSTEM,
    "deleted": Kind.DELETE,
}
_TEXTS = {Kind.SYSTEM: "access changed", Kind.DELETE: "the blog was deleted"}
_LEAVES = ("LogID", "CreateTime", "CreateTimeUTC", "FirmNumber", "Subject", "Language")


def blog_of(element: ET.Element, context: Mapping[str, str], files: Files, name: str) -> Item:
    """Make the item of a blog; ``context`` is its chunk's, ``name`` the source's.

    Raises:
        Quarantine: ``missing-message-id``, ``missing-from`` or ``missing-date``.
    """
    children = Children(element)
    stated = {leaf: children.line(leaf.lower()) for leaf in _LEAVES}
    owner, residue = read_user(children.take("publisher"))
    created, _ = sent(stated["CreateTimeUTC"], stated["CreateTime"])
    events = _events(children, created, files)
    if not stated["LogID"]:
        raise Quarantine("missing-message-id", "it has no LogID")
    people = _people(owner, events, element)
    if not people:
        raise Quarantine("missing-from", "its Publisher names nobody")
    at = events[0].at if events else created
    if at is None or at < 0:
        raise Quarantine("missing-date", "neither the blog nor what is on it has a time that can be read")
    left = " ".join(filter(None, (residue, children.residue())))
    if left:
        events.append(Event(Kind.SYSTEM, at, text="more of the blog", residue=left))
    access = {f"WebLog {label}": value for label, value in element.attrib.items() if value.strip()}
    facts = {"Version": context.get("version", ""), **access, **stated}
    return Item(
        source=name,
        native_ids=("blog", stated["LogID"], str(at // 1000)),
        thread=f"blog {stated['LogID']}",
        subject=stated["Subject"],
        event_class="Blog",
        at=at,
        sender=people[0],
        to=people[1:] or people,
        events=events,
        facts=tuple((label, text) for label, text in facts.items() if text),
    )


def _events(children: Children, created: int | None, files: Files) -> list[Event]:
    """Read what happened, in order of time; what states no time happened with what stands before it."""
    control = children.take("accesscontrol")
    happened = children.take_all(*_KINDS)
    happened += [] if control is None else list(control)
    events: list[Event] = []
    last = -1 if created is None else created
    for child in happened:
        events.append(_event(child, last, files))
        last = events[-1].at
    first = next((event.at for event in events if event.at >= 0), -1)
    for event in events:
        event.at = first if event.at < 0 else event.at
    return sorted(events, key=lambda event: event.at)


def _event(element: ET.Element, last: int, files: Files) -> Event:
    children, kind = Children(element), _KINDS.get(local(element.tag))
    if kind is None:
        return Event(Kind.SYSTEM, last, text=line_of(element), residue=as_written(element))
    event = Event(kind, last, text=_TEXTS.get(kind, ""))
    event.who, residue = read_user(children.take("publisher"))
    text = children.line("datetime")
    at, odd = sent(children.line("datetimeutc"), text)
    event.at = last if at is None else at
    event.marks = (f"DateTime {text}",) if text and (odd or at is None) else ()
    if kind is Kind.FILE:
        size = line_of(children.find("filesize"))
        name, file_id = children.line("filename"), children.line("fileid")
        event.attachment = files.attachment(name, file_id, int(size) if _is_number(size) else None)
    elif kind is Kind.MESSAGE:
        entry = children.line("entryid")
        event.marks += (f"EntryID {entry}",) if entry else ()
        event.text = children.text("content").removesuffix("\n")
    elif previous := children.line("previousaccesstype"):
        event.text += f" from {previous}"
    event.residue = " ".join(filter(None, (attributes_of(element), residue, children.residue())))
    return event


def _people(owner: Person | None, events: list[Event], element: ET.Element) -> tuple[Person, ...]:
    """List everybody, each once: the publisher, who posted, and whoever else is named (viewers)."""
    named = [read_user(one)[0] for one in element.iter() if local(one.tag) in {"userinfo", "viewer"}]
    everybody = [person for person in (owner, *(event.who for event in events), *named) if person]
    same = unify(everybody)
    for event in events:
        event.who = event.who and same[id(event.who)]
    return tuple({same[id(person)].key: same[id(person)] for person in everybody}.values())


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20  # noqa: PLR2004 - of 64 bits
