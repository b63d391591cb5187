"""People as Persistent Chat knows them: every message says who sent it, though not always their address."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from functools import lru_cache

from include.commsarchive.model import Person
from include.commsarchive.sources.instant_bloomberg.elements import local
from include.commsarchive.sources.xml_usual import UnusualError, usual_element

_FIELDS = ("username", "id", "email", "internal", "uri")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_SIP = "sip:"

Said = dict[str, str]


class Directory:
    """Everybody in one conversation: what any message says of a sender counts in all."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._known: dict[str, Said] = {}
        self._made: dict[str, Person] = {}

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody, each once, in order of appearance."""
        return tuple({one.key: one for one in self._all().values()}.values())

    def learn(self, said: Said) -> None:
        """Take in what a message says of its sender."""
        if login := _login(said):
            known = self._known.setdefault(login, {})
            if known == said:
                return
            known |= {name: value for name, value in said.items() if value and not known.get(name)}
            self._made = {}

    def told(self) -> str:
        """Tell what is known, for another part of the conversation to `remember`."""
        return json.dumps(self._known)

    def remember(self, told: str) -> None:
        """Take in what an earlier part told."""
        self._known |= json.loads(told or "{}")

    def person(self, said: Said) -> Person | None:
        """Give the person that a message names; None where it names nobody. Ask when all was learned."""
        return self._all().get(_login(said))

    def _all(self) -> dict[str, Person]:
        if not self._made:
            same: dict[str, list[Said]] = {}
            for login, known in self._known.items():
                same.setdefault(_key(login, known), []).append(known)
            people = {key: _person(key, group) for key, group in same.items()}
            self._made = {login: people[_key(login, known)] for login, known in self._known.items()}
        return self._made


def said_of(sender: ET.Element | None) -> Said:
    """Give what a message says of its sender."""
    return {} if sender is None else _fields(tuple(sender.items()))


@lru_cache(maxsize=4096)  # the same people in message after message; nobody changes what is given
def _fields(attributes: tuple[tuple[str, str], ...]) -> Said:
    said = {local(name): " ".join(value.split()) for name, value in reversed(attributes)}
    return {name: said.get(name, "") for name in _FIELDS}


@lru_cache(maxsize=4096)
def said_in(tag: str) -> Said:
    """Give what a sender's tag says, as it is written after its name.

    Raises:
        UnusualError: it is not well-formed, or says what has no field of ours.
    """
    sender = usual_element(f"<Sender{tag}>")
    if unknown_attributes(sender):
        raise UnusualError
    return said_of(sender)


def unknown_attributes(sender: ET.Element) -> str:
    """Give what a sender says that has no field of ours."""
    return _unknown(tuple(sender.items()))


@lru_cache(maxsize=4096)
def _unknown(attributes: tuple[tuple[str, str], ...]) -> str:
    more = {name: value for name, value in attributes if local(name) not in _FIELDS and value.strip()}
    return " ".join(f"Sender {name.rpartition('}')[2]}={value!r}" for name, value in more.items())


def _login(said: Said) -> str:
    """Tell senders apart: by uri, or id, or address, or else by name."""
    for name in ("uri", "id", "email", "username"):
        if value := said.get(name):
            return f"{name}:{value.casefold()}"
    return ""


def _address(known: Said) -> str:
    """Give the address to map by: the uri's serves where ``email`` is empty (section 6.2)."""
    uri = known.get("uri", "")
    bare = uri[len(_SIP) :] if uri.lower().startswith(_SIP) else uri
    return known.get("email") or (bare if "@" in bare and ":" not in bare else "")


def _key(login: str, known: Said) -> str:
    address = _address(known)
    return f"mail:{address.casefold()}" if address else login


def _person(key: str, senders: list[Said]) -> Person:
    """Make one person of the senders that share an address."""
    first, address = senders[0], _address(senders[0])
    name = next((one["username"] for one in senders if one.get("username")), "")
    ids = [("Id", one["id"]) for one in senders if one.get("id")]
    ids += [("Uri", one["uri"]) for one in senders if one.get("uri")]
    flags = [_FLAGS[one["internal"].lower()] for one in senders if one.get("internal", "").lower() in _FLAGS]
    internal = any(flags) if flags else None
    shown = name or address or first.get("uri") or first.get("id") or key
    return Person(key, shown, address, address, "", tuple(dict.fromkeys(ids)), internal)
