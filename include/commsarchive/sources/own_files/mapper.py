"""What rows say, by their profile: who, when, what, with which files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
        self._people = [PeopleReader(who, profile.own_domains) if who else None for who in profile.people]
        shown = {profile.id} if profile.item == "conversation" else set()  # no header names it there
        self._known = frozenset((*(set(profile.fields()) - shown), *profile.ignore))

    def keys(self, trees: Sequence[Tree]) -> list[tuple[str, int]]:
        """Give the conversation and the day (UTC, since 1970) of each row.

        Raises:
            Misfit: one of them cannot be read.
        """
        field = self.profile.conversation
        rooms = [text.strip() for text in _column(trees, field)]
        if not all(rooms):
            raise Misfit(field, "is empty; every row needs a conversation")
        return [(room, at // _MS_PER_DAY) for room, (at, _) in zip(rooms, self._times(trees), strict=True)]

    def read(self, trees: Sequence[Tree], files: SharedFiles) -> Said:
        """Read rows of one conversation, with the files of their bundle.

        Raises:
            Misfit: a row does not fit; which field, why and the remedy.
        """
        profile = self.profile
        times = self._times(trees)
        people = list(zip(*(_groups(trees, reader) for reader in self._people), strict=True))
        paths = (profile.conversation, profile.conversation_name, profile.subject, profile.id)
        rooms, names, subjects, ids = (_column(trees, path) for path in paths)
        texts = [_text(text) for text in _column(trees, profile.text)]
        events = [
            Event(
                Kind.MESSAGE,
                at,
                groups[0][0] if groups[0] else None,
                text,
                None,
                None,
                None,
                (remark,) if remark else (),
                residue,
            )
            for (at, remark), groups, text, residue in zip(
                times, people, texts, residues_of(trees, self._known), strict=True
            )
        ]
        rows = [[event] for event in events]
        if profile.attachments or profile.event:
            for tree, row, groups in zip(trees, rows, people, strict=True):
                row.extend(self._rest(tree, row[0], files))
                if row[0].kind is Kind.INVITE and groups[1]:
                    row[0].other = groups[1][0]
        for event, groups in zip(events, people, strict=True):
            if len(groups[0]) != 1:
                self._check_sender(event, groups[0])
        repaired = [str(tree[REPAIRED]) for tree in trees if REPAIRED in tree]
        return Said(
            _first(rooms[:1]), _first(names), _first(subjects), list(map(_line, ids)), people, rows, repaired
        )

    def _times(self, trees: Sequence[Tree]) -> list[tuple[int, str]]:
        columns = [_column(trees, field) for field in self._when]
        texts = columns[0]
        if len(columns) > 1:
            texts = [" ".join(map(str.strip, cells)) for cells in zip(*columns, strict=True)]
        rules = self.profile.time
        try:
            return [read_time(text, rules) for text in texts]
        except ValueError as error:
            raise Misfit("`, `".join(self._when), str(error)) from None

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
    if not path:
        return [""] * len(trees)
    found: list[Any] = [tree.get(path) for tree in trees]
    return found if set(map(type, found)) == {str} else [text_at(tree, path) for tree in trees]


def _groups(trees: Sequence[Tree], reader: PeopleReader | None) -> list[Group]:
    return reader.read(trees) if reader else [()] * len(trees)


def _text(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _line(text: str) -> str:
    return " ".join(text.split())


def _first(texts: Sequence[str]) -> str:
    return next(filter(None, map(_line, filter(None, texts))), "")


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
