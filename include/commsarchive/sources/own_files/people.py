"""People as rows name them. What any row of a conversation says of somebody counts in all of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from include.commsarchive.address import is_mailbox
from include.commsarchive.model import Person
from include.commsarchive.sources.own_files.profile import Who
from include.commsarchive.sources.own_files.tree import Misfit, text_at, values_at

_NAMED = re.compile(r"\s*(.*?)\s*<\s*([^<>]+?)\s*>\s*")


class PeopleReader:
    """Reads those whom one of a profile's keys tells of."""

    def __init__(self, who: Who | None, own_domains: tuple[str, ...]) -> None:
        """Prepare to read; None: nobody is told of."""
        self._who = who
        self._own_domains = own_domains
        told = {"address": who.address, "name": who.name, "company": who.company} if who else {}
        told |= {f"id {label}": path for label, path in who.ids.items()} if who else {}
        self._paths = [(what, path) for what, path in told.items() if path]

    def read(self, tree: object) -> list[Person]:
        """Read the people of a row, in order.

        Raises:
            Misfit: fields that hold several people do not hold the same number.
        """
        if self._who is None:
            return []
        people: list[Person] = []
        for one in values_at(tree, self._who.each) if self._who.each else [tree]:
            read = text_at if isinstance(one, dict) else _alone
            texts = tuple([(what, _line(read(one, path))) for what, path in self._paths])
            try:
                people += _people(texts, self._who.separator, self._own_domains)
            except ValueError as error:
                raise Misfit(", ".join(self._who.fields()), str(error)) from None
        return people


def merged(people: Iterable[Person]) -> dict[str, Person]:
    """Give everybody once, by key, with all that is said of them."""
    known: dict[str, Person] = {}
    met = set[int]()
    for one in people:
        if id(one) in met:  # nearly always: `_people` gives the same again
            continue
        met.add(id(one))
        first = known.setdefault(one.key, one)
        if first is not one:
            known[one.key] = replace(
                first,
                name=one.name if first.name in {first.address, first.corporate_address} else first.name,
                company=first.company or one.company,
                ids=tuple(dict.fromkeys((*first.ids, *one.ids))),
            )
    return known


def _alone(value: object, path: str) -> str:
    """Read an element that is a text itself: its path is ``.``."""
    return str(value) if path == "." and value is not None else ""


@lru_cache(maxsize=8192)  # the same people come in row after row
def _people(
    texts: tuple[tuple[str, str], ...], separator: str, own_domains: tuple[str, ...]
) -> tuple[Person, ...]:
    return tuple(found for each in _apart(dict(texts), separator) if (found := _person(each, own_domains)))


def _apart(texts: dict[str, str], separator: str) -> list[dict[str, str]]:
    """Take several people in one cell apart; a field that is blank is so for all."""
    if not separator:
        return [texts]
    lists = {
        what: [one.strip() for one in text.split(separator)]
        for what, text in texts.items()
        if text.strip(f"{separator} ")
    }
    lists = {what: found[:-1] if found and not found[-1] else found for what, found in lists.items()}
    if len({len(found) for found in lists.values()}) > 1:
        raise ValueError(f"do not name the same number of people, parted by `{separator}`; mend the row")
    return [dict(zip(lists, one, strict=True)) for one in zip(*lists.values(), strict=True)]


def _person(said: dict[str, str], own_domains: tuple[str, ...]) -> Person | None:
    address, name = said.get("address", ""), said.get("name", "")
    if found := _NAMED.fullmatch(address):
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
    own = is_mailbox(address) and address.rpartition("@")[2].lower() in own_domains
    corporate = address if own or (is_mailbox(address) and not own_domains) else ""
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


def _line(text: str) -> str:
    return " ".join(text.split())
