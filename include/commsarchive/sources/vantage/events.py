"""Event elements of Vantage as events. Times are epoch numbers, ms in practice (section 7a)."""

from __future__ import annotations

import base64
import binascii
import xml.etree.ElementTree as ET
from collections.abc import Mapping

from include.commsarchive.model import Event, Kind
from include.commsarchive.sources.chat import UNDATED, Deed, stamp
from include.commsarchive.sources.instant_bloomberg.elements import (
    Children,
    as_written,
    attributes_of,
    line_of,
    local,
)
from include.commsarchive.sources.instant_bloomberg.times import epoch
from include.commsarchive.sources.shared_files import SharedFiles
from include.commsarchive.sources.vantage.people import Directory

KINDS = {
    "participantentered": Kind.JOIN,
    "participantleft": Kind.LEAVE,
    "invite": Kind.INVITE,
    "message": Kind.MESSAGE,
    "filetransferstarted": Kind.FILE,
    "filetransferended": Kind.FILE,
    "filetransferend": Kind.FILE,
}
_OF_PEOPLE = ("usertype", "internalflag", "corporateemailid", "corporateemailaddress")
_TELLING = frozenset({"loginname", "datetimeutc", "content", "conversationid", *_OF_PEOPLE})
_USUAL = {
    "message": _TELLING | {"messageid"},
    "participantentered": _TELLING,
    "participantleft": _TELLING,
}
"""What the usual events hold; any other child is read with care."""
UPDATES = {
    "editednewmsg": (Kind.EDIT, ""),
    "editedoriginalmsg": (Kind.MESSAGE, "edited later"),
    "deleted": (Kind.DELETE, ""),
    "filedeleted": (Kind.DELETE, "file"),
    "updatednomsgchange": (Kind.MESSAGE, "updated, same text"),
}


class EventReader:
    """Reads the events of one conversation in document order."""

    def __init__(self, directory: Directory, files: SharedFiles, room: str) -> None:
        """Begin; the directory has learned of everybody."""
        self._people = directory
        self._files = files
        self._room = room
        self._transfers: dict[tuple[str, str], Event] = {}

    def read(self, element: ET.Element, leaves: Mapping[str, str] | None) -> Deed | None:
        """Read an event, of these `leaves_of`; None for a transfer's end whose beginning says it all."""
        tag = local(element.tag)
        usual = None if leaves is None else self._usual(tag, leaves)
        return usual or self._any(tag, element)

    def _usual(self, tag: str, leaves: Mapping[str, str]) -> Deed | None:
        """Read a join, leave or message that says nothing but who, when and what."""
        if not leaves.keys() <= _USUAL.get(tag, frozenset()):
            return None
        at, room = epoch(leaves.get("datetimeutc", "")), leaves.get("conversationid", "")
        if at is None or room not in {"", self._room}:
            return None
        who = self._people.person(" ".join(leaves.get("loginname", "").split()))
        number = " ".join(leaves.get("messageid", "").split())
        return Deed(Event(KINDS[tag], at, who, leaves.get("content", "")), number)

    def _any(self, tag: str, element: ET.Element) -> Deed | None:
        children = Children(element)
        event = Event(KINDS.get(tag, Kind.SYSTEM), UNDATED)
        self._time(event, children)
        login = children.line("loginname")
        if tag not in KINDS:
            event.who = self._people.person(login)
            event.marks += (f"unknown element {element.tag.rpartition('}')[2]}",)
            event.residue = as_written(element)
            return Deed(event)
        event.who = self._people.person(login)
        for name in _OF_PEOPLE:
            children.take(name)
        native_id = ""
        if event.kind is Kind.INVITE:
            event.other, event.who = event.who, self._people.person(children.line("inviterloginname"))
        if event.kind is Kind.MESSAGE:
            native_id = children.line("messageid")
            self._update(event, children)
        if event.kind is Kind.FILE and not self._file(event, children, login, ended="end" in tag):
            return None
        event.text = _text(children)
        if line_of(children.find("conversationid")) in {"", self._room}:
            children.take("conversationid")
        event.residue = " ".join(filter(None, (attributes_of(element), children.residue())))
        return Deed(event, native_id)

    def _time(self, event: Event, children: Children) -> None:
        text = children.line("datetimeutc")
        at = epoch(text)
        if at is not None:
            event.at = at
        elif text:
            event.marks += (f"DateTimeUTC {text}",)

    def _update(self, event: Event, children: Children) -> None:
        """Say how a message came about: an edit or deletion counts from when it was made."""
        update, text = children.line("updatedtype"), children.line("updateddatetimeutc")
        at = epoch(text)
        event.kind, remark = UPDATES.get(
            update.lower(), (Kind.MESSAGE, f"UpdatedType {update}" if update else "")
        )
        if at is not None and event.kind is not Kind.MESSAGE:
            event.marks += (f"said {stamp(event.at)}",) if event.at != UNDATED else ()
            event.at = at
        elif text:
            remark = f"{remark} {text if at is None else stamp(at)}".strip()
        event.marks += (remark,) if remark else ()
        if replaced_by := children.line("editednewmsgid"):
            event.marks += (f"edited as {replaced_by}",)

    def _file(self, event: Event, children: Children, login: str, *, ended: bool) -> bool:
        """Describe a shared file; say whether it is news: the end of a transfer is its beginning's mark."""
        name, path = children.line("userfilename"), children.line("filename")
        status = children.line("status")
        remark = f"transfer {status.lower()}" if status and status.lower() != "completed" else ""
        begun = self._transfers.pop((login.casefold(), path), None) if ended else None
        if begun is None:
            event.attachment = self._files.attachment(name, path or name)
            event.marks += (remark,) if remark else ()
            if not ended:
                self._transfers[login.casefold(), path] = event
            return True
        if event.at not in {UNDATED, begun.at}:
            remark = f"{remark or 'transfer completed'} {stamp(event.at)}"
        begun.marks += (*event.marks, remark) if remark else event.marks
        begun.residue = " ".join(filter(None, (begun.residue, children.residue())))
        return False


def _text(children: Children) -> str:
    """Take what was written; a second form in base64 counts where the first is empty."""
    text = children.text("content")
    packed = children.find("base64content")
    if packed is None:
        return text
    try:
        unpacked = base64.b64decode("".join((packed.text or "").split()), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return text
    if unpacked == text or not text:
        children.take("base64content")
    return text or unpacked
