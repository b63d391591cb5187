"""One ``Message`` as an item: the mail that it was (financial formats, sections 2.1 and 2.3)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Event, Item, Kind, Person
from include.commsarchive.sources.bloomberg_message.files import Files
from include.commsarchive.sources.bloomberg_message.parties import read_parties
from include.commsarchive.sources.bloomberg_message.threads import threads
from include.commsarchive.sources.bloomberg_message.times import sent
from include.commsarchive.sources.instant_bloomberg.elements import Children, attributes_of, line_of
from include.commsarchive.sources.instant_bloomberg.events import unindent
from include.commsarchive.sources.xml_usual import Usual

NAME = "bloomberg_message"
Texts = Mapping[str, tuple[str, ...]]
_LEAVES = ("MsgID", "MsgTime", "MsgTimeUTC", "MsgLang", "MsgType")
_REFERENCE = "reference, no file"
_HTML_BODY = "alt_body.html"


def mail_of(
    element: ET.Element, usual: Usual, context: Mapping[str, str], files: Files, texts: Texts
) -> Item:
    """Make the item of a message, of which usual `parties` may be taken out.

    ``context`` is its chunk's, ``texts`` are the disclaimers known.

    Raises:
        Quarantine: ``missing-message-id``, ``missing-from``, ``missing-date`` or ``missing-to``.
        UnusualError: somebody that looked usual must be read with care.
    """
    children = Children(element)
    stated = {name: children.line(name.lower()) for name in _LEAVES}
    parties = read_parties(children, usual)
    sender, recipients = parties.sender, parties.recipients
    at, odd = sent(stated["MsgTimeUTC"], stated["MsgTime"])
    if not stated["MsgID"]:
        raise Quarantine("missing-message-id", "it has no MsgID")
    if at is None:
        raise Quarantine("missing-date", "neither MsgTimeUTC nor MsgTime can be read")
    reader = _Reader(at, sender, odd)
    subject = " ".join(children.text("subject").strip().splitlines())
    body = reader.body(children, indented="indented" in context)
    attached = [reader.attached(one, files) for one in children.take_all("attachment")]
    stated |= {
        "Greeting": children.text("greeting").strip(),
        "Disclaimer": children.line("disclaimerreference"),
    }
    disclaimers = reader.disclaimers(stated["Disclaimer"], texts)
    body.residue = " ".join(filter(None, (attributes_of(element), *parties.residue, children.residue())))
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

    def body(self, children: Children, *, indented: bool) -> Event:
        """Read the body. It begins on a line of its own, so that columns stay below each other."""
        if children.find("msgbody") is None:
            self.odd.append("it has no MsgBody")
        text = children.text("msgbody")
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
