"""Event elements of Vantage as events. Times are epoch numbers, ms in practice (section 7a)."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from functools import lru_cache
from operator import itemgetter

from include.commsarchive.model import Event, Kind, Person
from include.commsarchive.sources.chat import UNDATED, Deed, stamp
from include.commsarchive.sources.instant_bloomberg.elements import (
    Children,
    as_written,
    attributes_of,
    line_of,
    local,
)
from include.commsarchive.sources.instant_bloomberg.times import epoch, milliseconds
from include.commsarchive.sources.shared_files import SharedFiles
from include.commsarchive.sources.vantage.people import Directory
from include.commsarchive.sources.xml_usual import SPACE, Row, UnusualError, leaf, unescaped

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
USUAL = re.compile(
    f"<(?:(Message)>{SPACE}{leaf('MessageId')}|(ParticipantEntered|ParticipantLeft)>{SPACE})"
    f"{leaf('LoginName')}{leaf('UserType')}<DateTimeUTC>([0-9]{{1,17}})</DateTimeUTC>{SPACE}"
    f"{leaf('InternalFlag')}{leaf('ConversationID')}{leaf('CorporateEmailID')}"
    rf"{leaf('Content')}</(?:\1|\3)>{SPACE}"
)
"""A join, leave or message that says nothing but who, when and what, in the order of section 7a."""
_MOVES = {"ParticipantEntered": Kind.JOIN, "ParticipantLeft": Kind.LEAVE}
_SAYS = ("loginname", "usertype", "internalflag", "corporateemailid")
_SAID = itemgetter(3, 4, 6, 8)
"""Where they stand in it."""
UPDATES = {
    "editednewmsg": (Kind.EDIT, ""),
    "editedoriginalmsg": (Kind.MESSAGE, "edited later"),
    "deleted": (Kind.DELETE, ""),
    "filedeleted": (Kind.DELETE, "file"),
    "updatednomsgchange": (Kind.MESSAGE, "updated, same text"),
}


def people_in(events: Iterable[ET.Element | Row]) -> Iterator[dict[str, str]]:
    """Give what events say of people, by local name; usual ones that say the same count once."""
    known = set[Row]()
    for one in events:
        if not isinstance(one, tuple):
            yield {local(child.tag): line_of(child) for child in reversed(one)}
        elif (said := _SAID(one)) not in known:
            known.add(said)
            yield _lines(said)


@lru_cache(maxsize=4096)  # the same people in conversation after conversation
def _lines(said: Row) -> dict[str, str]:
    return {name: " ".join(unescaped(text).split()) for name, text in zip(_SAYS, said, strict=True)}


class EventReader:
    """Reads the events of one conversation in document order."""

    def __init__(self, directory: Directory, files: SharedFiles, room: str) -> None:
        """Begin; the directory has learned of everybody."""
        self._people = directory
        self._files = files
        self._room = room
        self._logins: dict[str, Person | None] = {}
        self._transfers: dict[tuple[str, str], Event] = {}

    def read(self, event: ET.Element | Row) -> Deed | None:
        """Read an event; None for a transfer's end whose beginning says it all."""
        return self._usual(event) if isinstance(event, tuple) else self._any(local(event.tag), event)

    def _usual(self, event: Row) -> Deed:
        message, number, moved, login, _, time, _, room, _, text = event
        if room and unescaped(room) != self._room:
            raise UnusualError
        if login not in self._logins:
            self._logins[login] = self._people.person(" ".join(unescaped(login).split()))
        kind = Kind.MESSAGE if message else _MOVES[moved]
        said = Event(kind, milliseconds(int(time)), self._logins[login], unescaped(text))
        return Deed(said, number if number.isalnum() else " ".join(unescaped(number).split()))

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
    except ValueError:  # no base64, or no UTF-8 in it
        return text
    if unpacked == text or not text:
        children.take("base64content")
    return text or unpacked
