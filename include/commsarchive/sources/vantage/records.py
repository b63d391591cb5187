"""The ``Conversation`` elements of Vantage as chats."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from contextlib import suppress

from include.commsarchive.errors import Quarantine
from include.commsarchive.sources.chat import Chat
from include.commsarchive.sources.instant_bloomberg.elements import line_of, local
from include.commsarchive.sources.shared_files import SharedFiles
from include.commsarchive.sources.vantage.events import KINDS, EventReader, people_in
from include.commsarchive.sources.vantage.people import Directory
from include.commsarchive.sources.xml_chats import Shape, elements_of
from include.commsarchive.sources.xml_grammar import Grammar
from include.commsarchive.sources.xml_usual import Row, Usual

_RECORD = "conversation"
_LEAVES = (
    *("RoomID", "StartTimeUTC", "EndTimeUTC", "CallInitiator", "CallType"),
    *("Vendor", "Network", "Channel", "StartTime", "EndTime"),
)
_FIELDS = (
    *("LoginName", "InviterLoginName", "UserType", "InternalFlag", "CorporateEmailID", "ConversationID"),
    *("CorporateEmailAddress", "DateTimeUTC", "Content", "Base64Content", "MessageId", "UpdatedType"),
    *("UpdatedDateTimeUTC", "EditedNewMsgId", "PreviewsPost", "UserFileName", "FileName", "Status"),
)
SHAPE = Shape(
    _RECORD, tuple(KINDS), (), frozenset(name.lower() for name in (_RECORD, *_LEAVES, *KINDS, *_FIELDS))
)


def carry(raw: bytes, context: Mapping[str, str]) -> dict[str, str]:
    """Add to a part's context the people that it names: in later parts they are only logins."""
    people = Directory()
    people.remember(context.get("people", ""))
    with suppress(ET.ParseError, Quarantine):
        for element in elements_of(raw, context.get("namespaces", ""), SHAPE)[0]:
            for said in people_in(element):
                people.learn(said)
    return {**context, "people": people.told()}


GRAMMAR = Grammar(record="Conversation", root="FileDump", beside=("NextFile",), leaves=_LEAVES, carry=carry)


class Reader:
    """Makes chats for a source: it goes by this name, and its chats by this title."""

    def __init__(self, source: str, title: str, files: SharedFiles, context: Mapping[str, str]) -> None:
        """Take what all records of a chunk share."""
        self._source = source
        self._title = title
        self._files = files
        self._context = context

    def chat(self, element: ET.Element, mended: Sequence[str], usual: Usual) -> Chat:
        """Make the chat of a record that had to be mended so, of which usual events were taken out."""
        facts = [(name.rpartition("}")[2], " ".join(value.split())) for name, value in element.attrib.items()]
        happened, stray = list[ET.Element | Row](), [element.text]
        for child in element:
            stray.append(child.tail)
            if child.tag == usual.tag:
                happened += usual.at(child)
            elif len(child) or local(child.tag) in KINDS:
                happened.append(child)
            else:
                facts.append((child.tag.rpartition("}")[2], line_of(child)))
                facts += [(f"{child.tag} {name}", value) for name, value in child.attrib.items()]
        facts += [
            ("text between events", " ".join(text.split())) for text in stray if text and not text.isspace()
        ]
        says = {name.lower(): value for name, value in reversed(facts) if value}
        people = Directory()
        people.remember(self._context.get("people", ""))
        for said in people_in(happened):
            people.learn(said)
        room = says.get("roomid", "")
        reader = EventReader(people, self._files, room)
        deeds = [deed for event in happened if (deed := reader.read(event))]
        return Chat(
            self._source,
            self._title,
            room,
            says.get("perspective", ""),
            people.people,
            deeds,
            [(name, value) for name, value in facts if value],
            [f"repaired: {'; '.join(mended)}"] if mended else [],
            int(self._context.get("part", 0)),
        )
