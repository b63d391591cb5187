"""People as Bloomberg mail knows them; the same keys and ids as in Instant Bloomberg."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from functools import lru_cache

from include.commsarchive.model import Person
from include.commsarchive.sources.instant_bloomberg.elements import (
    Children,
    as_written,
    attributes_of,
    text_of,
)
from include.commsarchive.sources.xml_usual import UnusualError, usual_element

_IDS = {
    "UUID": "bloomberguuid",
    "FirmNumber": "firmnumber",
    "AccountNumber": "accountnumber",
    "ClientID1": "clientid1",
    "ClientID2": "clientid2",
}
"""The label that mapping and Instant Bloomberg use, and the element."""
_OWN = frozenset({"UUID", "FirmNumber", "AccountNumber"})


def read_party(party: Children) -> tuple[Person | None, str]:
    """Read who a ``Sender``, ``Recipient`` and so on is; None where nobody is named.

    Also return what of the ``UserInfo`` we have no field for. Some producers leave that element out.
    """
    info = party.take("userinfo")
    if info is None:
        return _read(party), ""
    children = Children(info)
    person = _read(children)
    return person, attributes_of(info) + children.residue()


def read_user(element: ET.Element | None) -> tuple[Person | None, str]:
    """Read who an element such as ``Sender`` names, and give all the rest of it."""
    if element is None:
        return None, ""
    children = Children(element)
    person, residue = read_party(children)
    if person is None:
        return None, as_written(element) if text_of(element).strip() else ""
    return person, attributes_of(element) + residue + children.residue()


@lru_cache(maxsize=8192)  # the same people come in mail after mail
def read_usual_user(info: str) -> tuple[Person, str]:
    """Read who a ``UserInfo`` names, as it was written, and give all the rest of it.

    Raises:
        UnusualError: it names nobody, or is not well-formed.
    """
    person, residue = read_user(usual_element(f"<User>{info}</User>"))
    if person is None:
        raise UnusualError
    return person, residue


def _read(children: Children) -> Person | None:
    ids = tuple((label, value) for label, tag in _IDS.items() if (value := children.line(tag)))
    name = " ".join(filter(None, (children.line("firstname"), children.line("lastname"))))
    company = children.line("accountname")
    address = children.line("bloombergemailaddress")
    corporate = children.line("corporateemailaddress") or children.line("corporateemailid")
    known = dict(ids)
    key = _key(corporate, known.get("UUID", ""), address) or (name and f"name:{name.casefold()}")
    if not key:
        return None
    internal = bool(corporate) or not _OWN.isdisjoint(known)
    return Person(key, name or address or corporate or key, address, corporate, company, ids, internal)


def _key(corporate: str, uuid: str, address: str) -> str:
    if corporate:
        return f"mail:{corporate.casefold()}"
    if uuid:
        return f"uuid:{uuid}"
    return f"address:{address.casefold()}" if address else ""
