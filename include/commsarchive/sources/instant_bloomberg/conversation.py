"""One conversation as it was read, before it is made an item."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter

from include.commsarchive.model import Event, Person
from include.commsarchive.sources.instant_bloomberg.elements import line_of, local
from include.commsarchive.sources.instant_bloomberg.events import KINDS, UNDATED, EventReader
from include.commsarchive.sources.instant_bloomberg.files import Files
from include.commsarchive.sources.instant_bloomberg.times import epoch

LEAVES = ("RoomID", "StartTime", "StartTimeUTC", "EndTime", "EndTimeUTC")
_NAMES = {name.lower(): name for name in (*LEAVES, "Perspective", "RoomType")}


@dataclass(slots=True)
class Conversation:
    """What one ``Conversation`` element said. Events are in time order.

    ``stated`` are its attributes and leaves that are not blank, as (name, text); ``others`` people who
    are named without having acted or been invited. Events are at `UNDATED` when nothing states a time.
    """

    room: str
    events: list[Event]
    stated: list[tuple[str, str]]
    others: list[Person] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)

    def says(self, name: str) -> str:
        """Give what an attribute or leaf says, ``""`` when it says nothing."""
        return next((text for label, text in self.stated if label == name), "")


def read_conversation(element: ET.Element, context: Mapping[str, str], files: Files) -> Conversation:
    """Read a conversation from its element; ``context`` is its chunk's."""
    stated = [(_name(name), " ".join(value.split())) for name, value in element.attrib.items()]
    happened = []
    for child in element:
        if is_leaf(child):
            stated.append((_name(child.tag), line_of(child)))
            stated += [(f"{_name(child.tag)} {name}", value) for name, value in child.attrib.items()]
        else:
            happened.append(child)
    stray = [element.text, *(child.tail for child in element)]
    stated += [("text between events", " ".join(text.split())) for text in stray if text]
    stated = [(name, text) for name, text in stated if text]
    room = next((text for name, text in stated if name == "RoomID"), "")
    reader = event_reader(context, files, room)
    events = [reader.read(child) for child in happened]
    return finish(reader, events, stated)


def event_reader(context: Mapping[str, str], files: Files, room: str) -> EventReader:
    """Begin to read the events of one conversation of a chunk."""
    return EventReader(files, room=room, indented="indented" in context, last=epoch(context.get("last", "")))


def finish(reader: EventReader, events: list[Event], stated: list[tuple[str, str]]) -> Conversation:
    """Put events in time order and say what was odd. One second holds many: they keep their order."""
    conversation = Conversation(reader.room, events, stated, reader.others)
    if events and events[0].at == UNDATED:
        first = next((event.at for event in events if event.at != UNDATED), None)
        start = epoch(conversation.says("StartTimeUTC")) if first is None else first
        for event in events:
            if event.at == UNDATED and start is not None:
                event.at = start
    events.sort(key=attrgetter("at"))
    if reader.disagreeing:
        conversation.marks.append(
            f"warning: DateTime disagrees with DateTimeUTC (events: {reader.disagreeing})"
        )
    if reader.undated:
        conversation.marks.append(f"warning: no DateTimeUTC that can be read (events: {reader.undated})")
    return conversation


def is_leaf(child: ET.Element) -> bool:
    """Tell a leaf of the conversation, also one that we do not know, from an event."""
    tag = local(child.tag)
    return tag in _NAMES or (tag not in KINDS and not len(child) and not child.attrib)


def _name(name: str) -> str:
    return _NAMES.get(local(name), name.rpartition("}")[2])
