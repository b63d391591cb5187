"""People as Instant Bloomberg knows them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import replace

from include.commsarchive.model import Person
from include.commsarchive.sources.instant_bloomberg.elements import Children, attributes_of

_IDS = ("LoginName", "UUID", "FirmNumber", "AccountNumber", "ClientID1", "ClientID2")
_OWN = frozenset({"UUID", "FirmNumber", "AccountNumber"})
_BLOOMBERG = "@bloomberg.net"


def read_person(element: ET.Element) -> tuple[Person | None, str]:
    """Read a user element; None where it names nobody. Also return what we have no field for.

    Only the firm's own people have a UUID, firm or account number, or a corporate address. The key
    is made of the best identity there is (financial formats, section 1.4).
    """
    children = Children(element)
    ids = tuple((label, value) for label in _IDS if (value := children.line(label.lower())))
    name = " ".join(filter(None, (children.line("firstname"), children.line("lastname"))))
    company = children.line("companyname")
    address = children.line("emailaddress")
    corporate = children.line("corporateemailaddress") or children.line("corporateemailid")
    known = dict(ids)
    login = known.get("LoginName", "")
    key = _key(corporate, known.get("UUID", ""), address, login) or (name and f"name:{name.casefold()}")
    residue = attributes_of(element) + children.residue()
    if not key:
        return None, residue
    internal = bool(corporate) or not _OWN.isdisjoint(known)
    person = Person(key, name or login or address or key, address, corporate, company, ids, internal)
    return person, residue


def _key(corporate: str, uuid: str, address: str, login: str) -> str:
    if corporate:
        return f"mail:{corporate.casefold()}"
    if uuid:
        return f"uuid:{uuid}"
    if address:
        return f"address:{address.casefold()}"
    return f"login:{login.casefold()}" if login else ""


def unify(people: Iterable[Person]) -> dict[int, Person]:
    """Find who is the same person in one conversation: the one to show for each, by ``id()``.

    Events state a person more or less fully, and in either case. Same key, or same login with
    nothing that contradicts, is the same person, of whom all that is known is kept.
    """
    merged: list[Person] = []
    members: list[list[int]] = []
    keys: dict[str, int] = {}
    logins: dict[str, int] = {}
    for person in people:
        login = _login(person)
        at = keys.get(person.key)
        if at is None and (at := logins.get(login)) is not None and not _compatible(merged[at], person):
            at = None
        if at is None:
            at = len(merged)
            merged.append(person)
            members.append([])
        else:
            merged[at] = _merge(merged[at], person)
        members[at].append(id(person))
        keys[person.key] = at
        if login:
            logins[login] = at
    return {member: merged[at] for at, group in enumerate(members) for member in group}


def _login(person: Person) -> str:
    """Give the login name, the same in all versions of the format."""
    login = dict(person.ids).get("LoginName", person.address)
    return login.casefold().removesuffix(_BLOOMBERG)


def _compatible(one: Person, other: Person) -> bool:
    """Tell whether nothing says that these are two."""
    if one.corporate_address and other.corporate_address:
        return False  # were they the same, so were the keys
    uuids = [{value for label, value in person.ids if label == "UUID"} for person in (one, other)]
    return not all(uuids) or not uuids[0].isdisjoint(uuids[1])


def _other_address(best: Person, rest: Person) -> list[tuple[str, str]]:
    same = best.address.casefold() == rest.address.casefold()
    return [("EmailAddress", rest.address)] if best.address and rest.address and not same else []


def _merge(one: Person, other: Person) -> Person:
    ranks = ("mail:", "uuid:", "address:", "login:", "name:")
    best, rest = sorted((one, other), key=lambda p: [p.key.startswith(rank) for rank in ranks], reverse=True)
    return replace(
        best,
        address=best.address or rest.address,
        corporate_address=best.corporate_address or rest.corporate_address,
        company=best.company or rest.company,
        ids=tuple(dict.fromkeys((*best.ids, *rest.ids, *_other_address(best, rest)))),
        internal=best.internal or rest.internal,
    )
