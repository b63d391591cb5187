"""One ``Message`` as an item: the mail that it was (financial formats, sections 2.1 and 2.3)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Event, Item, Kind, Person
from include.commsarchive.sources.bloomberg_message.files import Files
from include.commsarchive.sources.bloomberg_message.people import read_party, read_user
from include.commsarchive.sources.bloomberg_message.threads import threads
from include.commsarchive.sources.bloomberg_message.times import sent
from include.commsarchive.sources.instant_bloomberg.elements import (
    Children,
    as_written,
    attributes_of,
    line_of,
    local,
)
from include.commsarchive.sources.instant_bloomberg.events import unindent
from include.commsarchive.sources.instant_bloomberg.people import unify

NAME = "bloomberg_message"
Texts = Mapping[str, tuple[str, ...]]
_OTHERS = {
    "onbehalfof": "On behalf of",
    "sharedmessenger": "Shared messenger",
    "origsender": "Original sender",
}
_LEAVES = ("MsgID", "MsgTime", "MsgTimeUTC", "MsgLang", "MsgType")
_DELIVERIES = ("to", "cc", "bcc")
_REFERENCE = "reference, no file"
_HTML_BODY = "alt_body.html"


@dataclass(slots=True)
class _Parties:
    """Everybody in a mail, in their stations; ``said`` are facts and ``residue`` what no field holds."""

    sender: Person | None = None
    others: list[tuple[str, Person]] = field(default_factory=list)
    recipients: dict[str, list[Person]] = field(default_factory=lambda: {name: [] for name in _DELIVERIES})
    said: list[tuple[str, str]] = field(default_factory=list)
    residue: list[str] = field(default_factory=list)


def mail_of(element: ET.Element, context: Mapping[str, str], files: Files, texts: Texts) -> Item:
    """Make the item of a message; ``context`` is its chunk's, ``texts`` are the disclaimers known.

    Raises:
        Quarantine: ``missing-message-id``, ``missing-from``, ``missing-date`` or ``missing-to``.
    """
    children = Children(element)
    stated = {name: children.line(name.lower()) for name in _LEAVES}
    parties = _read_parties(children)
    sender, recipients = parties.sender, parties.recipients
    at, odd = sent(stated["MsgTimeUTC"], stated["MsgTime"])
    if not stated["MsgID"]:
        raise Quarantine("missing-message-id", "it has no MsgID")
    if sender is None:
        raise Quarantine("missing-from", "its Sender names nobody")
    if not any(recipients.values()):
        raise Quarantine("missing-to", "no Recipient names anybody")
    if at is None:
        raise Quarantine("missing-date", "neither MsgTimeUTC nor MsgTime can be read")
    subject = " ".join(children.text("subject").strip().splitlines())
    reader = _Reader(at, sender, indented="indented" in context)
    body = reader.body(children)
    attached = [reader.attached(one, files) for one in _all(children, "attachment")]
    reference, greeting = children.line("disclaimerreference"), children.text("greeting").strip()
    disclaimers = [Event(Kind.DISCLAIMER, at, text=text) for text in texts.get(reference, ())]
    body.residue = " ".join(filter(None, (attributes_of(element), *parties.residue, children.residue())))
    marks = [f"warning: {remark}" for remark in (*odd, *reader.odd)]
    if reference and not disclaimers:
        marks.append(f"warning: disclaimer {reference} is in no dictionary that came so far")
    facts = {"Version": context.get("version", ""), **stated, "Greeting": greeting, "Disclaimer": reference}
    others = [person for _, person in parties.others]
    referred = [event.text for event in attached if not event.attachment]
    return Item(
        source=NAME,
        native_ids=(stated["MsgID"], (sender.address or sender.key).casefold()),
        thread="",
        subject=subject,
        event_class="Message",
        at=at,
        sender=sender,
        to=tuple(recipients["to"]),
        cc=tuple(recipients["cc"]),
        bcc=tuple(recipients["bcc"]),
        events=[body, *attached, *disclaimers],
        marks=tuple(marks),
        facts=(*((name, text) for name, text in facts.items() if text), *parties.said),
        others=tuple(parties.others),
        references=threads(
            subject,
            sender,
            [one for name in _DELIVERIES for one in recipients[name]] + others,
            [stated["MsgID"], *referred],
        ),
    )


def _all(children: Children, name: str) -> list[ET.Element]:
    """Take all children of this local name."""
    found = []
    while (child := children.take(name)) is not None:
        found.append(child)
    return found


def _read_parties(children: Children) -> _Parties:
    """Read everybody; somebody who is stated more or less fully is one person."""
    parties = _Parties()
    for name, role in _OTHERS.items():
        for element in _all(children, name):
            person, residue = read_user(element)
            parties.residue.append(residue)
            parties.others += [(role, person)] if person else []
    sender = children.take("sender")
    if sender is not None:
        parties.sender, residue = read_user(sender)
        parties.residue.append(residue)
    for element in _all(children, "recipient"):
        _read_recipient(element, parties)
    people = [parties.sender] if parties.sender else []
    people += [person for _, person in parties.others]
    same = unify(people + [person for group in parties.recipients.values() for person in group])
    parties.sender = parties.sender and same[id(parties.sender)]
    parties.others = list(dict.fromkeys((role, same[id(person)]) for role, person in parties.others))
    for name, group in parties.recipients.items():
        parties.recipients[name] = list({same[id(one)].key: same[id(one)] for one in group}.values())
    return parties


def _read_recipient(element: ET.Element, parties: _Parties) -> None:
    children = Children(element)
    forwarded = children.line("forwardedby")
    person, residue = read_party(children)
    if person is None:
        parties.residue.append(as_written(element))
        return
    attributes = {local(name): value for name, value in element.attrib.items()}
    how = attributes.pop("deliverytype", "").strip()
    name = how.lower() if how.lower() in _DELIVERIES else "to"
    parties.residue += [attributes_of(ET.Element("Recipient", attributes)), residue, children.residue()]
    parties.recipients[name].append(person)
    parties.said += [("Forwarded by", f"{forwarded} ({person.name})")] if forwarded else []
    parties.said += [("Delivery type", f"{how} ({person.name})")] if how and name != how.lower() else []


@dataclass(slots=True)
class _Reader:
    """Reads the events of one mail: all are its sender's and happen when it is sent."""

    at: int
    sender: Person
    indented: bool
    odd: list[str] = field(default_factory=list)

    def body(self, children: Children) -> Event:
        """Read the body. It begins on a line of its own, so that columns stay below each other."""
        if children.find("msgbody") is None:
            self.odd.append("it has no MsgBody")
        text = children.text("msgbody")
        text = unindent(text) if self.indented else text.removesuffix("\n")
        return Event(Kind.MESSAGE, self.at, self.sender, text if text[:1] in {"\n", ""} else f"\n{text}")

    def attached(self, element: ET.Element, files: Files) -> Event:
        """Read an attachment: a file, or a reference to something that is none."""
        children = Children(element)
        event = Event(Kind.FILE, self.at, self.sender, text=children.text("reference").strip())
        name, file_id = children.line("filename"), children.line("fileid")
        size = line_of(children.find("filesize"))
        is_number = size.isascii() and size.isdigit() and len(size) < 20  # noqa: PLR2004 - of 64 bits
        if is_number or not size:
            children.take("filesize")
        if name or file_id or not event.text:
            event.attachment = files.attachment(name, file_id, int(size) if is_number else None)
            event.marks = ("the body as HTML",) if name.casefold() == _HTML_BODY else ()
        else:
            event.marks = (_REFERENCE,)
        event.residue = " ".join(filter(None, (attributes_of(element), children.residue())))
        return event
