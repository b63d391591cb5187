"""Messages of Persistent Chat as events (financial formats, section 6.2)."""

from __future__ import annotations

import datetime as dt
import re
import xml.etree.ElementTree as ET

from include.commsarchive.model import Event, Kind, Person
from include.commsarchive.sources.chat import UNDATED, Deed
from include.commsarchive.sources.instant_bloomberg.elements import Children, local
from include.commsarchive.sources.iso_times import iso
from include.commsarchive.sources.persistent_chat.people import (
    Directory,
    said_in,
    said_of,
    unknown_attributes,
)
from include.commsarchive.sources.shared_files import SharedFiles
from include.commsarchive.sources.xml_usual import (
    LONG_VALUE,
    SPACE,
    VALUE,
    Row,
    UnusualError,
    unescaped_value,
    usual_element,
)

KINDS = {
    "join": (Kind.JOIN, ""),
    "part": (Kind.LEAVE, ""),
    "chat": (Kind.MESSAGE, ""),
    "backchat": (Kind.MESSAGE, "backchat"),
    "fileupload": (Kind.FILE, ""),
    "fileup": (Kind.FILE, ""),
    "filedownload": (Kind.FILE, "downloaded"),
    "filedown": (Kind.FILE, "downloaded"),
    "export": (Kind.SYSTEM, "export"),
}
_ATTRIBUTES = frozenset({"type", "content", "id"})
USUAL = re.compile(
    f'<(Message|FirstMessage) type="(CHAT|JOIN|PART)" content={LONG_VALUE} id="([0-9]*+)">{SPACE}'
    f"<Sender( [^>]*+)>{SPACE}"
    f'<DateTimeUTC since1970="([0-9]{{1,14}})" string={VALUE} long="([0-9]{{17,18}})"{SPACE}/>{SPACE}'
    rf"</\1>{SPACE}"
)
"""A text, join or leave that says nothing but who, when and what."""
TAG, SENDER, STATED = 0, 4, slice(1, 4, 2)
"""Where its tag, the rest of its sender's, and its type and id stand."""
_USUAL = {"CHAT": Kind.MESSAGE, "JOIN": Kind.JOIN, "PART": Kind.LEAVE}
_MILLISECONDS = re.compile(r"[0-9]{1,14}")
_TICKS = re.compile(r"[0-9]{17,18}")
_TICKS_TO_1970 = (dt.date(1970, 1, 1).toordinal() - 1) * 86_400 * 10**7
_TICKS_OF_A_MILLISECOND = 10**4


def element_of(message: ET.Element | Row) -> ET.Element:
    """Give a message as an element.

    Raises:
        UnusualError: its sender is none.
    """
    if not isinstance(message, tuple):
        return message
    tag, kind, text, number, sender, since1970, string, ticks = message
    when = f'<DateTimeUTC since1970="{since1970}" string="{string}" long="{ticks}"/>'
    stated = f'type="{kind}" content="{text}" id="{number}"'
    return usual_element(f"<{tag} {stated}><Sender{sender}>{when}</{tag}>")


class EventReader:
    """Reads the messages of one conversation; the directory has learned of everybody."""

    def __init__(self, people: Directory, files: SharedFiles) -> None:
        """Begin."""
        self._people = people
        self._files = files
        self._senders: dict[str, Person | None] = {}

    def read(self, message: ET.Element | Row) -> Deed:
        """Read one message."""
        return self._usual(message) if isinstance(message, tuple) else self._any(message)

    def _usual(self, message: Row) -> Deed:
        """Read a text, join or leave whose forms of the time agree."""
        _, kind, text, number, sender, since1970, string, ticks = message
        at = int(since1970)
        if iso(string) != at or (int(ticks) - _TICKS_TO_1970) // _TICKS_OF_A_MILLISECOND != at:
            raise UnusualError
        if sender not in self._senders:
            self._senders[sender] = self._people.person(said_in(sender))
        event = Event(_USUAL[kind], at, self._senders[sender], unescaped_value(text))
        return Deed(event, number if number.strip("0") else "")

    def _any(self, element: ET.Element) -> Deed:
        said = {local(name): value for name, value in reversed(element.attrib.items())}
        kind, children = said.get("type", "").strip(), Children(element)
        event = Event(Kind.SYSTEM, UNDATED, text=said.get("content", ""))
        event.kind, remark = KINDS.get(
            kind.lower(), (Kind.SYSTEM, f"type {kind}" if kind else "no type stated")
        )
        event.marks += (remark,) if remark else ()
        odd = [
            f"{name.rpartition('}')[2]}={value!r}"
            for name, value in element.attrib.items()
            if local(name) not in _ATTRIBUTES
        ]
        sender, when = children.take("sender"), children.take("datetimeutc")
        event.who = self._people.person(said_of(sender))
        for leaf in (sender, when):
            odd += _inside(leaf)
        odd += [unknown_attributes(sender)] if sender is not None else []
        self._time(event, when)
        if event.kind is Kind.FILE:
            self._file(event)
        event.residue = " ".join(filter(None, (*odd, children.residue())))
        number = said.get("id", "").strip()
        return Deed(event, number if number.strip("0") else "")

    def _time(self, event: Event, when: ET.Element | None) -> None:
        """Take ``since1970``, or else one of its two other forms; say so where they disagree."""
        said = {local(name): value.strip() for name, value in when.attrib.items()} if when is not None else {}
        forms = {
            "since1970": _whole(_MILLISECONDS, said.get("since1970", "")),
            "string": iso(said.get("string", "")),
            "long": _from_ticks(said.get("long", "")),
        }
        event.at = next((at for at in forms.values() if at is not None), UNDATED)
        for name, at in forms.items():
            if said.get(name) and at != event.at:
                event.marks += (f"{name} {said[name]}",)

    def _file(self, event: Event) -> None:
        """Find the file, a member named as the content says; one that was downloaded need not be there."""
        file = self._files.attachment("", event.text.strip())
        if file.problem and "downloaded" in event.marks:
            event.kind = Kind.SYSTEM
        else:
            event.attachment, event.text = file, ""


def _whole(digits: re.Pattern[str], text: str) -> int | None:
    return int(text) if digits.fullmatch(text) else None


def _from_ticks(text: str) -> int | None:
    """Read .NET ticks: tenths of a microsecond since the year 1."""
    ticks = _whole(_TICKS, text)
    if ticks is None or ticks < _TICKS_TO_1970:
        return None
    return (ticks - _TICKS_TO_1970) // _TICKS_OF_A_MILLISECOND


def _inside(leaf: ET.Element | None) -> list[str]:
    """Give what stands inside an element that should be empty."""
    return [] if leaf is None else [Children(leaf).residue()]
