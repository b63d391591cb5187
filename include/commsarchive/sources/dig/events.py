"""Events of an interaction: what was written, shared and done (financial formats, section 7b)."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from include.commsarchive.model import Attachment, Event, Kind, Person
from include.commsarchive.sources.base import Stored
from include.commsarchive.sources.chat import UNDATED, Deed, stamp
from include.commsarchive.sources.dig.enclosed import bytes_of, name_of
from include.commsarchive.sources.dig.people import Roster
from include.commsarchive.sources.dig.recognise import NAMESPACE
from include.commsarchive.sources.instant_bloomberg.elements import Children, as_written, line_of, local
from include.commsarchive.sources.iso_times import iso
from include.commsarchive.sources.shared_files import SharedFiles
from include.commsarchive.sources.symphony.messageml import text_of as text_of_markup
from include.commsarchive.sources.xml_usual import (
    CDATA,
    SPACE,
    VALUE,
    Row,
    UnusualError,
    content_of,
    leaf,
    unescaped,
    unescaped_value,
    usual_element,
)

STYLES = {
    "normal message": Kind.MESSAGE,
    "disclaimer message": Kind.DISCLAIMER,
    "notice message": Kind.SYSTEM,
    "warning message": Kind.SYSTEM,
    "file transfer message": Kind.SYSTEM,
    "admin action message": Kind.SYSTEM,
    "participant join message": Kind.JOIN,
    "participant leave message": Kind.LEAVE,
}
_UNMARKED = frozenset(
    {"normal message", "disclaimer message", "participant join message", "participant leave message"}
)
_ACTIONS = {"update": Kind.EDIT, "delete": Kind.DELETE}
_FILE_TYPES = frozenset({"", "attachment"})
_YES = frozenset({"true", "1"})
_TEXTS = frozenset({"", "text/plain", "text/html"})
_PLAIN = ("text-object-id", "system-flag", "text-object-style", "text-object-type")
_TYPES = frozenset({"", "Message"})
_NO = frozenset({"", "false"})
"""What the usual text says, to the letter; all else is read with care."""


@lru_cache(maxsize=64)
def usual(namespaces: str) -> re.Pattern[str]:
    """Match a participant, or a text that says nothing but who, when and what: all of one declared prefix."""
    declared = [found[1] for found in NAMESPACE.finditer(namespaces) if found[1]]
    prefix = f"({''.join(f'{re.escape(one)}:|' for one in declared)})"
    plain = "".join(leaf(r"\3" + name) for name in _PLAIN)
    return re.compile(
        rf"<{prefix}participant( (?:[^<]*+<(?!/?\1participant[ >]))*+[^<]*+)</\1participant>{SPACE}|"
        rf'<{prefix}text-event(?: text-event-id={VALUE})?+(?: action="create")?+(?: history-flag="false")?+>'
        rf"{SPACE}<\3text-object>{SPACE}{plain}<\3event-time timestamp={VALUE}{SPACE}/>{SPACE}"
        rf"<\3participant-id>([^<]*+)</\3participant-id>{SPACE}"
        rf"<\3text-content((?: [^>]*+)?+)>({CDATA}|[^<]*+)</\3text-content>{SPACE}"
        rf"</\3text-object>{SPACE}</\3text-event>{SPACE}"
    )


class EventReader:
    """Reads the events of one interaction in document order."""

    def __init__(self, roster: Roster, stored: Mapping[str, Stored]) -> None:
        """Begin; ``stored`` are the bundle's attachments."""
        self._roster = roster
        self._files = SharedFiles(stored)
        self._blobs = {one.blob for one in stored.values()}
        self._written: dict[str, tuple[Person | None, int]] = {}
        """What was written, by its object's id: by whom and when."""
        self._shared: dict[str, Event] = {}

    def read(self, event: ET.Element | Row) -> Deed:
        """Read one event."""
        if isinstance(event, tuple):
            return self._usual(event)
        said = {local(name): value for name, value in reversed(event.attrib.items())}
        readers = {"text-event": self._text_event, "file-event": self._file_event}
        return readers.get(local(event.tag), self._other)(event, said)

    def _usual(self, event: Row) -> Deed:
        """Read a text of a listed participant."""
        _, participant, _, number, own, system, style, kind, time, who_id, form, content = event
        who, when, media_type = self._roster.person(_line(who_id)), iso(time), _media_type(form)
        if participant or who is None or when is None or media_type not in _TEXTS:
            raise UnusualError
        if style not in _UNMARKED or kind not in _TYPES or system not in _NO:
            raise UnusualError
        own = _line(own)
        if own:
            self._written[own] = who, when
        text = _written(content_of(content), media_type)
        return Deed(Event(STYLES[style], when, who, text), own or unescaped_value(number))

    def _text_event(self, element: ET.Element, said: dict[str, str]) -> Deed:
        event, outer, number = Event(Kind.MESSAGE, UNDATED), Children(element), said.pop("text-event-id", "")
        inner = Children(_taken(outer, "text-object"))
        own, parent = inner.line("text-object-id"), _parent(inner)
        style, system = inner.line("text-object-style").lower(), inner.line("system-flag").lower() in _YES
        event.kind = STYLES.get(style, Kind.MESSAGE)
        if system and event.kind is Kind.MESSAGE:
            event.kind = Kind.SYSTEM
        event.marks += (style,) if style and style not in _UNMARKED else ()
        for name in ("text-object-type", "text-object-sub-type"):
            value = inner.line(name)
            event.marks += (value,) if value.lower() not in (style or "message") else ()
        self._who_and_when(event, inner)
        self._action(event, said, own, parent)
        _content(event, inner)
        for word, name in (("url", "url"), ("link to", "link-communication-object-id")):
            value = inner.line(name)
            event.marks += (f"{word} {value}",) if value else ()
        self._with_files(event, inner.take("file-event-ids"))
        if own and event.kind is not Kind.DELETE:
            self._written[own] = event.who, event.at
        _keep(event, said, outer, inner)
        return Deed(event, own or number)

    def _file_event(self, element: ET.Element, said: dict[str, str]) -> Deed:
        event, outer, number = Event(Kind.FILE, UNDATED), Children(element), said.pop("file-event-id", "")
        kind = said.pop("file-event-type", "").strip()
        inner = Children(_taken(outer, "file-object"))
        own, parent = inner.line("file-object-id"), _parent(inner)
        event.marks += (kind,) if kind.lower() not in _FILE_TYPES else ()
        self._who_and_when(event, inner)
        self._action(event, said, own, parent)
        for name in ("url", "duration"):
            value = inner.line(name)
            event.marks += (f"{name} {value}",) if value else ()
        event.attachment, odd = self._attachment(inner.take("file-content"), own or number)
        event.marks += (odd,) if odd else ()
        if number:
            self._shared[number] = event
        _keep(event, said, outer, inner)
        return Deed(event, own or number)

    def _other(self, element: ET.Element, said: dict[str, str]) -> Deed:
        """Keep an action, a policy's verdict or anything else as it is written; find who and when."""
        event = Event(Kind.SYSTEM, UNDATED, marks=(element.tag.rpartition("}")[2].replace("-", " "),))
        for one in element.iter():
            if local(one.tag) == "event-time" and event.at == UNDATED:
                self._time(event, one)
            if local(one.tag) == "participant-id" and event.who is None:
                event.who = self._roster.person(line_of(one))
        event.residue = as_written(element)
        return Deed(event, said.get("action-event-id", "") or said.get("policy-event-id", ""))

    def _who_and_when(self, event: Event, inner: Children) -> None:
        self._time(event, inner.take("event-time"))
        number = inner.line("participant-id")
        event.who = self._roster.person(number)
        if number and event.who is None:
            event.marks += (f"participant {number}, who is not listed",)

    def _time(self, event: Event, element: ET.Element | None) -> None:
        if element is None:
            return
        said = {local(name): value.strip() for name, value in element.attrib.items()}
        text = said.get("timestamp") or line_of(element)
        at = iso(text)
        if at is not None:
            event.at = at
        elif text:
            event.marks += (f"event-time {text}",)

    def _action(self, event: Event, said: dict[str, str], own: str, parent: str) -> None:
        """Tell an edit or a deletion, and of what; a parent of something new is what it answers."""
        action, operation = said.pop("action", "").strip(), said.pop("operation", "").strip()
        done = _ACTIONS.get(action.lower())
        if done and event.kind is not Kind.FILE:
            event.kind = done
        elif action.lower() not in {"", "create"}:
            event.marks += (action,)
        event.marks += (operation,) if operation else ()
        event.marks += ("history",) if said.get("history-flag", "").strip().lower() in _YES else ()
        said.pop("history-flag", "")
        about = parent or (own if done else "")
        if about:
            word = {Kind.EDIT: "replaces", Kind.DELETE: "deletes"}.get(event.kind, "belongs to")
            event.marks += (f"{word} {self._told(about)}",)

    def _told(self, number: str) -> str:
        """Tell whose text of when an object is, where the interaction holds it."""
        if number not in self._written:
            return number
        who, at = self._written[number]
        return f"{who.name if who else 'somebody'} {'' if at == UNDATED else stamp(at)}"

    def _attachment(self, content: ET.Element | None, number: str) -> tuple[Attachment, str]:
        """Find a file by its path, or by the bytes that the transcript encloses; also say what is odd."""
        if content is None:
            return self._files.attachment("", number), ""
        said = {local(name): " ".join(value.split()) for name, value in content.attrib.items()}
        name, path, media_type = said.get("name", ""), said.get("file-path", ""), said.get("content-type", "")
        found = self._files.attachment(name, path or name or number)
        enclosed, odd = bytes_of(content)
        if enclosed:
            blob = name_of(enclosed)
            known = blob in self._blobs
            found = replace(
                found, size=len(enclosed) * known, blob=blob * known, problem="" if known else "missing"
            )
        return replace(found, media_type=media_type) if "/" in media_type else found, odd

    def _with_files(self, event: Event, ids: ET.Element | None) -> None:
        """Name the files that a text comes with; one without a time of its own has the text's."""
        if ids is None:
            return
        numbers = [line_of(one) for one in ids] if len(ids) else line_of(ids).replace(",", " ").split()
        for number in numbers:
            shared = self._shared.get(number)
            event.marks += (
                f"with file {shared.attachment.name if shared and shared.attachment else number}",
            )
            if shared and shared.at == UNDATED:
                shared.at = event.at


