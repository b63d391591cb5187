"""The ``Conversation`` elements of Persistent Chat as chats."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from include.commsarchive.errors import Quarantine
from include.commsarchive.sources.chat import Chat
from include.commsarchive.sources.instant_bloomberg.elements import as_written, local
from include.commsarchive.sources.persistent_chat.events import SENDER, STATED, TAG, EventReader, element_of
from include.commsarchive.sources.persistent_chat.people import Directory, Said, said_in, said_of
from include.commsarchive.sources.shared_files import SharedFiles
from include.commsarchive.sources.xml_chats import Shape, elements_of
from include.commsarchive.sources.xml_grammar import Grammar
from include.commsarchive.sources.xml_usual import Row, Usual

_LEAVES = ("Channel", "StartTimeUTC", "EndTimeUTC")
_MESSAGES = ("message", "firstmessage")
_FIRST = "FirstMessage"
_LISTS = ("messages",)
_WITHIN = ("sender", "datetimeutc")
SHAPE = Shape(
    "conversation",
    _MESSAGES,
    _LISTS,
    frozenset({"conversation", *(one.lower() for one in _LEAVES), *_MESSAGES, *_LISTS, *_WITHIN}),
)


def carry(raw: bytes, context: Mapping[str, str]) -> dict[str, str]:
    """Add to a part's context the people that it names: they are in the later parts, too."""
    people = Directory()
    people.remember(context.get("people", ""))
    with suppress(ET.ParseError, Quarantine):
        for conversation in elements_of(raw, context.get("namespaces", ""), SHAPE)[0]:
            for message in conversation.iter():
                if local(message.tag) in _MESSAGES:
                    people.learn(_said(message))
    return {**context, "people": people.told()}


GRAMMAR = Grammar("Conversation", "Conversations", (), _LEAVES, carry, _LISTS)


class Reader:
    """Makes chats of the records of a chunk."""

    def __init__(self, files: SharedFiles, context: Mapping[str, str]) -> None:
        """Take what all records of a chunk share."""
        self._files = files
        self._context = context

    def chat(self, element: ET.Element, mended: Sequence[str], usual: Usual) -> Chat:
        """Make the chat of a record that had to be mended so, of which usual messages were taken out."""
        facts, messages = list(_named("Conversation", element.attrib)), list[ET.Element | Row]()
        _sort(element, usual, messages, facts)
        people = Directory()
        people.remember(self._context.get("people", ""))
        for said in _said_in(messages):
            people.learn(said)
        reader = EventReader(people, self._files)
        channel = {name.lower(): value for name, value in reversed(facts)}
        return Chat(
            "persistent_chat",
            "Persistent Chat",
            channel.get("channel uri", ""),
            channel.get("channel name", ""),
            people.people,
            [reader.read(message) for message in messages],
            [(name, value) for name, value in facts if value],
            [f"repaired: {'; '.join(mended)}"] if mended else [],
            int(self._context.get("part", 0)),
        )


def _sort(
    element: ET.Element, usual: Usual, messages: list[ET.Element | Row], facts: list[tuple[str, str]]
) -> None:
    """Part messages from facts. ``FirstMessage`` counts unless the list holds it, too."""
    first: ET.Element | Row | None = None
    for child in element:
        name = local(child.tag)
        if child.tag == usual.tag:
            rows = usual.at(child)
            messages += rows
            first = next((row for row in reversed(rows) if row[TAG] == _FIRST), first)
        elif name in _LISTS:
            facts += _named(child.tag, child.attrib)
            _sort(child, usual, messages, facts)
        elif name == "message":
            messages.append(child)
        elif name == "firstmessage":
            first = child
            messages.append(child)
        elif len(child) or (child.text or "").strip():
            facts.append((_plain(child.tag), as_written(child)))
        else:
            facts += _named(child.tag, child.attrib)
    if first is not None and any(one is not first and _same(one, first) for one in messages):
        messages[:] = [one for one in messages if one is not first]
    stray = [element.text, *(child.tail for child in element)]
    facts += [("text between messages", " ".join(text.split())) for text in stray if text and text.strip()]


def _same(one: ET.Element | Row, other: ET.Element | Row) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple) and one[STATED] != other[STATED]:
        return False
    this, that = element_of(one), element_of(other)
    return this.items() == that.items() and _content(this) == _content(that)


def _content(message: ET.Element) -> list[object]:
    return [
        (local(one.tag) if one is not message else "", one.attrib, (one.text or "").strip())
        for one in message.iter()
    ]


def _said_in(messages: Iterable[ET.Element | Row]) -> Iterator[Said]:
    """Give what messages say of their senders; usual ones that say the same count once."""
    known = set[str]()
    for one in messages:
        if not isinstance(one, tuple):
            yield _said(one)
        elif (sender := one[SENDER]) not in known:
            known.add(sender)
            yield said_in(sender)


def _said(message: ET.Element) -> Said:
    return said_of(next((child for child in message if local(child.tag) == "sender"), None))


def _named(tag: str, attributes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in attributes.items():
        yield f"{_plain(tag)} {_plain(name)}", " ".join(value.split())


def _plain(tag: str) -> str:
    return tag.rpartition("}")[2]
