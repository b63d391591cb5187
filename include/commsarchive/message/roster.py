"""Who is in an item: everybody's label, colour and presence, worked out once for both bodies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from include.commsarchive.message.visible import one_line
from include.commsarchive.model import Item, Kind, Person

_COLOURS = 8


@dataclass(slots=True)
class Row:
    """One participant as the bodies show them. Times are ms, None where the source did not say."""

    person: Person
    role: str
    label: str
    markup: str
    """The label in the person's colour."""
    heading: str
    """The row that stands above what they say."""
    joined: int | None = None
    left: int | None = None


NOBODY = Row(Person("", ""), "", "(unknown)", "<b>(unknown)</b>", "<tr><th><td class=h><b>(unknown)</b></td>")


def roster(item: Item) -> dict[str, Row]:
    """List everybody by person key: sender, To, Cc and Bcc first, then who else occurs in an event.

    Two people of one name are told apart by address or native id.
    """
    known: dict[str, tuple[str, Person]] = {}
    for role, person in _mentions(item):
        known.setdefault(person.key, (role, person))
    names = {key: one_line(person.name) for key, (_, person) in known.items()}
    shared = Counter(names.values())
    rows = {}
    for number, (key, (role, person)) in enumerate(known.items()):
        label = names[key]
        if not label or shared[label] > 1:
            label = f"{label} ({_identity(person)})".lstrip()
        marked = f"<b class=n{number % _COLOURS}>{escape(label)}</b>"
        company = f" {escape(one_line(person.company))}" if person.company else ""
        rows[key] = Row(person, role, label, marked, f"<tr><th><td class=h>{marked}{company}</td>")
    _note_presence(item, rows)
    return rows


def _mentions(item: Item) -> Iterator[tuple[str, Person]]:
    if item.sender:
        yield "From", item.sender
    for role, group in (("To", item.to), ("Cc", item.cc), ("Bcc", item.bcc)):
        for person in group:
            yield role, person
    seen = {id(p): p for event in item.events for p in (event.who, event.other)}
    for someone in seen.values():
        if someone:
            yield "", someone


def _identity(person: Person) -> str:
    first_id = person.ids[0][1] if person.ids else ""
    return one_line(person.corporate_address or person.address or first_id or person.key)


def _note_presence(item: Item, rows: dict[str, Row]) -> None:
    for event in item.events:
        if event.kind is Kind.MESSAGE or not event.who:
            continue
        row = rows[event.who.key]
        if event.kind is Kind.LEAVE:
            row.left = event.at
        elif event.kind in (Kind.JOIN, Kind.CARRY_OVER) and row.joined is None:
            row.joined = event.at
