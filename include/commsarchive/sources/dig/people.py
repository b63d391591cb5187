"""Participants of an interaction, by the ids that its events go by."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from functools import lru_cache

from include.commsarchive.model import Person
from include.commsarchive.sources.instant_bloomberg.elements import Children, as_written, local
from include.commsarchive.sources.xml_usual import Usual, usual_element

PARTICIPANT = 1
"""Where one stands in a row of `events.usual`."""
_INTERNAL = "internal"
_PLAIN_ROLES = frozenset({"", "participant"})


class Roster:
    """Everybody in an interaction. ``facts`` is what was said of them that we have no field for."""

    def __init__(self, listed: list[ET.Element], usual: Usual, namespaces: str) -> None:
        """Take the lists of participants, of which usual ones were taken out; their namespaces are these."""
        self.facts: list[tuple[str, str]] = []
        self._keys: dict[str, str] = {}
        self._people: dict[str, Person] = {}
        for children in listed:
            for child in children:
                if child.tag == usual.tag:
                    for row in usual.at(child):
                        self._add(*_read_row(row[PARTICIPANT], namespaces))
                elif local(child.tag) == "participant":
                    self._add(*_read(child))
                else:
                    self.facts.append((child.tag.rpartition("}")[2], as_written(child)))
            stray = " ".join("".join(filter(None, (children.text, *(one.tail for one in children)))).split())
            self.facts += [("text between participants", stray)] if stray else []

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody, each once."""
        return tuple(self._people.values())

    def person(self, number: str) -> Person | None:
        """Give the participant of this id; None where there is none."""
        return self._people.get(self._keys.get(number, ""))

    def _add(self, number: str, person: Person, rest: str) -> None:
        self.facts += [(f"participant {person.name}", rest)] if rest else []
        known = self._people.get(person.key)
        if known:
            person = replace(known, ids=tuple(dict.fromkeys((*known.ids, *person.ids))))
        self._people[person.key] = person
        self._keys.setdefault(number, person.key)


@lru_cache(maxsize=8192)  # the same people in interaction after interaction
def _read_row(participant: str, namespaces: str) -> tuple[str, Person, str]:
    return _read(usual_element(f"<participant{participant}</participant>", namespaces))


def _read(element: ET.Element) -> tuple[str, Person, str]:
    """Give a participant's id, who it is, and what we have no field for."""
    said = {local(name): " ".join(value.split()) for name, value in reversed(element.attrib.items())}
    number, role = said.pop("participant-id", ""), said.pop("participant-role", "")
    children = Children(element)
    endpoint = _or_empty(children, "network-info")
    network, user = Children(endpoint), Children(_or_empty(children, "user-info"))
    kind = next((value for key, value in endpoint.attrib.items() if local(key) == "endpoint-id-type"), "")
    person = _person(number, role, (kind, network), user)
    rest = [f"{name}={value!r}" for name, value in said.items() if value]
    rest += [one.residue() for one in (children, network, user)]
    return number, person, " ".join(filter(None, rest))


def _person(number: str, role: str, endpoint_info: tuple[str, Children], user: Children) -> Person:
    endpoint_type, network = endpoint_info
    place, endpoint = network.line("network"), network.line("endpoint-id")
    name = Children(_or_empty(user, "name"))
    parts = [name.line(one) for one in ("first", "middle", "last")]
    shown = name.line("display-name") or network.line("display-name") or " ".join(filter(None, parts))
    address, kind, number_of_user = user.line("email-address"), user.line("user-type"), user.line("user-id")
    own = endpoint if "@" in endpoint else ""
    corporate = address or own
    key = (
        f"mail:{corporate}"
        if corporate
        else f"endpoint:{place}:{endpoint}"
        if endpoint
        else f"participant:{number}"
    )
    told = (
        (" ".join(filter(None, (place, endpoint_type))) or "Endpoint", endpoint),
        ("User id", number_of_user),
        ("User type", kind if kind.lower() != _INTERNAL else ""),
        ("Role", role if role.lower() not in _PLAIN_ROLES else ""),
        ("Name", name.residue()),
    )
    ids = tuple((label, value) for label, value in told if value)
    internal = kind.lower() == _INTERNAL if kind else None
    fallback = corporate or endpoint or number or "(nobody)"
    return Person(key.casefold(), shown or fallback, own, corporate, user.line("affiliation"), ids, internal)


def _or_empty(children: Children, name: str) -> ET.Element:
    taken = children.take(name)
    return ET.Element(name) if taken is None else taken
