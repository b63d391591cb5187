"""One ``Message`` as an item: the mail that it was (financial formats, sections 2.1 and 2.3)."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Event, Item, Kind, Person
from include.commsarchive.sources.bloomberg_message.files import Files
from include.commsarchive.sources.bloomberg_message.parties import Parties, parties_in, read_parties
from include.commsarchive.sources.bloomberg_message.threads import threads
from include.commsarchive.sources.bloomberg_message.times import sent
from include.commsarchive.sources.instant_bloomberg.elements import Children, attributes_of, line_of, local
from include.commsarchive.sources.instant_bloomberg.events import unindent
from include.commsarchive.sources.xml_usual import (
    SPACE,
    TEXT,
    UnusualError,
    leaf,
    match_usual,
    unescaped,
    usual_element,
)

NAME = "bloomberg_message"
Texts = Mapping[str, tuple[str, ...]]
_STATED = ("MsgID", "MsgTime", "MsgTimeUTC", "MsgLang", "MsgType")
_WRITTEN = ("Subject", "MsgBody", "Greeting", "DisclaimerReference")
_REFERENCE = "reference, no file"
_HTML_BODY = "alt_body.html"
_USUAL = re.compile(
    f"{SPACE}<Message>{SPACE}{''.join(map(leaf, _STATED))}((?:<(?!Subject>)[^<]*+)*+)"
    f"{leaf('Subject')}((?:<(?!MsgBody>)[^<]*+)*+)"
    f"<MsgBody>{TEXT}</MsgBody>{SPACE}"
    f"(?:{leaf('DisclaimerReference')}{leaf('Greeting')}|{leaf('Greeting')}{leaf('DisclaimerReference')})"
    f"</Message>{SPACE}"
)
"""All of a message in its usual order: after what it states come its parties, after the subject its files."""


@dataclass(slots=True)
class _Message:
    """What a message says: its leaves by name, as they were written, its parties, files and all the rest."""

    leaves: Mapping[str, str]
    parties: Parties
    attached: list[ET.Element]
    residue: list[str]
    has_body: bool = True


def mail_of(element: ET.Element, context: Mapping[str, str], files: Files, texts: Texts) -> Item:
    """Make the item of a message; ``context`` is its chunk's, ``texts`` are the disclaimers known.

    Raises:
        Quarantine: ``missing-message-id``, ``missing-from``, ``missing-date`` or ``missing-to``.
    """
    children = Children(element)
    has_body = children.find("msgbody") is not None
    leaves = {name: children.text(name.lower()) for name in (*_STATED, *_WRITTEN)}
    parties, attached = read_parties(children), children.take_all("attachment")
    residue = [attributes_of(element), *parties.residue, children.residue()]
    return _item(_Message(leaves, parties, attached, residue, has_body), context, files, texts)


def usual_mail(raw: bytes, context: Mapping[str, str], files: Files, texts: Texts) -> Item | None:
    """Make the item of a record that holds a message of the usual shape; None: read it with care."""
    row = match_usual(raw, _USUAL)
    if row is None:
        return None
    said, (people, subject, attached, body, *last) = row[: len(_STATED)], row[len(_STATED) :]
    written = (subject, body, last[1] or last[2], last[0] or last[3])
    leaves = zip((*_STATED, *_WRITTEN), map(unescaped, (*said, *written)), strict=True)
    try:
        parties, enclosed = parties_in(people), _attachments_in(attached)
        return _item(_Message(dict(leaves), parties, enclosed, parties.residue), context, files, texts)
    except (Quarantine, UnusualError):
        return None


def _attachments_in(text: str) -> list[ET.Element]:
    if not text:
        return []
    found = usual_element(f"<Message>{text}</Message>")
    stray = "".join(part for part in (found.text, *(one.tail for one in found)) if part).strip()
    if stray or any(local(one.tag) != "attachment" for one in found):
        raise UnusualError
    return list(found)


def _item(message: _Message, context: Mapping[str, str], files: Files, texts: Texts) -> Item:
    leaves, parties = message.leaves, message.parties
    stated = {name: " ".join(leaves[name].split()) for name in _STATED}
    sender, recipients = parties.sender, parties.recipients
    at, odd = sent(stated["MsgTimeUTC"], stated["MsgTime"])
    if not stated["MsgID"]:
        raise Quarantine("missing-message-id", "it has no MsgID")
    if at is None:
        raise Quarantine("missing-date", "neither MsgTimeUTC nor MsgTime can be read")
    odd += [] if message.has_body else ["it has no MsgBody"]
    reader = _Reader(at, sender, odd)
    subject = " ".join(leaves["Subject"].strip().splitlines())
    body = reader.body(leaves["MsgBody"], indented="indented" in context)
    attached = [reader.attached(one, files) for one in message.attached]
    stated |= {
        "Greeting": leaves["Greeting"].strip(),
        "Disclaimer": " ".join(leaves["DisclaimerReference"].split()),
    }
    disclaimers = reader.disclaimers(stated["Disclaimer"], texts)
    body.residue = " ".join(filter(None, message.residue))
    referred = [event.text for event in attached if not event.attachment]
    facts = {"Version": context.get("version", ""), **stated}
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
        marks=tuple(f"warning: {remark}" for remark in reader.odd),
        facts=(*((name, text) for name, text in facts.items() if text), *parties.said),
        others=tuple(parties.others),
        references=threads(subject, sender, parties.but_sender, [stated["MsgID"], *referred]),
    )


@dataclass(slots=True)
class _Reader:
    """Reads the events of one mail: all are its sender's and happen when it is sent."""

    at: int
    sender: Person
    odd: list[str]
    """What is remarked on the mail."""

    def body(self, text: str, *, indented: bool) -> Event:
        """Make the body. It begins on a line of its own, so that columns stay below each other."""
        text = unindent(text) if indented else text.removesuffix("\n")
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

    def disclaimers(self, reference: str, texts: Texts) -> list[Event]:
        """Join the disclaimer that is named: all its texts, where there are several."""
        found = [Event(Kind.DISCLAIMER, self.at, text=text) for text in texts.get(reference, ())]
        if reference and not found:
            self.odd.append(f"disclaimer {reference} is in no dictionary that came so far")
        return found
