"""People as rows name them. What any row of a conversation says of somebody counts in all of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from include.commsarchive.address import is_mailbox
from include.commsarchive.model import Person
from include.commsarchive.sources.own_files.profile import Who
from include.commsarchive.sources.own_files.tree import Misfit, text_at, values_at

_NAMED = re.compile(r"\s*(.*?)\s*<\s*([^<>]+?)\s*>\s*")


def read_people(tree: object, who: Who | None, own_domains: tuple[str, ...]) -> list[Person]:
    """Read the people of a row, in order.

    Raises:
        Misfit: fields that hold several people do not hold the same number.
    """
    if who is None:
        return []
    people = []
    for one in values_at(tree, who.each) if who.each else [tree]:
        said = {"address": who.address, "name": who.name, "company": who.company, **_labelled(who)}
        texts = {
            what: _line(text_at(one, path) if isinstance(one, dict) else _alone(one, path))
            for what, path in said.items()
            if path
        }
        people += [found for each in _apart(texts, who) if (found := _person(each, own_domains))]
    return people


def merged(people: Iterable[Person]) -> dict[str, Person]:
    """Give everybody once, by key, with all that is said of them."""
    known: dict[str, Person] = {}
    for one in people:
        first = known.get(one.key)
        if first is None:
            known[one.key] = one
        elif first != one:
            known[one.key] = replace(
                first,
                name=one.name if first.name in {first.address, first.corporate_address} else first.name,
                company=first.company or one.company,
                ids=tuple(dict.fromkeys((*first.ids, *one.ids))),
            )
    return known


def _labelled(who: Who) -> dict[str, str]:
    return {f"id {label}": path for label, path in who.ids.items()}


def _alone(value: object, path: str) -> str:
    """Read an element that is a text itself: its path is ``.``."""
    return str(value) if path == "." and value is not None else ""


def _apart(texts: dict[str, str], who: Who) -> list[dict[str, str]]:
    """Take several people in one cell apart; a field that is blank is so for all."""
    if not who.separator:
        return [texts]
    lists = {
        what: [one.strip() for one in text.split(who.separator)]
        for what, text in texts.items()
        if text.strip(f"{who.separator} ")
    }
    lists = {what: found[:-1] if found and not found[-1] else found for what, found in lists.items()}
    if len({len(found) for found in lists.values()}) > 1:
        fields = ", ".join(one for one in who.fields())
        raise Misfit(
            fields, f"do not name the same number of people, parted by `{who.separator}`; mend the row"
        )
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
