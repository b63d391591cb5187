"""Who is in an item: everybody's label, colour and presence, worked out once for both bodies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from include.commsarchive.message.card import Card, card
from include.commsarchive.model import Item, Kind, Person

_COLOURS = 8
_STATIONS = ("From", "To", "Cc", "Bcc", "")
"""Of these a person has one; what they are besides is shown with it."""
_ARRIVALS = {Kind.JOIN: "joined", Kind.CARRY_OVER: "already in at"}


@dataclass(slots=True)
class Row:
    """One participant as the bodies show them.

    ``came`` and ``left`` are (word, ms): the first arrival and the last leaving that the source told.
    """

    card: Card
    role: str
    label: str
    markup: str
    """The label in the person's colour."""
    heading: str
    """The row that stands above what they say."""
    came: tuple[str, int] | None = None
    left: tuple[str, int] | None = None


def _row(who: Card, role: str, label: str, colour: str) -> Row:
    markup = f"<b{colour}>{escape(label, quote=False)}</b>"
    return Row(who, role, label, markup, f"<tr><th><td class=h>{markup} {who.company}</td>")


NOBODY = _row(card(Person("", "")), "", "(unknown)", "")


def roster(item: Item) -> dict[str, Row]:
    """List everybody by person key: sender, To, Cc, Bcc and others first, then who else is in an event.

    Two people of one name are told apart by address or native id.
    """
    known: dict[str, tuple[str, Card]] = {}
    for role, person in _mentions(item):
        if person.key not in known:
            known[person.key] = role, card(person)
        elif role not in _STATIONS:
            first, who = known[person.key]
            known[person.key] = f"{first}, {role}", who
    shared = Counter([who.name for _, who in known.values()])
    rows = {}
    for number, (key, (role, who)) in enumerate(known.items()):
        label = who.name
        if not label or shared[label] > 1:
            label = f"{label} ({who.identity})".lstrip()
        rows[key] = _row(who, role, label, f" class=n{number % _COLOURS}")
    _note_presence(item, rows)
    return rows


def _mentions(item: Item) -> Iterator[tuple[str, Person]]:
    if item.sender:
        yield "From", item.sender
    for role, group in (("To", item.to), ("Cc", item.cc), ("Bcc", item.bcc)):
        for person in group:
            yield role, person
    for role, person in item.others:
        yield role, person
    seen = {id(p): p for event in item.events for p in (event.who, event.other)}
    for someone in seen.values():
        if someone:
            yield "", someone


def _note_presence(item: Item, rows: dict[str, Row]) -> None:
    for event in item.events:
        if event.kind is Kind.MESSAGE or not event.who:
            continue
        row = rows[event.who.key]
        if event.kind is Kind.LEAVE:
            row.left = ("left", event.at)
        elif event.kind in _ARRIVALS and row.came is None:
            row.came = (_ARRIVALS[event.kind], event.at)
