"""What a row says, by its profile: who, when, what, with which files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from include.commsarchive.model import Attachment, Event, Kind, Person
from include.commsarchive.sources.own_files.people import PeopleReader, merged
from include.commsarchive.sources.own_files.profile import Files, Profile
from include.commsarchive.sources.own_files.times import read_time
from include.commsarchive.sources.own_files.tree import (
    REPAIRED,
    Misfit,
    Tree,
    residue_of,
    text_at,
    values_at,
)
from include.commsarchive.sources.shared_files import SharedFiles

_MS_PER_DAY = 86_400_000
_NOBODYS = (Kind.SYSTEM, Kind.DISCLAIMER, Kind.MODE)
"""What may be without anybody who did it."""


@dataclass(slots=True)
class Said:
    """One row: what was said or done, by whom, to whom."""

    at: int
    conversation: str
    name: str
    subject: str
    native_id: str
    sender: Person | None
    people: tuple[tuple[Person, ...], ...]
    """Sender, to, cc and bcc; the same people are often the same tuple."""
    events: list[Event]
    repaired: str = ""


class Mapper:
    """Reads rows by a profile."""

    def __init__(self, profile: Profile) -> None:
        """Prepare to read."""
        self.profile = profile
        self._lines = (profile.conversation, profile.conversation_name, profile.subject, profile.id)
        self._people = [PeopleReader(who, profile.own_domains) if who else None for who in profile.people]
        shown = {profile.id} if profile.item == "conversation" else set()  # no header names it there
        self._known = frozenset((*(set(profile.fields()) - shown), *profile.ignore))

    def key(self, tree: Tree) -> tuple[str, int]:
        """Give the conversation and the day (UTC, since 1970) of a row.

        Raises:
            Misfit: one of them cannot be read.
        """
        conversation = text_at(tree, self.profile.conversation).strip()
        if not conversation:
            raise Misfit(self.profile.conversation, "is empty; every row needs a conversation")
        return conversation, self._time(tree)[0] // _MS_PER_DAY

    def read(self, tree: Tree, files: SharedFiles) -> Said:
        """Read a row, with the files of its bundle.

        Raises:
            Misfit: it does not fit; which field, why and the remedy.
        """
        at, remark = self._time(tree)
        people = tuple([one.read(tree) if one else () for one in self._people])
        sender = people[0][0] if people[0] else None
        conversation, name, subject, native_id = [_line(text_at(tree, path)) for path in self._lines]
        events = self._events(tree, Event(Kind.MESSAGE, at, sender, marks=(remark,) if remark else ()), files)
        if people[1] and events[0].kind is Kind.INVITE:
            events[0].other = people[1][0]
        nobodys = sender is None and events[0].kind not in _NOBODYS
        if nobodys or len(people[0]) > 1:
            field = next(iter(self.profile.sender.fields()))
            raise Misfit(
                field, "is empty: who was it?" if nobodys else "names several senders; one is needed"
            )
        repaired = str(tree.get(REPAIRED, ""))
        return Said(at, conversation, name, subject, native_id, sender, people, events, repaired)

    def _time(self, tree: Tree) -> tuple[int, str]:
        rules = self.profile.time
        try:
            return read_time(" ".join([text_at(tree, field).strip() for field in rules.fields]), rules)
        except ValueError as error:
            raise Misfit("`, `".join(rules.fields), str(error)) from None

    def _events(self, tree: Tree, event: Event, files: SharedFiles) -> list[Event]:
        """Make the events of a row: what was said, which is begun with, then its files."""
        profile = self.profile
        event.text = _text(text_at(tree, profile.text))
        shared = _attached(tree, profile.attachments, files) if profile.attachments else []
        if shared and not event.text:
            event.kind = Kind.FILE
        if profile.event:
            kind = profile.event.kind(text_at(tree, profile.event.field).strip())
            if kind is None:
                raise Misfit(profile.event.field, "has a value that is not listed; add it to `event.values`")
            event.kind = kind
        event.residue = residue_of(tree, self._known)
        if shared and event.kind is Kind.FILE:
            event.attachment, *shared = shared
        return [
            event,
            *(Event(Kind.FILE, event.at, event.who, attachment=one, marks=event.marks) for one in shared),
        ]


def _attached(tree: Tree, rules: Files, files: SharedFiles) -> list[Attachment]:
    """Find the files that a row names."""
    found = []
    for one in values_at(tree, rules.each) if rules.each else [tree]:
        told = [text_at(one, path) for path in (rules.name, rules.path, rules.size)]
        names, paths = (
            [part.strip() for part in text.split(rules.separator)] if rules.separator else [text.strip()]
            for text in told[:2]
        )
        size = int(told[2]) if told[2].isascii() and told[2].isdigit() and len(told[2]) < 19 else None  # noqa: PLR2004 - of 64 bits
        longest = max(len(names), len(paths))
        if min(len(names), len(paths)) not in {1, longest}:
            raise Misfit(rules.path or rules.name, "does not hold as many files as names; mend the row")
        for number in range(longest):
            name, path = (each[number] if number < len(each) else "" for each in (names, paths))
            if name or path:
                found.append(files.attachment(name, path or name, size if longest == 1 else None))
    return found


def unified(rows: Sequence[Said]) -> dict[str, Person]:
    """Give everybody once, by key, with all that is said of them anywhere; let all events name these."""
    groups = {id(group): group for row in rows for group in row.people}
    known = merged(person for group in groups.values() for person in group)
    for row in rows:
        who = row.sender = known[row.sender.key] if row.sender else None
        for event in row.events:
            event.who = who
            event.other = known[event.other.key] if event.other else None
    return known


def _text(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _line(text: str) -> str:
    return " ".join(text.split())
