"""A chat as a source read it, and the items that it becomes: one for it all, or one for each thing said."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from include.commsarchive.errors import Quarantine
from include.commsarchive.ids import digest
from include.commsarchive.model import Event, Item, Kind, Person
from include.commsarchive.sources.base import Options

UNDATED = -1
"""The time of an event that states none; `dated` puts a better one in its place."""
NOT_STATED = "time not stated"
_SPEECH = frozenset({Kind.MESSAGE, Kind.EDIT, Kind.DELETE, Kind.DISCLAIMER, Kind.FILE, Kind.SYSTEM})
_NAMED = 3
_LONGEST_NAME = 60


@dataclass(slots=True)
class Deed:
    """An event, the source's own id of it, and the threads that it belongs to beside its room's."""

    event: Event
    native_id: str = ""
    threads: tuple[str, ...] = ()


@dataclass(slots=True)
class Chat:
    """What a source said of one conversation, or of one part of it.

    ``kind`` is how people call it (``Symphony room``), ``name`` what it is called, if anything. ``people``
    are everybody in it, each once; deeds name these very people. ``part`` counts from 1 where it was cut.
    """

    source: str
    kind: str
    room: str
    name: str
    people: tuple[Person, ...]
    deeds: list[Deed] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    part: int = 0


def stamp(at: int) -> str:
    """Give a time (ms) as marks show it: ``2024-03-13 20:05:30`` in UTC, with a fraction if it has one."""
    moment = dt.datetime.fromtimestamp(at // 1000, dt.UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}" + (f".{at % 1000:03}" if at % 1000 else "")


def items_of(chat: Chat, options: Options) -> Iterator[Item]:
    """Make the items of a chat.

    Raises:
        Quarantine: ``missing-from``, ``missing-date`` or ``missing-room-id``.
    """
    if not chat.people:
        raise Quarantine("missing-from", "no participant is named")
    if not _dated(chat.deeds):
        raise Quarantine("missing-date", "no event has a time")
    if not chat.room:
        raise Quarantine("missing-room-id", "nothing says which conversation it is")
    whole = _whole(chat)
    if options.per == "message":
        yield from _by_message(whole, chat)
    else:
        yield whole


def _dated(deeds: list[Deed]) -> bool:
    """Give undated events the time before theirs, or else the first there is; then sort by time, stably."""
    times = (deed.event.at for deed in deeds if deed.event.at != UNDATED)
    last = next(times, UNDATED)
    for deed in deeds:
        if deed.event.at == UNDATED:
            deed.event.at = last
            deed.event.marks += (NOT_STATED,)
        last = deed.event.at
    deeds.sort(key=lambda deed: deed.event.at)
    return last != UNDATED


def _whole(chat: Chat) -> Item:
    events = [deed.event for deed in chat.deeds]
    spoken = (event.who for event in events if event.kind is Kind.MESSAGE and event.who)
    sender = next(spoken, chat.people[0])
    return Item(
        source=chat.source,
        native_ids=(chat.room, str(events[0].at), *([f"part {chat.part}"] if chat.part else [])),
        thread=chat.room,
        subject=_subject(chat, sender),
        event_class="Conversation",
        at=events[0].at,
        sender=sender,
        to=_all_but(sender, chat.people),
        events=events,
        part=chat.part,
        marks=tuple(chat.marks),
        facts=tuple(chat.facts),
    )


def _subject(chat: Chat, sender: Person) -> str:
    """Say who talks where: ``Symphony room: A, B and 3 others (Rates), part 2``."""
    people = (sender, *(person for person in chat.people if person is not sender))
    names = [person.name[:_LONGEST_NAME] for person in people]
    more = len(names) - _NAMED
    who = ", ".join(names) if more <= 0 else f"{', '.join(names[: _NAMED - 1])} and {more + 1} others"
    suffix = f", part {chat.part}" if chat.part else ""
    return f"{chat.kind}: {who} ({chat.name or chat.room}){suffix}"


def _all_but(sender: Person, people: tuple[Person, ...]) -> tuple[Person, ...]:
    return tuple(person for person in people if person is not sender) or people


def _by_message(whole: Item, chat: Chat) -> Iterator[Item]:
    """Cut at everything said; joins, leaves and the like go with what is said next, or else last."""
    groups: list[list[Deed]] = [[]]
    for deed in chat.deeds:
        groups[-1].append(deed)
        if _is_said(deed.event):
            groups.append([])
    if len(groups) > 1:
        trailing = groups.pop()
        groups[-1] += trailing
    seen = Counter[tuple[str, ...]]()
    for deeds in groups:
        said = next((deed for deed in deeds if _is_said(deed.event)), deeds[0])
        ids = _ids_of(chat.room, said)
        seen[ids] += 1
        sender = said.event.who or chat.people[0]
        yield replace(
            whole,
            native_ids=(*ids, str(seen[ids])),
            event_class="Message",
            at=said.event.at,
            sender=sender,
            to=_all_but(sender, chat.people),
            events=[deed.event for deed in deeds],
            references=said.threads,
        )


def _is_said(event: Event) -> bool:
    return event.kind in _SPEECH or (event.kind is Kind.INVITE and bool(event.text))


def _ids_of(room: str, deed: Deed) -> tuple[str, ...]:
    event = deed.event
    who = event.who.key if event.who else ""
    file = event.attachment.native_id if event.attachment else ""
    return (room, str(event.at), event.kind.value, deed.native_id or digest(who, event.text, file), file)
