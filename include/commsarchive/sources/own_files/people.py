"""People as rows name them. What any row of a conversation says of somebody counts in all of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from functools import lru_cache
from operator import itemgetter
from typing import Any

from include.commsarchive.address import is_mailbox
from include.commsarchive.model import Person
from include.commsarchive.sources.own_files.profile import Who
from include.commsarchive.sources.own_files.tree import Misfit, Tree, text_at, values_at

_NAMED = re.compile(r"\s*(.*?)\s*<\s*([^<>]+?)\s*>\s*")

_Told = tuple[tuple[str, str], ...]
_MOST = 8192
"""People that are remembered."""
_CELLS = 2048
"""Cells that are remembered, which may name hundreds of people each."""


class PeopleReader:
    """Reads those whom one of a profile's keys tells of."""

    def __init__(self, who: Who, own_domains: tuple[str, ...]) -> None:
        """Prepare to read."""
        self._who = who
        self._own_domains = own_domains
        told = {"address": who.address, "name": who.name, "company": who.company}
        told |= {f"id {label}": path for label, path in who.ids.items()}
        self._what = [what for what, path in told.items() if path]
        self._paths = [path for path in told.values() if path]
        self._cells: Callable[[Any], Hashable] = itemgetter(*self._paths)
        self._known: dict[Hashable, tuple[Person, ...]] = {}

    def read(self, trees: Iterable[Tree]) -> list[tuple[Person, ...]]:
        """Read the people of each row, in order.

        Raises:
            Misfit: fields that hold several people do not hold the same number.
        """
        if not self._who.each:
            return list(map(self._of, trees))
        return [
            tuple([person for one in values_at(tree, self._who.each) for person in self._of(one)])
            for tree in trees
        ]

    def _of(self, one: Any) -> tuple[Person, ...]:
        try:
            return self._known[self._cells(one)]  # nearly always: the same people come in row after row
        except (KeyError, TypeError):
            read = text_at if isinstance(one, dict) else _alone
            texts = tuple([read(one, path) for path in self._paths])
        cells = texts if len(texts) > 1 else texts[0]
        found = self._known.get(cells)
        if found is None:
            if len(self._known) >= _CELLS:
                self._known.clear()
            found = self._known[cells] = self._told(texts)
        return found

    def _told(self, texts: tuple[str, ...]) -> tuple[Person, ...]:
        lines = (" ".join(text.split()) for text in texts)
        try:
            apart = _apart(dict(zip(self._what, lines, strict=True)), self._who.separator)
        except ValueError as error:
            raise Misfit(", ".join(self._who.fields()), str(error)) from None
        return tuple([found for one in apart if (found := _person(one, self._own_domains))])


def merged(people: Iterable[Person]) -> dict[str, Person]:
    """Give everybody once, by key, with all that is said of them."""
    known: dict[str, Person] = {}
    met = set[int]()
    for one in people:
        if id(one) in met:  # nearly always: `PeopleReader` gives the same again
            continue
        met.add(id(one))
        first = known.setdefault(one.key, one)
        if first is not one:
            name = one.name if first.name in (first.address, first.corporate_address) else first.name
            company = first.company or one.company
            ids = tuple(dict.fromkeys((*first.ids, *one.ids))) if one.ids else first.ids
            if (name, company, ids) != (first.name, first.company, first.ids):
                known[one.key] = replace(first, name=name, company=company, ids=ids)
    return known


def _alone(value: object, path: str) -> str:
    """Read an element that is a text itself: its path is ``.``."""
    return str(value) if path == "." and value is not None else ""


def _apart(texts: dict[str, str], separator: str) -> list[_Told]:
    """Take several people in one cell apart; a field that is blank is so for all."""
    if not separator:
        return [tuple(texts.items())]
    lists = {
        what: [one.strip() for one in text.split(separator)]
        for what, text in texts.items()
        if text.strip(f"{separator} ")
    }
    lists = {what: found[:-1] if found and not found[-1] else found for what, found in lists.items()}
    if len({len(found) for found in lists.values()}) > 1:
        raise ValueError(f"do not name the same number of people, parted by `{separator}`; mend the row")
    return [tuple(zip(lists, one, strict=True)) for one in zip(*lists.values(), strict=True)]


@lru_cache(maxsize=_MOST)
def _person(told: _Told, own_domains: tuple[str, ...]) -> Person | None:
    said = dict(told)
    address, name = said.get("address", ""), said.get("name", "")
    if "<" in address and (found := _NAMED.fullmatch(address)):
        name, address = name or found[1].strip('"'), found[2]
    ids = tuple(
        (what.removeprefix("id "), text) for what, text in said.items() if what.startswith("id ") and text
    )
    key = f"mail:{address.casefold()}" if address else ""
    key = (
        key or next((f"{label}:{value}" for label, value in ids), "") or (name and f"name:{name.casefold()}")
    )
    if not key:
        return None
    mailbox = is_mailbox(address)
    own = mailbox and address.rpartition("@")[2].lower() in own_domains
    corporate = address if own or (mailbox and not own_domains) else ""
    name = name or address or ids[0][1]
    return Person(
        key,
        name,
        address,
        corporate,
        said.get("company", ""),
        ids,
        internal=own if own_domains and address else None,
    )
