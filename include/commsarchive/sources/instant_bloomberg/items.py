"""Conversations as items: one for each, or one for each thing said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from include.commsarchive.errors import Quarantine
from include.commsarchive.ids import digest
from include.commsarchive.model import Event, Item, Kind, Person
from include.commsarchive.sources.base import Options
from include.commsarchive.sources.instant_bloomberg.conversation import Conversation
from include.commsarchive.sources.instant_bloomberg.events import UNDATED
from include.commsarchive.sources.instant_bloomberg.people import unify

NAME = "instant_bloomberg"
_SPEECH = frozenset({Kind.MESSAGE, Kind.DISCLAIMER, Kind.FILE, Kind.SYSTEM})
_NAMED = 3
_LONGEST_NAME = 60


def items_of(conversation: Conversation, context: Mapping[str, str], options: Options) -> Iterator[Item]:
    """Make the items of a conversation, or of the part of one that a chunk holds.

    Raises:
        Quarantine: ``missing-from``, ``missing-date`` or ``missing-room-id``.
    """
    people = _roster(conversation)
    if not people:
        raise Quarantine("missing-from", "no participant is named")
    if not conversation.events or conversation.events[0].at == UNDATED:
        raise Quarantine("missing-date", "no event has a time")
    if not conversation.room:
        raise Quarantine("missing-room-id", "neither RoomID nor ConversationID is stated")
    whole = _whole(conversation, people, context)
    if options.per == "message":
        yield from _by_message(whole, people)
    else:
        yield whole


def _roster(conversation: Conversation) -> tuple[Person, ...]:
    """List everybody in the conversation, each once, in order of appearance; events then say the same."""
    seen: dict[int, Person] = {}
    for event in conversation.events:
        if event.who is not None:
            seen[id(event.who)] = event.who
        if event.other is not None:
            seen[id(event.other)] = event.other
    seen |= {id(person): person for person in conversation.others}
    same = unify(seen.values())
    if any(same[key] is not person for key, person in seen.items()):
        for event in conversation.events:
            event.who = event.who and same[id(event.who)]
            event.other = event.other and same[id(event.other)]
    return tuple({person.key: person for person in same.values()}.values())


def _whole(conversation: Conversation, people: tuple[Person, ...], context: Mapping[str, str]) -> Item:
    events, part = conversation.events, int(context.get("part", 0))
    spoken = (event.who for event in events if event.kind is Kind.MESSAGE and event.who is not None)
    sender = next(spoken, people[0])
    perspective = conversation.says("Perspective")
    native_ids = [conversation.room, str(events[0].at // 1000)]
    native_ids += [f"perspective {perspective}"] if perspective else []
    native_ids += [f"part {part}"] if part else []
    version = context.get("version", "")
    return Item(
        source=NAME,
        native_ids=tuple(native_ids),
        thread=conversation.room,
        subject=_subject(conversation, sender, people, part),
        event_class="Conversation",
        at=events[0].at,
        sender=sender,
        to=_all_but(sender, people),
        events=events,
        part=part,
        marks=tuple(conversation.marks),
        facts=((("Version", version),) if version else ()) + tuple(conversation.stated),
    )


def _subject(conversation: Conversation, sender: Person, people: tuple[Person, ...], part: int) -> str:
    """Say who talks where: ``Instant Bloomberg chat: A, B and 3 others (PCHAT-0x10), part 2``."""
    names = [person.name[:_LONGEST_NAME] for person in (sender, *_all_but(sender, people)[: len(people) - 1])]
    more = len(names) - _NAMED
    who = ", ".join(names) if more <= 0 else f"{', '.join(names[: _NAMED - 1])} and {more + 1} others"
    where = "room" if conversation.says("RoomType").upper() == "P" else "chat"
    suffix = f", part {part}" if part else ""
    return f"Instant Bloomberg {where}: {who} ({conversation.room}){suffix}"


def _all_but(sender: Person, people: tuple[Person, ...]) -> tuple[Person, ...]:
    return tuple(person for person in people if person is not sender) or people


def _by_message(whole: Item, people: tuple[Person, ...]) -> Iterator[Item]:
    """Cut at everything said; joins, leaves and the like go with what is said next, or else last."""
    groups: list[list[Event]] = [[]]
    for event in whole.events:
        groups[-1].append(event)
        if _is_said(event):
            groups.append([])
    if len(groups) > 1:
        trailing = groups.pop()
        groups[-1] += trailing
    seen = Counter[tuple[str, ...]]()
    for events in groups:
        said = next((event for event in events if _is_said(event)), events[0])
        ids = _ids_of(whole, said)
        seen[ids] += 1
        sender = said.who or people[0]
        yield replace(
            whole,
            native_ids=(*ids, str(seen[ids])),
            event_class="Message",
            at=said.at,
            sender=sender,
            to=_all_but(sender, people),
            events=events,
        )


def _is_said(event: Event) -> bool:
    return event.kind in _SPEECH or (event.kind is Kind.INVITE and bool(event.text))


def _ids_of(whole: Item, event: Event) -> tuple[str, ...]:
    """Name what was said by what it is (financial formats, section 1.4)."""
    logins = [value for label, value in event.who.ids if label == "LoginName"] if event.who else []
    who = logins[0].casefold() if logins else event.who.key if event.who else ""
    invitee = event.other.key if event.other else ""
    what = event.attachment.native_id if event.attachment else digest(event.text, invitee)
    return (whole.thread, str(event.at // 1000), who, event.kind.value, what, *whole.native_ids[2:])
