"""People as Vantage knows them: events name logins, joins and leaves say more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from include.commsarchive.model import Person

_CORPORATE = ("corporateemailid", "corporateemailaddress")
_FLAGS = {
    "true": True,
    "1": True,
    "yes": True,
    "y": True,
    "false": False,
    "0": False,
    "no": False,
    "n": False,
}


@dataclass(slots=True)
class _Known:
    login: str
    corporate: str = ""
    user_type: str = ""
    internal: bool | None = None


class Directory:
    """Everybody in one conversation, by login without regard to case: what any event says counts in all."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._known: dict[str, _Known] = {}
        self._made: dict[str, Person] = {}

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody, each once, in order of appearance."""
        found = [person for login in self._known if (person := self.person(login))]
        return tuple({person.key: person for person in found}.values())

    def learn(self, said: Mapping[str, str]) -> None:
        """Take in what an event says of people: its lines by local name."""
        self._meet(said.get("inviterloginname", ""))
        if known := self._meet(said.get("loginname", "")):
            if not known.corporate:
                known.corporate = next((line for name in _CORPORATE if (line := said.get(name))), "")
            known.user_type = known.user_type or said.get("usertype", "")
            if known.internal is None:
                known.internal = _FLAGS.get(said.get("internalflag", "").lower())

    def told(self) -> str:
        """Tell what is known, for another part of the conversation to `remember`."""
        return json.dumps(
            [[one.login, one.corporate, one.user_type, one.internal] for one in self._known.values()]
        )

    def remember(self, told: str) -> None:
        """Take in what an earlier part told."""
        for login, corporate, user_type, internal in json.loads(told or "[]"):
            self._known[login.casefold()] = _Known(login, corporate, user_type, internal)

    def person(self, login: str) -> Person | None:
        """Give the person of a login; None where there is none. Ask when everybody was learned."""
        if not self._made:
            same: dict[str, list[_Known]] = {}
            for known in self._known.values():
                same.setdefault(_key(known), []).append(known)
            people = {key: _person(key, group) for key, group in same.items()}
            self._made = {login: people[_key(known)] for login, known in self._known.items()}
        return self._made.get(login.casefold())

    def _meet(self, login: str) -> _Known | None:
        if not login:
            return None
        key = login.casefold()
        if key not in self._known:
            self._known[key] = _Known(login)
        return self._known[key]


def _corporate(known: _Known) -> str:
    """Give a corporate address: a login that is an address serves where none is stated."""
    return known.corporate or (known.login if "@" in known.login else "")


def _key(known: _Known) -> str:
    corporate = _corporate(known)
    return f"mail:{corporate.casefold()}" if corporate else f"login:{known.login.casefold()}"


def _person(key: str, logins: list[_Known]) -> Person:
    """Make one person of the logins that share an address."""
    first = logins[0]
    types = dict.fromkeys(one.user_type for one in logins if one.user_type.lower() not in {"", "user"})
    ids = [("LoginName", one.login) for one in logins] + [("UserType", one) for one in types]
    flags = [one.internal for one in logins if one.internal is not None]
    internal = any(flags) if flags else None
    address = next((one.login for one in logins if "@" in one.login), "")
    return Person(key, first.login, address, _corporate(first), "", tuple(ids), internal)
