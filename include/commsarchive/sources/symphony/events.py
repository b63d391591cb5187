"""What happened, as events: messages with their files and disclaimers, edits, deletions, rooms and people."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache

from include.commsarchive.model import Event, Kind, Person
from include.commsarchive.sources.chat import UNDATED, Deed, stamp
from include.commsarchive.sources.symphony.fields import odd_fields
from include.commsarchive.sources.symphony.files import Files
from include.commsarchive.sources.symphony.ids import same
from include.commsarchive.sources.symphony.messageml import text_of
from include.commsarchive.sources.symphony.people import Directory
from include.commsarchive.sources.symphony.records import Happened, Json, filled, obj, objs, text, time_of
from include.commsarchive.sources.symphony.usual import Told, Usual

_OF_BODY = frozenset({"message", "sharedMessage", "stream"})
_NO_DATA = frozenset({"{}", "null"})
_TELEPHONES = ("ios", "iphone", "ipad", "android", "mobile")
_NOTES = {
    "INSTANTMESSAGECREATED": "chat created",
    "ROOMCREATED": "room created",
    "ROOMUPDATED": "room changed",
    "ROOMDEACTIVATED": "room deactivated",
    "ROOMREACTIVATED": "room reactivated",
    "USERREQUESTEDTOJOINROOM": "asks to join the room",
    "ROOMMEMBERPROMOTEDTOOWNER": "made {} an owner of the room",
    "ROOMMEMBERDEMOTEDFROMOWNER": "{} is no owner of the room any more",
    "CONNECTIONREQUESTED": "asks {} to connect",
    "CONNECTIONACCEPTED": "is connected with {}",
}


class EventReader:
    """Reads what happened in one conversation; messages may refer to each other in any order."""

    def __init__(self, people: Directory, files: Files, room: str, all_of_it: list[Told]) -> None:
        """Take everybody, the bundle's files, and all that happened."""
        self._directory = people
        self._people = people.people
        self._files = files
        self._room = room
        self._disclaimed: set[tuple[str, str]] = set()
        self._said = {one.native_id: one for one in all_of_it if one.type in {"MESSAGESENT", "SHAREDPOST"}}

    def read(self, one: Told) -> list[Deed]:
        """Read one thing that happened: a message with files and a disclaimer is several events."""
        if isinstance(one, Usual):
            return self._usual(one)
        event = Event(Kind.SYSTEM, UNDATED if one.at is None else one.at, self._person(one.who))
        readers: dict[str, Callable[[Event, Happened], list[Deed]]] = {
            "MESSAGESENT": self._message,
            "SHAREDPOST": self._message,
            "MESSAGESUPPRESSED": self._suppressed,
            "USERJOINEDROOM": self._moved,
            "USERLEFTROOM": self._moved,
            "SYMPHONYELEMENTSACTION": self._form,
        }
        return readers.get(one.type, self._note)(event, one)

    def _usual(self, one: Usual) -> list[Deed]:
        said, who = one.message, self._people.get(one.user.name)
        event = Event(Kind.MESSAGE, one.at, who, text_of(said.message))
        event.marks = _how(said.silent is True, said.user_agent or "")
        if said.data and said.data.strip() not in _NO_DATA:
            event.residue = _residue({"data": said.data})
        events = [event, *self._disclaimer(event, said.disclaimer)] if said.disclaimer else [event]
        if self._said[one.native_id] is not one:
            return [self._deed(each, one) for each in events]
        threads = (f"{self._room} message {one.native_id}",)
        return [Deed(each, one.native_id, threads) for each in events]

    def _person(self, user: object) -> Person | None:
        return self._directory.person(obj(user))

    def _deed(self, event: Event, one: Told, message_id: str = "") -> Deed:
        """Tie an event to the thread of messages that it, or the message that it is about, is part of."""
        message_id = message_id or one.native_id
        about = self._said.get(message_id)
        message = obj(about.body.get("message")) if about else {}
        root = same(text(message.get("parentMessageId") or message.get("initialMessageId"))) or message_id
        return Deed(event, one.native_id, (f"{self._room} message {root}",) if root else ())

    def _message(self, event: Event, one: Happened) -> list[Deed]:
        message = obj(one.body.get("message"))
        event.kind = Kind.EDIT if message.get("replacing") else Kind.MESSAGE
        event.text = text_of(text(message.get("message")))
        event.marks = tuple(self._marks(one, message))
        shared = obj(message.get("sharedMessage")) or obj(one.body.get("sharedMessage"))
        if shared:
            event.text = f"{event.text}\n\n{self._shared(shared)}".strip("\n")
        rest = (
            odd_fields(message) | {key: one.body[key] for key in one.body if key not in _OF_BODY} | one.left
        )
        if text(rest.get("data")).strip() in _NO_DATA:
            del rest["data"]
        event.residue = _residue(rest)
        shown = [
            Event(Kind.FILE, event.at, event.who, attachment=self._files.attachment(one.native_id, file))
            for file in objs(message.get("attachments"))
        ]
        events = [event, *shown] if event.text or not shown or event.residue else shown
        if shown and events[0] is not event:
            shown[0].marks = event.marks
        events += self._disclaimer(event, text(message.get("disclaimer")))
        return [self._deed(each, one) for each in events]

    def _marks(self, one: Happened, message: Json) -> list[str]:
        marks = [one.left.pop("page")] if "page" in one.left else []
        if replacing := text(message.get("replacing")):
            first = time_of(message.get("initialTimestamp"))
            marks.append(
                f"replaces {self._which(replacing)}" + (f", first said {stamp(first)}" if first else "")
            )
        if replaced_by := text(message.get("replacedBy")):
            marks.append(f"edited later: {self._which(replaced_by)}")
        if parent := text(message.get("parentMessageId")):
            marks.append(f"reply to {self._which(parent)}")
        return [*marks, *_how(bool(message.get("silent")), text(message.get("userAgent")))]

    def _which(self, message_id: str) -> str:
        """Say which message is meant: by whom and when where it is known, else by its id."""
        known = self._said.get(same(message_id))
        if known is None or known.at is None:
            return f"message {same(message_id)}"
        who = self._person(known.who)
        return f"{who.name if who else 'message'} {stamp(known.at)}"

    def _shared(self, shared: Json) -> str:
        who, at = self._person_or_name(obj(shared.get("user"))), time_of(shared.get("timestamp"))
        when = f", {stamp(at)} UTC" if at is not None else ""
        files = [f"[file: {text(file.get('name'))}]" for file in objs(shared.get("attachments"))]
        said = "\n".join(filter(None, (text_of(text(shared.get("message"))), *files)))
        return f"--- shared message of {who}{when} ---\n{said}"

    def _person_or_name(self, user: Json) -> str:
        person = self._person(user)
        told = (user.get(name) for name in ("displayName", "username", "email", "userId"))
        return person.name if person else next(filter(None, map(text, told)), "somebody")

    def _disclaimer(self, event: Event, markup: str) -> list[Event]:
        """Show a disclaimer once for each person; later ones are said to be the same."""
        words = text_of(markup)
        key = (event.who.key if event.who else "", words)
        if not words.strip():
            return []
        if key in self._disclaimed:
            event.marks += ("disclaimer as above",)
            return []
        self._disclaimed.add(key)
        return [Event(Kind.DISCLAIMER, event.at, event.who, words)]

    def _suppressed(self, event: Event, one: Happened) -> list[Deed]:
        event.kind = Kind.DELETE
        event.marks = (self._which(one.native_id),)
        event.residue = self._rest(one, "messageId")
        return [self._deed(event, one)]

    def _moved(self, event: Event, one: Happened) -> list[Deed]:
        """Somebody came or went; who brought or removed them is a mark."""
        by, event.who = event.who, self._person(one.body.get("affectedUser")) or event.who
        event.kind = Kind.JOIN if one.type == "USERJOINEDROOM" else Kind.LEAVE
        if by is not None and by is not event.who:
            event.marks = (f"{'added' if event.kind is Kind.JOIN else 'removed'} by {by.name}",)
        event.residue = self._rest(one, "affectedUser")
        return [self._deed(event, one)]

    def _form(self, event: Event, one: Happened) -> list[Deed]:
        """Somebody filled in a form: what they entered is what they said."""
        event.kind = Kind.MESSAGE
        values = obj(one.body.get("formValues"))
        event.text = "\n".join(f"{name}: {_value(value)}" for name, value in values.items())
        form = text(one.body.get("formMessageId"))
        event.marks = (
            f"form {text(one.body.get('formId'))}".strip(),
            *([f"reply to {self._which(form)}"] if form else []),
        )
        event.residue = self._rest(one, "formValues", "formId", "formMessageId")
        return [self._deed(event, one, same(form))]

    def _note(self, event: Event, one: Happened) -> list[Deed]:
        """Anything else is a note; what is not known of it is kept as it was."""
        other = self._person(
            one.body.get("affectedUser") or one.body.get("toUser") or one.body.get("fromUser")
        )
        note = _NOTES.get(one.type, "").format(other.name if other else "somebody")
        properties = obj(one.body.get("roomProperties")) or obj(one.body.get("newRoomProperties")) or one.left
        name = text(properties.get("newName") or properties.get("name"))
        event.text = note or text(one.body.get("eventType")) or one.type.lower()
        event.text += f": {name}" if name else ""
        event.residue = self._rest(one, "affectedUser", "toUser", "fromUser")
        return [self._deed(event, one)]

    def _rest(self, one: Happened, *read: str) -> str:
        rest = {key: value for key, value in one.body.items() if key not in {*read, "stream"}}
        return _residue(rest | one.left)


@lru_cache(maxsize=1024)
def _how(silent: bool, user_agent: str) -> tuple[str, ...]:
    """Say how a message was sent."""
    mobile = any(word in user_agent.lower() for word in _TELEPHONES)
    return (*(["silent"] if silent else []), *(["mobile"] if mobile else []))


def _value(value: object) -> str:
    return text(value) or json.dumps(value, ensure_ascii=False)


def _residue(rest: Json) -> str:
    rest = filled(rest)
    return json.dumps(rest, ensure_ascii=False, sort_keys=True) if rest else ""
