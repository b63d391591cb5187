"""Everybody in a mail, in the station in which it was delivered."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from functools import lru_cache

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Person
from include.commsarchive.sources.bloomberg_message.people import (
    read_party,
    read_user,
    read_usual_user,
)
from include.commsarchive.sources.instant_bloomberg.elements import Children, attributes_of, local
from include.commsarchive.sources.instant_bloomberg.people import unify
from include.commsarchive.sources.xml_usual import SPACE, UnusualError, usual_element

_OTHERS = {
    "onbehalfof": "On behalf of",
    "sharedmessenger": "Shared messenger",
    "origsender": "Original sender",
}
_DELIVERIES = ("to", "cc", "bcc")
_NAMED = frozenset({"sender", "recipient", *_OTHERS})
_USUAL = re.compile(
    rf'<(?:(Sender)|Recipient(?: DeliveryType ?= ?"(TO|CC|BCC)")?+)>{SPACE}'
    rf"(<UserInfo>(?:[^<]*+<(?!/?UserInfo>))*+[^<]*+</UserInfo>){SPACE}(?(1)</Sender>|</Recipient>){SPACE}"
)
"""A sender, or a recipient, who is a user and nothing else."""
_LONGEST_KNOWN = 64 * 1024


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


def read_parties(children: Children) -> Parties:
    """Take everybody from a message's children; who is stated more or less fully is one person.

    Raises:
        Quarantine: ``missing-from`` or ``missing-to``.
    """
    sender, residue = read_user(children.take("sender"))
    if sender is None:
        raise Quarantine("missing-from", "its Sender names nobody")
    parties = Parties(sender, residue=[residue])
    for name, role in _OTHERS.items():
        for element in children.take_all(name):
            person, residue = read_user(element)
            parties.residue.append(residue)
            parties.others += [(role, person)] if person else []
    for element in children.take_all("recipient"):
        _read_recipient(element, parties)
    return _unified(parties)


def parties_in(text: str) -> Parties:
    """Read everybody, as they are written in a message one after the other. Nobody changes what is given.

    Raises:
        Quarantine: ``missing-from`` or ``missing-to``.
        UnusualError: there is anything else, or it is not well-formed.
    """
    return _known_parties(text) if len(text) < _LONGEST_KNOWN else _parties_in(text)


@lru_cache(maxsize=128)  # a desk writes to the same list mail after mail
def _known_parties(text: str) -> Parties:
    return _parties_in(text)


def _parties_in(text: str) -> Parties:
    parts = _USUAL.split(text)
    rows = list(zip(parts[1::4], parts[2::4], parts[3::4], strict=True))
    senders = [info for is_sender, _, info in rows if is_sender]
    if any(parts[::4]) or len(senders) != 1:
        return _parties_of(usual_element(f"<Message>{text}</Message>"))
    sender, residue = read_usual_user(senders[0])
    parties = Parties(sender, residue=[residue])
    for is_sender, how, info in rows:
        if not is_sender:
            person, residue = read_usual_user(info)
            parties.recipients[how.lower() if how else "to"].append(person)
            parties.residue.append(residue)
    return _unified(parties)


def _parties_of(element: ET.Element) -> Parties:
    children = Children(element)
    if any(local(child.tag) not in _NAMED for child in element):
        raise UnusualError
    parties = read_parties(children)
    parties.residue.append(children.residue())
    return parties


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
    if not any(parties.recipients.values()):
        raise Quarantine("missing-to", "no Recipient names anybody")
    same = unify([parties.sender, *parties.but_sender])
    parties.sender = same[id(parties.sender)]
    parties.others = list(dict.fromkeys((role, same[id(person)]) for role, person in parties.others))
    for name, group in parties.recipients.items():
        parties.recipients[name] = list({same[id(one)].key: same[id(one)] for one in group}.values())
    return parties
