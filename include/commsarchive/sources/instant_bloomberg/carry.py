"""What one part of a long conversation leaves to the next: who was there, and what time it was."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from contextlib import suppress

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Person
from include.commsarchive.sources.instant_bloomberg.people import read_person
from include.commsarchive.sources.instant_bloomberg.records import KNOWN
from include.commsarchive.sources.xml_grammar import PREFIX
from include.commsarchive.sources.xml_reading import read_mended, read_strict

_PERSON = re.compile(rb"<(%b(?:User|Inviter|Invitee|Initiator))\s*>" % PREFIX, re.IGNORECASE)
_TIME = re.compile(rb"<%bDateTimeUTC\s*>\s*([0-9]+)\s*<" % PREFIX, re.IGNORECASE)
_RECENT = 64 * 1024
_USER = "<User>{}</User>"
_APART = "\0"


def carry(raw: bytes, context: Mapping[str, str]) -> dict[str, str]:
    """Add to a part's context its people, as distinct ``User`` elements, and its last event's time."""
    blocks = dict.fromkeys(
        raw[person.end() : end]
        for person in _PERSON.finditer(raw)
        if (end := raw.find(b"</" + person[1], person.end())) >= 0
    )
    users = [_USER.format(block.decode("utf-8", "surrogateescape").replace(_APART, "")) for block in blocks]
    people = _APART.join(dict.fromkeys([*_split(context), *users]))
    times = _TIME.findall(raw, max(0, len(raw) - _RECENT)) or _TIME.findall(raw)
    last = times[-1].decode() if times else context.get("last", "")
    return {**context, "people": people, "last": last}


def carried(context: Mapping[str, str]) -> list[Person]:
    """Read the people of the parts before; who could not be read there cannot be read here."""
    people = []
    for user in _split(context):
        with suppress(Quarantine):
            found = _read(user.encode("utf-8", "surrogateescape"), context.get("namespaces", ""))
            people += [read_person(element)[0] for element in found]
    return [person for person in people if person is not None]


def _split(context: Mapping[str, str]) -> list[str]:
    return [user for user in context.get("people", "").split(_APART) if user]


def _read(user: bytes, namespaces: str) -> ET.Element:
    try:
        return read_strict(user, namespaces)
    except ET.ParseError:
        return read_mended(user, namespaces, KNOWN)[0]
