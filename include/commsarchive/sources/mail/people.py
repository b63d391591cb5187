"""Who is in a mail, by its address fields, however they are written."""

from __future__ import annotations

import re

from include.commsarchive.model import Person
from include.commsarchive.sources.mime_parts import addresses, decoded

_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)*")


class People:
    """Everybody in a mail, each once; ``odd`` are remarks on fields that were not well-formed."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self.odd: list[str] = []
        self._known: dict[str, Person] = {}

    def read(self, field: str, values: list[str]) -> list[Person]:
        """Read address fields: what can be recognised as an address is never lost."""
        pairs = [(decoded(name), address.strip()) for name, address in addresses(values) if name or address]
        sound = [
            (name, address) for name, address in pairs if _ADDRESS.fullmatch(address) or "@" not in address
        ]
        found = [self._person(name, address) for name, address in sound]
        seen = {address.casefold() for _, address in sound}
        missed = [one for one in _ADDRESS.findall(" , ".join(values)) if one.casefold() not in seen]
        if missed or len(sound) < len(pairs) or any("@" not in address for _, address in sound):
            self.odd.append(f"{field} is not well-formed")
        found += [self._person("", one) for one in missed]
        return list({person.key: person for person in found}.values())

    def named(self, name: str) -> Person:
        """Give a person of whom nothing but the name is known, or who has that name in an address field."""
        same = [one for one in self._known.values() if one.name.casefold() == name.casefold()]
        return same[0] if len(same) == 1 else self._person(name, "")

    def person(self, name: str, address: str) -> Person:
        """Give the person of an address, or else of a name."""
        return self._person(name, address)

    def _person(self, name: str, address: str) -> Person:
        key = f"mail:{address.casefold()}" if "@" in address else f"name:{(name or address).casefold()}"
        corporate = address if "@" in address else ""
        person = Person(key, name or address, address, corporate, internal=None)
        return self._known.setdefault(key, person)
