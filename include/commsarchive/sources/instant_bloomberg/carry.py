"""What one part of a long conversation leaves to the next: who was there, and what time it was."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping

from include.commsarchive.model import Person
from include.commsarchive.sources.instant_bloomberg.people import read_person
from include.commsarchive.sources.xml_grammar import PREFIX
from include.commsarchive.sources.xml_reading import read_strict

_PERSON = re.compile(rb"<(%b(?:User|Inviter|Invitee|Initiator))\s*>" % PREFIX, re.IGNORECASE)
_TIME = re.compile(rb"<%bDateTimeUTC\s*>\s*([0-9]+)\s*<" % PREFIX, re.IGNORECASE)
_RECENT = 64 * 1024
_USER = "<User>{}</User>"


def carry(raw: bytes, context: Mapping[str, str]) -> dict[str, str]:
    """Add to a part's context its people, as distinct ``User`` elements, and its last event's time."""
    blocks = dict.fromkeys(
        raw[person.end() : end]
        for person in _PERSON.finditer(raw)
        if (end := raw.find(b"</" + person[1], person.end())) >= 0
    )
    users = [_USER.format(block.decode("utf-8", "surrogateescape")) for block in blocks]
    known = context.get("people", "").split("\0")
    people = "\0".join(dict.fromkeys(filter(None, (*known, *users))))
    times = _TIME.findall(raw, max(0, len(raw) - _RECENT)) or _TIME.findall(raw)
    last = times[-1].decode() if times else context.get("last", "")
    return {**context, "people": people, "last": last}


def carried(context: Mapping[str, str]) -> list[Person]:
    """Read the people of the parts before. What cannot be read was refused or mended there."""
    people = []
    for block in filter(None, context.get("people", "").split("\0")):
        try:
            root = read_strict(block.encode("utf-8", "surrogateescape"), context.get("namespaces", ""))
        except ET.ParseError:
            continue
        person, _ = read_person(root[0])
        if person is not None:
            people.append(person)
    return people
