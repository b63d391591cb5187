"""People as Symphony's APIs know them: records state them more or less fully, so all are taken together."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from include.commsarchive.model import Person
from include.commsarchive.sources.symphony.records import Happened, Json, obj, objs, text

_FIELDS = ("email", "displayName", "firstName", "lastName", "username", "company")
_ROLES = ("affectedUser", "toUser", "fromUser")
OWN = "own"
"""Marks a user of ours, in a directory that crosses to another process."""
_LEARNED = (*_FIELDS, OWN)


def users_of(one: Happened) -> list[tuple[str, Json]]:
    """Give everybody whom a record names as taking part, by `name_of`."""
    author = obj(one.body.get("message")).get("user")
    told = [] if one.who is None else [one.who]
    told += [author] if author is not one.who and isinstance(author, dict) else []
    told += [obj(one.body.get(role)) for role in _ROLES if role in one.body]
    told += objs(one.stream.get("members"))
    return [(name, user) for user in told if (name := name_of(user))]


def name_of(user: Json) -> str:
    """Name a user within the source: by id, or else by what there is."""
    if type(number := user.get("userId")) is int and number:  # nearly always
        return f"user:{number}"
    if number := text(user.get("userId") or user.get("id")):
        return f"user:{number}"
    address = text(user.get("email")).casefold()
    login = text(user.get("username")).casefold()
    return f"mail:{address}" if address else f"login:{login}" if login else ""


class Directory:
    """Everybody who is named in a conversation or file, with all that is said of them anywhere in it."""

    def __init__(self, users: dict[str, Json]) -> None:
        """Begin with users as a directory knows them, by `name_of`."""
        self._users = users

    def learn(self, name: str, user: Json) -> None:
        """Take in a user of this `name_of`, as one record states them; what was known before stays."""
        known = self._users.get(name)
        if known is None:
            told = {field: user[field] for field in _LEARNED if user.get(field)}
            self._users[name] = {"userId": user.get("userId") or user.get("id"), **told}
            return
        for field in _LEARNED:
            value = user.get(field)
            if value and (not known.get(field) or (field == "email" and not is_stated(text(known[field])))):
                known[field] = value

    def users(self, names: Iterator[str] | set[str]) -> list[Json]:
        """Give what is known of users."""
        return [self._users[name] for name in sorted(names)]

    def person(self, user: Json) -> Person | None:
        """Give the person that a record means; None where it names nobody."""
        return self.people.get(name_of(user))

    @cached_property
    def people(self) -> dict[str, Person]:
        """Everybody's person by `name_of`, one for those who share an address. Ask when all was learned."""
        keys = {name: _key(name, known) for name, known in self._users.items()}
        same: dict[str, list[Json]] = {}
        for name, key in keys.items():
            same.setdefault(key, []).append(self._users[name])
        people = {key: _person(key, group) for key, group in same.items()}
        return {name: people[key] for name, key in keys.items()}


def is_stated(email: str) -> bool:
    """Tell an address from a masked one."""
    return "@" in email and "*" not in email


def _key(name: str, user: Json) -> str:
    email = text(user.get("email"))
    return f"mail:{email.casefold()}" if is_stated(email) else name


def _person(key: str, users: list[Json]) -> Person:
    """Make one person of the users that share an address."""
    merged = dict.fromkeys(_LEARNED, "")
    for one in reversed(users):
        merged |= one
    email = text(merged["email"])
    full = " ".join(filter(None, (text(merged["firstName"]), text(merged["lastName"]))))
    ids = [("UserId", text(one["userId"])) for one in users if one.get("userId")]
    ids += [("Username", text(merged["username"]))] if merged["username"] else []
    ids += [("Masked email", email)] if email and not is_stated(email) else []
    name = text(merged["displayName"]) or full or text(merged["username"]) or email or f"user {ids[0][1]}"
    corporate = email if is_stated(email) else ""
    return Person(
        key, name, "", corporate, text(merged["company"]), tuple(ids), True if merged[OWN] else None
    )
