"""Mail in Global Relay's style, as Mattermost writes it: a channel's day in HTML, as the chat that it was.

Financial formats, section 7c; the layout is that of the exporter's templates, old and new. What people
typed is escaped there, so a tag is always the exporter's. Where anything is not as it writes it, the mail
stays a mail, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from html import unescape

from include.commsarchive.ids import digest
from include.commsarchive.model import Attachment, Event, Item, Kind, Person
from include.commsarchive.sources.chat import stamp
from include.commsarchive.sources.iso_times import iso
from include.commsarchive.sources.mail.people import People
from include.commsarchive.sources.vantage.events import UPDATES

_ROW = re.compile(r"<tr>\s*((?:<td class=\"[a-z_]+\">[^<]*</td>\s*)+)</tr>")
_MESSAGE = re.compile(r"<li class=\"message\">\s*((?:<span class=\"[a-z_]+\">[^<]*</span>\s*)+)</li>")
_CELL = re.compile(r"<(?:td|span) class=\"([a-z_]+)\">([^<]*)</(?:td|span)>")
_FACT = re.compile(r"<li>\s*<span class=\"bold\">([^<]*)</span>([^<]*)</li>")
_TABLE = re.compile(
    r"<table class=\"participants\">\s*<tr>\s*(?:<th\b[^<>]*>[^<]*(?:<br>)?</th>\s*)+</tr>(.*?)</table>",
    re.DOTALL,
)
_LIST = re.compile(r"<div class=\"message-list\">\s*<ul>(.*?)</ul>\s*</div>", re.DOTALL)
_UPLOADED = "Uploaded file "
_PERSON_TYPES = frozenset({"", "user"})

_Told = Mapping[str, str]


class _Doubt(Exception):
    """It is not as the exporter writes it."""


def recognise(item: Item, page: str, people: People, files: list[Attachment]) -> list[Attachment]:
    """Make the chat of an item that is such a mail; any other stays as it is.

    ``page`` is its HTML. Give the files that nothing in the chat shares.
    """
    try:
        if not (_TABLE.search(page) or _LIST.search(page)):
            return files
        rows, messages = _all(_ROW, _TABLE, page), _all(_MESSAGE, _LIST, page)
        reader = _Reader(people, files)
        joins = [reader.presence(row, Kind.JOIN, "joined") for row in rows]
        said = [reader.said(message) for message in messages]
        leaves = [reader.presence(row, Kind.LEAVE, "left") for row in rows]
    except _Doubt:
        item.marks += ("warning: a chat that is not written as usual; it is kept as a mail",)
        return files
    (body,) = item.events
    told = {_line(label).rstrip(":"): _line(value) for label, value in _FACT.findall(page)}
    first = messages[0]
    item.native_ids = (
        "Global Relay",
        item.thread,
        told.get("Started", ""),
        first.get("post_id") or digest("message", *(first[name] for name in sorted(first))),
    )
    item.event_class = "Conversation"
    item.at = min(event.at for event in said)
    item.events = sorted((*joins, *said, *leaves), key=lambda event: event.at)
    item.events[0].residue = body.residue
    item.facts += tuple((label, value) for label, value in told.items() if value)
    reader.name_all(item)
    return reader.files


def _all(kind: re.Pattern[str], within: re.Pattern[str], page: str) -> list[dict[str, str]]:
    """Read all that stands in a part of the page; nothing may be left of it."""
    parts = within.findall(page)
    found = [dict(_CELL.findall(one)) for part in parts for one in kind.findall(part)]
    if len(parts) != 1 or not found or kind.sub("", parts[0]).strip():
        raise _Doubt
    return [{name: unescape(text) for name, text in one.items()} for one in found]


class _Reader:
    """Reads rows and messages; ``files`` are those that no message has shared so far."""

    def __init__(self, people: People, files: list[Attachment]) -> None:
        self._people = people
        self._known: dict[str, Person] = {}
        self._posts = set[str]()
        self.files = list(files)

    def presence(self, told: _Told, kind: Kind, when: str) -> Event:
        return Event(kind, _time(told.get(when, "")), self._person(told))

    def said(self, told: _Told) -> Event:
        """Read a message. What the exporter says for a file is that file, where the mail has it."""
        if "message" not in told:
            raise _Doubt
        event = Event(Kind.MESSAGE, _time(told.get("sent_time", "")), self._person(told), told["message"])
        post = told.get("post_id", "")
        if event.text.startswith(_UPLOADED):
            self._shared(event, event.text.removeprefix(_UPLOADED), surely=post in self._posts)
        self._posts |= {post} - {""}
        if name := told.get("postusername", "").strip():
            event.marks += (f"posted as {name}",)
        if preview := told.get("previews_post", "").strip():
            event.marks += (f"previews message {preview}",)
        self._updated(event, told)
        return event

    def _updated(self, event: Event, told: _Told) -> None:
        update = told.get("update_type", "").strip()
        if not update:
            return
        kind, remark = UPDATES.get(update.lower(), (event.kind, f"UpdateType {update}"))
        at = _time(told.get("update_time", ""))
        number, replaced_by = told.get("post_id", ""), told.get("edited_new_msg_id", "").strip()
        event.marks += (remark,) if remark else ()
        event.marks += (f"edited as {replaced_by}",) if replaced_by else ()
        event.marks += (f"message {number}",) if number else ()
        if kind is Kind.MESSAGE:
            event.marks += (f"updated {stamp(at)}",)
        else:
            event.kind, event.at, event.marks = kind, at, (f"said {stamp(event.at)}", *event.marks)

    def _shared(self, event: Event, name: str, *, surely: bool) -> None:
        """Find the file of a message that says so: people may type it, but not in a post said before."""
        found = next((file for file in self.files if file.name == name), None)
        if found:
            self.files.remove(found)
            event.kind, event.attachment = Kind.FILE, found
        elif surely:
            event.kind, event.attachment = Kind.FILE, Attachment(name, problem="missing")

    def _person(self, told: _Told) -> Person:
        name = told.get("username", "").strip().removeprefix("@")
        address = told.get("email", "").strip().removesuffix(":").removeprefix("(").removesuffix(")")
        if not (name or address):
            raise _Doubt
        person = self._people.person(name, address)
        ids = (("UserId", told.get("userid", "").strip()), ("UserType", told.get("usertype", "").strip()))
        more = tuple((label, value) for label, value in ids if value and value not in _PERSON_TYPES)
        known = self._known.get(person.key, person)
        shown = name if known.name in {"", known.address} else known.name
        self._known[person.key] = replace(
            known, name=shown or known.name, ids=tuple(dict.fromkeys((*known.ids, *more)))
        )
        return person

    def name_all(self, item: Item) -> None:
        """Let everybody in the item be who the chat says that they are; who is only in the chat is added."""

        def of(person: Person | None) -> Person | None:
            return None if person is None else self._known.get(person.key, person)

        def all_of(group: tuple[Person, ...]) -> tuple[Person, ...]:
            return tuple(self._known.get(one.key, one) for one in group)

        item.sender = of(item.sender)
        item.to, item.cc, item.bcc = all_of(item.to), all_of(item.cc), all_of(item.bcc)
        for event in item.events:
            event.who = of(event.who)
        addressed = {one.key for one in (item.sender, *item.to, *item.cc, *item.bcc) if one}
        item.others = tuple((role, self._known.get(one.key, one)) for role, one in item.others)
        item.others += tuple(("In the chat", one) for key, one in self._known.items() if key not in addressed)


def _time(text: str) -> int:
    at = iso(text.strip()) if text.strip() else None
    if at is None:
        raise _Doubt
    return at


def _line(text: str) -> str:
    return " ".join(unescape(text).split())
