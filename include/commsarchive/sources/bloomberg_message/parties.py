"""Everybody in a mail, in the station in which it was delivered."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Person
from include.commsarchive.sources.bloomberg_message.people import (
    read_party,
    read_user,
    read_usual_user,
)
from include.commsarchive.sources.instant_bloomberg.elements import Children, attributes_of, local
from include.commsarchive.sources.instant_bloomberg.people import unify
from include.commsarchive.sources.xml_usual import SPACE, Row, UnusualError, Usual

_OTHERS = {
    "onbehalfof": "On behalf of",
    "sharedmessenger": "Shared messenger",
    "origsender": "Original sender",
}
_DELIVERIES = ("to", "cc", "bcc")
USUAL = re.compile(
    rf'<(?:(Sender)|Recipient(?: DeliveryType ?= ?"(TO|CC|BCC)")?+)>{SPACE}'
    rf"(<UserInfo>(?:[^<]*+<(?!/UserInfo>))*+[^<]*+</UserInfo>){SPACE}(?(1)</Sender>|</Recipient>){SPACE}"
)
"""A sender, or a recipient, who is a user and nothing else."""
_IS_SENDER, _INFO = 0, 2
"""Where it says so, and where the user stands in it."""


@dataclass(slots=True)
class Parties:
    """``recipients`` are those of To, Cc and Bcc; ``others`` take part besides, as (what they are, person).

    ``said`` are facts about them and ``residue`` what no field of ours holds.
    """

    sender: Person
    recipients: dict[str, list[Person]] = field(default_factory=lambda: {name: [] for name in _DELIVERIES})
    others: list[tuple[str, Person]] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)
    residue: list[str] = field(default_factory=list)

    @property
    def but_sender(self) -> list[Person]:
        """Everybody else, recipients first."""
        received = [person for name in _DELIVERIES for person in self.recipients[name]]
        return received + [person for _, person in self.others]


def read_parties(children: Children, usual: Usual) -> Parties:
    """Take everybody from a message's children; who is stated more or less fully is one person.

    Raises:
        Quarantine: ``missing-from`` or ``missing-to``.
        UnusualError: somebody that looked usual must be read with care.
    """
    listed = list[ET.Element | Row]()
    for element in children.take_all("recipient", usual.tag):
        listed += usual.at(element) if element.tag == usual.tag else (element,)
    sender, residue = _read_sender(
        children, [row for row in listed if isinstance(row, tuple) and row[_IS_SENDER]]
    )
    if sender is None:
        raise Quarantine("missing-from", "its Sender names nobody")
    parties = Parties(sender, residue=[residue])
    for name, role in _OTHERS.items():
        for element in children.take_all(name):
            person, residue = read_user(element)
            parties.residue.append(residue)
            parties.others += [(role, person)] if person else []
    for one in listed:
        if isinstance(one, tuple):
            _add_usual(one, parties)
        else:
            _read_recipient(one, parties)
    if not any(parties.recipients.values()):
        raise Quarantine("missing-to", "no Recipient names anybody")
    return _unified(parties)


def _read_sender(children: Children, usual: list[Row]) -> tuple[Person | None, str]:
    if not usual:
        return read_user(children.take("sender"))
    if len(usual) > 1 or children.find("sender") is not None:
        raise UnusualError
    return read_usual_user(usual[0][_INFO])


def _add_usual(row: Row, parties: Parties) -> None:
    is_sender, how, info = row
    if not is_sender:
        person, residue = read_usual_user(info)
        parties.recipients[how.lower() or "to"].append(person)
        parties.residue.append(residue)


def _read_recipient(element: ET.Element, parties: Parties) -> None:
    children = Children(element)
    forwarded = children.line("forwardedby")
    person, residue = read_party(children)
    if person is None:
        parties.residue.append(read_user(element)[1])
        return
    attributes = {local(name): value for name, value in element.attrib.items()}
    how = attributes.pop("deliverytype", "").strip()
    name = how.lower() if how.lower() in _DELIVERIES else "to"
    parties.residue += [attributes_of(ET.Element("Recipient", attributes))] if attributes else []
    parties.residue += [residue, children.residue()]
    parties.recipients[name].append(person)
    parties.said += [("Forwarded by", f"{forwarded} ({person.name})")] if forwarded else []
    parties.said += [("Delivery type", f"{how} ({person.name})")] if how and name != how.lower() else []


def _unified(parties: Parties) -> Parties:
    same = unify([parties.sender, *parties.but_sender])
    parties.sender = same[id(parties.sender)]
    parties.others = list(dict.fromkeys((role, same[id(person)]) for role, person in parties.others))
    for name, group in parties.recipients.items():
        parties.recipients[name] = list({same[id(one)].key: same[id(one)] for one in group}.values())
    return parties
