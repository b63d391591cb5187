"""Messages of Persistent Chat as events (financial formats, section 6.2)."""

from __future__ import annotations

import datetime as dt
import re
import xml.etree.ElementTree as ET

from include.commsarchive.model import Event, Kind
from include.commsarchive.sources.chat import UNDATED, Deed
from include.commsarchive.sources.instant_bloomberg.elements import Children, local
from include.commsarchive.sources.iso_times import iso
from include.commsarchive.sources.persistent_chat.people import Directory, unknown_attributes
from include.commsarchive.sources.shared_files import SharedFiles

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
_USUAL = {"CHAT": Kind.MESSAGE, "JOIN": Kind.JOIN, "PART": Kind.LEAVE}
"""To the letter; all else is read with care."""
_MILLISECONDS = re.compile(r"[0-9]{1,14}")
_TICKS = re.compile(r"[0-9]{17,18}")
_TICKS_TO_1970 = (dt.date(1970, 1, 1).toordinal() - 1) * 86_400 * 10**7
_TICKS_OF_A_MILLISECOND = 10**4


class EventReader:
    """Reads the messages of one conversation; the directory has learned of everybody."""

    def __init__(self, people: Directory, files: SharedFiles) -> None:
        """Begin."""
        self._people = people
        self._files = files

    def read(self, element: ET.Element) -> Deed:
        """Read one message."""
        return self._usual(element) or self._any(element)

    def _usual(self, element: ET.Element) -> Deed | None:
        """Read a text, join or leave that says nothing but who, when and what, in forms that agree."""
        said, kind = element.attrib, _USUAL.get(element.get("type", ""))
        if kind is None or said.keys() != _ATTRIBUTES or len(element) != 2 or _text_in(element):  # noqa: PLR2004
            return None
        sender, when = element
        if sender.tag != "Sender" or when.tag != "DateTimeUTC" or _text_in(sender) or _text_in(when):
            return None
        at = _whole(_MILLISECONDS, when.get("since1970", ""))
        if at is None or iso(when.get("string", "")) != at or _from_ticks(when.get("long", "")) != at:
            return None
        who = self._people.person(sender)
        if len(sender) or len(when) or unknown_attributes(sender):
            return None
        number = said["id"].strip()
        return Deed(Event(kind, at, who, said["content"]), number if number.strip("0") else "")

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
        event.who = self._people.person(sender)
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


def _text_in(element: ET.Element) -> bool:
    """Say whether there is text inside or between."""
    beside = (element.text, *[one.tail for one in element])
    return any(text and not text.isspace() for text in beside)


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