def _content(event: Event, inner: Children) -> None:
    """Take what was written: HTML as people saw it, anything else as it stands."""
    content = inner.take("text-content")
    if content is None:
        return
    event.text, media_type = _read(content)
    if media_type.partition(";")[0] not in _TEXTS:
        event.marks += (f"as {media_type}",)
    if len(content):
        event.residue = as_written(content)


def _read(content: ET.Element) -> tuple[str, str]:
    """Give what was written, and as what."""
    media_type = _type_of(content)
    return _written("".join(content.itertext()), media_type), media_type


def _type_of(content: ET.Element) -> str:
    said = {local(name): value.strip() for name, value in content.attrib.items()}
    return said.get("content-type", "").lower()


def _written(whole: str, media_type: str) -> str:
    """Give what people saw."""
    whole = whole.strip("\r\n")
    return text_of_markup(f"<div>{whole}</div>") if media_type.partition(";")[0] == "text/html" else whole


@lru_cache(maxsize=1024)
def _media_type(tag: str) -> str:
    """Give the type that a content's tag states, as it is written after its name."""
    return _type_of(usual_element(f"<text-content{tag}/>"))


def _line(text: str) -> str:
    return text if text.isalnum() else " ".join(unescaped(text).split())


def _keep(event: Event, said: dict[str, str], *children: Children) -> None:
    more = [f"{name}={value!r}" for name, value in said.items() if value.strip()]
    event.residue = " ".join(filter(None, (event.residue, *more, *(one.residue() for one in children))))


def _taken(children: Children, name: str) -> ET.Element:
    taken = children.take(name)
    return ET.Element(name) if taken is None else taken


def _parent(inner: Children) -> str:
    """Take the id of what this belongs to: ``parent…``, however it goes on."""
    name = next((local(one.tag) for one in inner.left if local(one.tag).startswith("parent")), "")
    return inner.line(name) if name else ""
