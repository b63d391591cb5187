"""The ``interaction`` elements of DIG as chats."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence

from include.commsarchive.model import Event, Kind
from include.commsarchive.sources.base import Stored
from include.commsarchive.sources.chat import UNDATED, Chat, Deed
from include.commsarchive.sources.dig.events import EventReader
from include.commsarchive.sources.dig.people import Roster
from include.commsarchive.sources.instant_bloomberg.elements import as_written, attributes_of, local
from include.commsarchive.sources.iso_times import iso
from include.commsarchive.sources.xml_chats import Shape
from include.commsarchive.sources.xml_grammar import Grammar
from include.commsarchive.sources.xml_usual import Row, Usual

_EVENTS = ("text-event", "file-event", "action-event", "policy-event")
_LISTS = tuple(f"{one}s" for one in _EVENTS)
_LEAVES = (
    *("time-frame", "communication-object-id", "parent-communication-object-id", "thread-object-id"),
    *("resource-location", "modality", "subject", "attributes", "participants", "postattributes"),
    *("coc-master-hash-value", "native-data-size"),
)
_WITHIN = (
    *(
        "start-time",
        "end-time",
        "channel",
        "network",
        "attribute",
        "participant",
        "network-info",
        "user-info",
    ),
    *(
        "endpoint-id",
        "display-name",
        "groups",
        "user-id",
        "user-type",
        "name",
        "first",
        "middle",
        "last",
        "initials",
    ),
    *("email-address", "affiliation", "geo-location", "phone-numbers", "secondary-addresses", "image"),
    *(
        "modification-time",
        "file-object",
        "file-object-id",
        "event-time",
        "participant-id",
        "url",
        "duration",
    ),
    *(
        "file-content",
        "text-object",
        "text-object-id",
        "system-flag",
        "text-object-style",
        "text-object-type",
    ),
    *(
        "text-object-sub-type",
        "file-event-ids",
        "file-event-id",
        "link-communication-object-id",
        "text-content",
    ),
)
SHAPE = Shape(
    "interaction", _EVENTS, _LISTS, frozenset({"interaction", *_EVENTS, *_LISTS, *_LEAVES, *_WITHIN})
)
GRAMMAR = Grammar("interaction", "transcript", (), _LEAVES, lambda _, context: dict(context), _LISTS)
_ROOMS = ("communication-object-id", "thread-object-id")
_VALID = frozenset({"", "valid"})


class Reader:
    """Makes chats of the records of a chunk."""

    def __init__(self, stored: Mapping[str, Stored], context: Mapping[str, str]) -> None:
        """Take what all records of a chunk share."""
        self._stored = stored
        self._context = context

    def chat(self, element: ET.Element, mended: Sequence[str], usual: Usual) -> Chat:
        """Make the chat of a record that had to be mended so, of which usual texts were taken out."""
        happened, listed = list[ET.Element | Row](), list[ET.Element]()
        facts = [
            (name, self._context.get(name, "")) for name in ("source-endpoint-id", "source-endpoint-version")
        ]
        facts += [
            (name.rpartition("}")[2], " ".join(value.split())) for name, value in element.attrib.items()
        ]
        _sort(element, usual, happened, listed, facts)
        roster = Roster(listed, usual, self._context["namespaces"])
        reader = EventReader(roster, self._stored)
        deeds = [reader.read(one) for one in happened]
        says = {name.lower(): value for name, value in reversed(facts) if value}
        _placed(deeds, says)
        network = says.get("network") or says.get("vendor") or "DIG"
        return Chat(
            "dig",
            f"{network} conversation",
            next((says[name] for name in _ROOMS if says.get(name)), ""),
            says.get("subject", ""),
            roster.people,
            deeds,
            [(name, value) for name, value in (*facts, *roster.facts) if value],
            list(_marks(says, mended)),
            int(self._context.get("part", 0)),
        )


def _placed(deeds: list[Deed], says: Mapping[str, str]) -> None:
    """Where no event has a time, the interaction's counts; where there is no event, that is said."""
    start = iso(says.get("start-time", ""))
    if start is None or any(deed.event.at != UNDATED for deed in deeds):
        return
    if deeds:
        deeds[0].event.at = start
        deeds[0].event.marks += ("time of the interaction",)
    else:
        deeds.append(Deed(Event(Kind.SYSTEM, start, marks=("the source lists no events",))))


def _marks(says: Mapping[str, str], mended: Sequence[str]) -> Iterator[str]:
    if mended:
        yield f"repaired: {'; '.join(mended)}"
    if says.get("historical-data-flag", "").lower() in {"true", "1"}:
        yield "historical data"
    if (state := says.get("data-state", "")).lower() not in _VALID:
        yield f"warning: the source says that its data are {state}"


def _sort(
    element: ET.Element,
    usual: Usual,
    happened: list[ET.Element | Row],
    listed: list[ET.Element],
    facts: list[tuple[str, str]],
) -> None:
    """Part events and participants from facts."""
    for child in element:
        name = local(child.tag)
        if child.tag == usual.tag:
            happened += usual.at(child)
        elif name in _LISTS:
            facts += [(name, attributes)] if (attributes := attributes_of(child)) else []
            _sort(child, usual, happened, listed, facts)
        elif name in _EVENTS or local(element.tag) in _LISTS:
            happened.append(child)
        elif name == "participants":
            listed.append(child)
        else:
            facts += _told(child)
    stray = [element.text, *(child.tail for child in element)]
    facts += [("text between events", " ".join(text.split())) for text in stray if text and text.strip()]


def _told(element: ET.Element) -> Iterator[tuple[str, str]]:
    """Tell what an element and those in it say, one line each; as written where text stands between them."""
    if any((one.tail or "").strip() for one in element.iter() if one is not element):
        yield element.tag.rpartition("}")[2], as_written(element)
        return
    for one in element.iter():
        name, text = one.tag.rpartition("}")[2], " ".join((one.text or "").split())
        said = {local(key): " ".join(value.split()) for key, value in one.attrib.items() if value.strip()}
        time = said.pop("timestamp", "")
        label = f"attribute {said.pop('name')}" if name == "attribute" and said.get("name") else name
        said.pop("content-type", "")
        if text or time:
            yield label, f"{text} {time}".strip()
        yield from said.items()
