"""Event elements of Instant Bloomberg as events (financial formats, sections 1.2 to 1.4)."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from functools import lru_cache
from xml.sax.saxutils import escape

from include.commsarchive.model import Attachment, Event, Kind, Person
from include.commsarchive.sources.instant_bloomberg.elements import (
    Children,
    as_written,
    attributes_of,
    line_of,
    local,
    text_of,
)
from include.commsarchive.sources.instant_bloomberg.files import Files
from include.commsarchive.sources.instant_bloomberg.people import read_person
from include.commsarchive.sources.instant_bloomberg.times import epoch, stated

KINDS = {
    "message": Kind.MESSAGE,
    "systemmessage": Kind.SYSTEM,
    "participantentered": Kind.JOIN,
    "participantleft": Kind.LEAVE,
    "invite": Kind.INVITE,
    "history": Kind.HISTORY,
    "attachment": Kind.FILE,
    "switchroommode": Kind.MODE,
}
PEOPLE = ("user", "inviter", "initiator")
UNDATED = -1
NOT_STATED = "time not stated"
_DISCLAIMER = re.compile(r"\s*\*{3} .+ \([0-9]+\) Disclaimer:")
_CARRY_OVER = re.compile(r"\s*\[Bloomberg created note: Remains [^\]]*\]\s*")


def kind_of_message(text: str) -> Kind:
    """Tell speech from what Bloomberg writes in somebody's name.

    Three asterisks alone are no disclaimer: people type them.
    """
    start = text.lstrip()[:3]
    if start == "***" and _DISCLAIMER.match(text):
        return Kind.DISCLAIMER
    if start == "[Bl" and _CARRY_OVER.fullmatch(text):
        return Kind.CARRY_OVER
    return Kind.MESSAGE


@lru_cache(maxsize=256)
def marks_of(interaction: str, device: str) -> tuple[str, ...]:
    """Give the marks of an event's two known attributes: ``N`` and blank are the ordinary case."""
    interaction, device = interaction.strip(), device.strip()
    marks = []
    if device:
        marks.append("mobile" if device == "M" else f"DeviceType {device}")
    if interaction in {"H", "NH"}:
        marks.append("history")
    if interaction not in {"", "N"}:
        marks.append(f"InteractionType {interaction}")
    return tuple(marks)


class EventReader:
    """Reads a conversation's events in document order: an event without a time takes the last one's."""

    def __init__(self, files: Files, *, room: str, indented: bool, last: int | None) -> None:
        """Begin a conversation. ``room`` is its RoomID, ``last`` the time (ms) before its first event."""
        self.room = room
        self.last = UNDATED if last is None else last
        self.others: list[Person] = []
        """People who are named beside the one who acted."""
        self.indented = indented
        self.disagreeing = 0
        self.undated = 0
        self._files = files

    def read(self, element: ET.Element) -> Event:
        """Read one event; an element that we do not know becomes a system note with its XML kept."""
        tag = local(element.tag)
        event = Event(KINDS.get(tag, Kind.SYSTEM), 0)
        children = Children(element)
        residue = [self._attributes(event, element), *self._people(event, children)]
        self._time(event, children, timed=tag in KINDS and event.kind is not Kind.MODE)
        if tag not in KINDS:
            event.marks += (f"unknown element {element.tag.rpartition('}')[2]}",)
            event.residue = as_written(element)
            return event
        if event.kind is Kind.FILE:
            event.attachment = self._attachment(children)
        elif event.kind is Kind.HISTORY:
            event.window = _window(children)
        event.text = self._text(children, "modetype" if event.kind is Kind.MODE else "content")
        if event.kind is Kind.MESSAGE:
            event.kind = kind_of_message(event.text)
        event.residue = " ".join(filter(None, (*residue, self._other_room(children), children.residue())))
        return event

    def _attributes(self, event: Event, element: ET.Element) -> str:
        known = {"interactiontype": "", "devicetype": ""}
        rest = ET.Element(element.tag)
        for name, value in element.attrib.items():
            if local(name) in known:
                known[local(name)] = value
            else:
                rest.set(name, value)
        event.marks = marks_of(known["interactiontype"], known["devicetype"])
        return attributes_of(rest)

    def _people(self, event: Event, children: Children) -> tuple[str, str]:
        who = next((user for name in PEOPLE if (user := children.take(name)) is not None), None)
        event.who, of_who = (None, "") if who is None else read_person(who)
        invitee = children.take("invitee")
        event.other, of_other = (None, "") if invitee is None else read_person(invitee)
        more = [read_person(child)[0] for child in children.left if local(child.tag) in PEOPLE]
        self.others += [person for person in more if person is not None]
        return of_who, of_other

    def _time(self, event: Event, children: Children, *, timed: bool) -> None:
        """Take DateTimeUTC; where it cannot be read, DateTime; where that cannot, the last event's.

        ``timed`` says that an event of its kind ought to have a time.
        """
        utc, text = children.text("datetimeutc").strip(), children.text("datetime").strip()
        at, told = epoch(utc), stated(text)
        if at is None and utc:
            event.marks += (f"DateTimeUTC {utc}",)
        if text and (told is None or at is not None) and told != (at or 0) // 1000 * 1000:
            self.disagreeing += at is not None
            event.marks += (f"DateTime {text}",)
        if at is None and (told is not None or timed):
            self.undated += 1
            event.marks += (NOT_STATED if told is None else "time from DateTime",)
        at = told if at is None else at
        self.last = event.at = self.last if at is None else at

    def _attachment(self, children: Children) -> Attachment:
        name, file_id = children.line("filename"), children.line("fileid")
        size = line_of(children.find("filesize"))
        is_number = size.isascii() and size.isdigit()
        if is_number or not size:
            children.take("filesize")
        return self._files.attachment(name, file_id, int(size) if is_number else None)

    def _text(self, children: Children, name: str) -> str:
        text = children.text(name)
        return unindent(text) if self.indented and text.startswith("\n") else text

    def _other_room(self, children: Children) -> str:
        stated_room = children.line("conversationid")
        self.room = self.room or stated_room
        return (
            ""
            if stated_room in {"", self.room}
            else f"<ConversationID>{escape(stated_room)}</ConversationID>"
        )


def _window(children: Children) -> tuple[int, int] | None:
    """Read what a history view covers; times that cannot be read stay residue."""
    start, end = (epoch(text_of(children.find(name))) for name in ("starttimeutc", "endtimeutc"))
    if start is None or end is None:
        return None
    for name in ("starttimeutc", "endtimeutc"):
        children.take(name)
    for name in ("starttime", "endtime"):
        text = text_of(children.find(name))
        if not text.strip() or stated(text) is not None:
            children.take(name)
    return start, end


def unindent(text: str) -> str:
    """Undo pretty-printing: one line break at either end, and the indentation that all lines share."""
    lines = text.split("\n")
    if len(lines) < 3 or lines[0].strip() or lines[-1].strip():  # noqa: PLR2004 - a line between two breaks
        return text
    body = lines[1:-1]
    margin = min((len(line) - len(line.lstrip(" \t")) for line in body if line.strip()), default=0)
    return "\n".join(line[margin:] for line in body)
