"""What rows say, by their profile: who, when, what, with which files."""

from __future__ import annotations

from collections.abc import Sequence

from include.commsarchive.model import Attachment, Event, Kind
from include.commsarchive.sources.own_files.people import PeopleReader
from include.commsarchive.sources.own_files.profile import Files, Profile
from include.commsarchive.sources.own_files.said import Group, Said
from include.commsarchive.sources.own_files.times import read_time
from include.commsarchive.sources.own_files.tree import (
    REPAIRED,
    Misfit,
    Tree,
    residues_of,
    text_at,
    values_at,
)
from include.commsarchive.sources.shared_files import SharedFiles

_MS_PER_DAY = 86_400_000
_NOBODYS = (Kind.SYSTEM, Kind.DISCLAIMER, Kind.MODE)
"""What may be without anybody who did it."""


class Mapper:
    """Reads rows by a profile."""

    def __init__(self, profile: Profile) -> None:
        """Prepare to read."""
        self.profile = profile
        self._when = profile.time.fields
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

    def read(self, trees: Sequence[Tree], files: SharedFiles) -> Said:
        """Read rows, with the files of their bundle.

        Raises:
            Misfit: a row does not fit; which field, why and the remedy.
        """
        times = [self._time(tree) for tree in trees]
        people = list(zip(*(_groups(trees, reader) for reader in self._people), strict=True))
        rooms, names, subjects, ids = (_lines(trees, path) for path in self._lines)
        events = [
            Event(Kind.MESSAGE, at, groups[0][0] if groups[0] else None, text, None, None, None, marks)
            for (at, marks), groups, text in zip(
                times, people, _column(trees, self.profile.text), strict=True
            )
        ]
        said = Said(rooms, names, subjects, ids, people, [[event] for event in events])
        residues = residues_of(trees, self._known)
        for tree, groups, row, residue in zip(trees, people, said.events, residues, strict=True):
            event = row[0]
            event.residue = residue
            if "\r" in event.text:
                event.text = event.text.replace("\r\n", "\n").replace("\r", "\n")
            if self.profile.attachments or self.profile.event:
                row.extend(self._rest(tree, event, files))
                if event.kind is Kind.INVITE and groups[1]:
                    event.other = groups[1][0]
            if REPAIRED in tree:
                said.repaired.append(str(tree[REPAIRED]))
            if len(groups[0]) != 1:
                self._check_sender(event, groups[0])
        return said

    def _time(self, tree: Tree) -> tuple[int, tuple[str, ...]]:
        if len(self._when) == 1:
            text = text_at(tree, self._when[0])
        else:
            text = " ".join([text_at(tree, field).strip() for field in self._when])
        try:
            at, remark = read_time(text, self.profile.time)
        except ValueError as error:
            raise Misfit("`, `".join(self._when), str(error)) from None
        return at, (remark,) if remark else ()

    def _check_sender(self, event: Event, senders: Group) -> None:
        field = next(iter(self.profile.sender.fields()))
        if senders:
            raise Misfit(field, "names several senders; one is needed")
        if event.kind not in _NOBODYS:
            raise Misfit(field, "is empty: who was it?")

    def _rest(self, tree: Tree, event: Event, files: SharedFiles) -> list[Event]:
        """Complete the event of a row by its kind and files; give those of more files."""
        rules = self.profile
        shared = _attached(tree, rules.attachments, files) if rules.attachments else []
        if shared and not event.text:
            event.kind = Kind.FILE
        if rules.event:
            kind = rules.event.kind(text_at(tree, rules.event.field).strip())
            if kind is None:
                raise Misfit(rules.event.field, "has a value that is not listed; add it to `event.values`")
            event.kind = kind
        if shared and event.kind is Kind.FILE:
            event.attachment = shared.pop(0)
        return [Event(Kind.FILE, event.at, event.who, attachment=one, marks=event.marks) for one in shared]


def _column(trees: Sequence[Tree], path: str) -> list[str]:
    return [text_at(tree, path) for tree in trees]


def _lines(trees: Sequence[Tree], path: str) -> list[str]:
    return [" ".join(text.split()) for text in _column(trees, path)] if path else [""] * len(trees)


def _groups(trees: Sequence[Tree], reader: PeopleReader | None) -> list[Group]:
    return list(map(reader.read, trees)) if reader else [()] * len(trees)


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
