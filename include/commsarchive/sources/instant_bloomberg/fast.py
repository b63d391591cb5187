"""Reads conversations of the ordinary shape without building elements: the same result, much faster.

A day's export is a million joins, leaves and messages that a program wrote, all alike. Those are matched
as text, and users, who repeat, are read once. What is in the least unusual goes to the ordinary reader:
one event if it stands alone as XML, or else the whole conversation.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from functools import lru_cache

from include.commsarchive.model import Event, Kind, Person
from include.commsarchive.sources.instant_bloomberg.conversation import (
    Conversation,
    event_reader,
    finish,
    is_leaf,
)
from include.commsarchive.sources.instant_bloomberg.events import (
    EventReader,
    kind_of_message,
    marks_of,
    unindent,
)
from include.commsarchive.sources.instant_bloomberg.files import Files
from include.commsarchive.sources.instant_bloomberg.people import read_person
from include.commsarchive.sources.instant_bloomberg.times import STATED, minute
from include.commsarchive.sources.xml_reading import read_strict

_S = r"[ \t\n]*"
_LINE = r"[ !#-%'-;=?-~]*"  # printable ASCII that needs no escape
_WORD = r"[!#-%'-;=?-~]+"
_LEGAL = bytes((0x09, 0x0A, *range(0x20, 0x100)))
_OPENED = f"<(Message|ParticipantEntered|ParticipantLeft)([^>]*)>{_S}<User>"
_ATTRIBUTES = re.compile(f'(?: InteractionType ?= ?"({_LINE})")?(?: DeviceType ?= ?"({_LINE})")?')
_HEAD = re.compile(
    f'<Conversation(?: Perspective="({_LINE})")?(?: RoomType="({_LINE})")?>{_S}<RoomID>({_WORD})</RoomID>{_S}'
    f"<StartTime>({_LINE})</StartTime>{_S}<StartTimeUTC>({_LINE})</StartTimeUTC>"
)
_TAIL = re.compile(
    f"(?:{_S}<EndTime>({_LINE})</EndTime>{_S}<EndTimeUTC>({_LINE})</EndTimeUTC>)?{_S}</Conversation>{_S}"
)
_STATED = ("Perspective", "RoomType", "RoomID", "StartTime", "StartTimeUTC", "EndTime", "EndTimeUTC")
_FIRST = re.compile(_S + _OPENED)
_REST = re.compile(
    f"{_S}<DateTime>{STATED}</DateTime>{_S}"
    f"<DateTimeUTC>([0-9]{{1,10}})</DateTimeUTC>{_S}"
    f"(?:<Content>([^<]*)</Content>{_S})?<ConversationID>({_WORD})</ConversationID>{_S}</([A-Za-z]+)>"
    f"(?:{_S}{_OPENED})?"
)
"""From the end of an event's user to the start of the next event's."""
_USER_END = "</User>"
_TELLING = 64
"""So many characters of a user tell it from others in the conversation, nearly always."""
_LONGEST_USER = 4096
_OTHER = re.compile(_S + r"<([A-Za-z]+)(?=[ \t\n>])")
_KINDS = {"ParticipantEntered": Kind.JOIN, "ParticipantLeft": Kind.LEAVE}
_LONE_AMPERSAND = re.compile("&(?!(?:amp|lt|gt|quot|apos);)")
_CHARACTERS = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))


def read_plain(raw: bytes, context: Mapping[str, str], files: Files) -> Conversation | None:
    """Read a conversation of the ordinary shape, or give None: then the ordinary reader must."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    legal = not raw.translate(None, _LEGAL) and "\ufffe" not in text and "\uffff" not in text
    head = _HEAD.match(text)
    if not head or not legal or "namespaces" in context:
        return None
    reader = event_reader(context, files, head[3])
    events: list[Event] = []
    at = _usual(text, head.end(), reader, events)
    while not (tail := _TAIL.fullmatch(text, at)):
        at = _unusual(text, at, reader, events)
        if at < 0:
            return None
        at = _usual(text, at, reader, events)
    stated = zip(_STATED, (*head.groups(""), *tail.groups("")), strict=True)
    lines = [(name, " ".join(line.split())) for name, line in stated]
    return finish(reader, events, [(name, line) for name, line in lines if line])


def _usual(text: str, at: int, reader: EventReader, events: list[Event]) -> int:
    """Read joins, leaves and messages from ``at`` on, up to where something else comes."""
    opened = _FIRST.match(text, at)
    if not opened:
        return at
    start, (tag, attributes) = opened.end(), opened.groups()
    known: dict[str, tuple[str, Person | None]] = {}
    home, message = reader.room, Kind.MESSAGE
    while tag:
        user = known.get(text[start : start + _TELLING])
        if user is None or not text.startswith(user[0], start):
            block = text[start : text.find(_USER_END, start) + len(_USER_END)]
            user = known[block[:_TELLING]] = (block, _person(block) if len(block) < _LONGEST_USER else None)
        block, who = user
        rest = _REST.match(text, start + len(block))
        marks = _marks(attributes)
        if rest is None or who is None or marks is None:
            break
        day, second, utc, said, room, closed, next_tag, next_attributes = rest.groups("")
        time, began = int(utc), minute(day)
        if began is None or began + int(second) != time or room != home or closed != tag:
            break
        if "&" in said or ">" in said or said[:1] == "\n":
            if "]]>" in said or _LONE_AMPERSAND.search(said):
                break
            said = _plain(said, indented=reader.indented)
        kind = _KINDS.get(tag) or (message if said[:1].isalnum() else kind_of_message(said))
        reader.last = time * 1000
        events.append(Event(kind, time * 1000, who, said, None, None, None, marks))
        tag, attributes = next_tag, next_attributes
        at, start = rest.end(6) + 1, rest.end()
    return at


def _unusual(text: str, at: int, reader: EventReader, events: list[Event]) -> int:
    """Read one event of another kind or shape, and give its end; -1 when it must be read in its place."""
    opened = _OTHER.match(text, at)
    if not opened or opened[1] == "Conversation":
        return -1
    close = f"</{opened[1]}>"
    end = text.find(close, opened.end()) + len(close)
    try:
        root = read_strict(text[opened.start(1) - 1 : end].encode(), "")
    except ET.ParseError:
        return -1
    if len(root) != 1 or root.text or root[0].tail or is_leaf(root[0]):
        return -1
    events.append(reader.read(root[0]))
    return end


def _plain(said: str, *, indented: bool) -> str:
    for entity, character in _CHARACTERS:
        said = said.replace(entity, character)
    return unindent(said) if indented and said.startswith("\n") else said


@lru_cache(maxsize=256)
def _marks(attributes: str) -> tuple[str, ...] | None:
    """Read an event's attributes as they stand in its tag; None where there are others."""
    found = _ATTRIBUTES.fullmatch(attributes)
    return marks_of(*found.groups("")) if found else None


@lru_cache(maxsize=8192)
def _person(block: str) -> Person | None:
    """Read a user from after its start tag on; None where it holds more than one person's fields."""
    try:
        root = read_strict(f"<User>{block}".encode(), "")
    except ET.ParseError:
        return None
    person, residue = read_person(root[0])
    return None if residue or len(root) != 1 or root[0].tail else person
