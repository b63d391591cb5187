"""What a row says, by its profile: who, when, what, with which files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    bcc: tuple[Person, ...]
    events: list[Event] = field(default_factory=list)
    repaired: str = ""

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody, sender first."""
        return (*((self.sender,) if self.sender else ()), *self.to, *self.cc, *self.bcc)


class Mapper:
    """Reads rows by a profile, with the files of their bundle."""

    def __init__(self, profile: Profile, files: SharedFiles) -> None:
        """Prepare to read."""
        self._profile = profile
        self._files = files
        self._people = [PeopleReader(who, profile.own_domains) for who in profile.people]
        shown = {profile.id} if profile.item == "conversation" else set()  # no header names it there
        self._known = frozenset((*(set(profile.fields()) - shown), *profile.ignore))

    def key(self, tree: Tree) -> tuple[str, int]:
        """Give the conversation and the day (UTC, since 1970) of a row.

        Raises:
            Misfit: one of them cannot be read.
        """
        conversation = text_at(tree, self._profile.conversation).strip()
        if not conversation:
            raise Misfit(self._profile.conversation, "is empty; every row needs a conversation")
        return conversation, self._time(tree)[0] // _MS_PER_DAY

    def read(self, tree: Tree) -> Said:
        """Read a row.

        Raises:
            Misfit: it does not fit; which field, why and the remedy.
        """
        profile = self._profile
        at, remark = self._time(tree)
        groups = [people.read(tree) for people in self._people]
        said = Said(
            at,
            _line(text_at(tree, profile.conversation)),
            _line(text_at(tree, profile.conversation_name)),
            _line(text_at(tree, profile.subject)),
            _line(text_at(tree, profile.id)),
            groups[0][0] if groups[0] else None,
            tuple(groups[1]),
            tuple(groups[2]),
            tuple(groups[3]),
            repaired=str(tree.get(REPAIRED, "")),
        )
        said.events = self._events(tree, said, (remark,) if remark else ())
        nobodys = said.sender is None and said.events[0].kind not in _NOBODYS
        if nobodys or len(groups[0]) > 1:
            field = next(iter(profile.sender.fields()))
            raise Misfit(
                field, "is empty: who was it?" if nobodys else "names several senders; one is needed"
            )
        return said

    def _time(self, tree: Tree) -> tuple[int, str]:
        rules = self._profile.time
        try:
            return read_time(" ".join(text_at(tree, field).strip() for field in rules.fields), rules)
        except ValueError as error:
            raise Misfit("`, `".join(rules.fields), str(error)) from None

    def _events(self, tree: Tree, said: Said, marks: tuple[str, ...]) -> list[Event]:
        """Make the events of a row: what was said, then its files."""
        profile = self._profile
        text = text_at(tree, profile.text).replace("\r\n", "\n").replace("\r", "\n")
        files = self._attached(tree, profile.attachments) if profile.attachments else []
        kind = Kind.FILE if files and not text else Kind.MESSAGE
        if profile.event:
            value = text_at(tree, profile.event.field).strip()
            stated = profile.event.kind(value)
            if stated is None:
                raise Misfit(profile.event.field, "has a value that is not listed; add it to `event.values`")
            kind = stated
        events = [Event(Kind.FILE, said.at, said.sender, attachment=file, marks=marks) for file in files]
        if kind is Kind.FILE and events:
            events[0].text = text
        else:
            events.insert(0, Event(kind, said.at, said.sender, text, marks=marks))
        if kind is Kind.INVITE and said.to:
            events[0].other = said.to[0]
        events[0].residue = residue_of(tree, self._known)
        return events

    def _attached(self, tree: Tree, files: Files) -> list[Attachment]:
        """Find the files that a row names."""
        found = []
        for one in values_at(tree, files.each) if files.each else [tree]:
            told = [text_at(one, path) if path else "" for path in (files.name, files.path, files.size)]
            names, paths = (
                [part.strip() for part in text.split(files.separator)] if files.separator else [text.strip()]
                for text in told[:2]
            )
            size = int(told[2]) if told[2].isascii() and told[2].isdigit() and len(told[2]) < 19 else None  # noqa: PLR2004 - of 64 bits
            longest = max(len(names), len(paths))
            if min(len(names), len(paths)) not in {1, longest}:
                raise Misfit(files.path or files.name, "does not hold as many files as names; mend the row")
            for number in range(longest):
                name, path = (each[number] if number < len(each) else "" for each in (names, paths))
                if name or path:
                    found.append(self._files.attachment(name, path or name, size if longest == 1 else None))
        return found


def unified(rows: Sequence[Said]) -> list[Person]:
    """Let all rows name the same people, with all that is said of them anywhere; give everybody, once."""
    known = merged(person for row in rows for person in row.people)
    for row in rows:
        row.sender = known[row.sender.key] if row.sender else None
        row.to, row.cc, row.bcc = (tuple(known[p.key] for p in group) for group in (row.to, row.cc, row.bcc))
        for event in row.events:
            event.who = known[event.who.key] if event.who else None
            event.other = known[event.other.key] if event.other else None
    return list(known.values())


def _line(text: str) -> str:
    return " ".join(text.split())
