"""An e-mail address for everybody: what a header may hold, and what stands in where nothing fits."""

from __future__ import annotations

import re

from include.commsarchive.ids import digest
from include.commsarchive.model import Address, Person

_LONGEST = 254  # RFC 5321 4.5.3.1, less the angle brackets
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?=[^@]{{1,64}}@){_ATEXT}(?:\.{_ATEXT})*@{_LABEL}(?:\.{_LABEL})*")
_PLAIN = re.compile(r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*")


def is_address(email: str) -> bool:
    """Say whether an address may stand in a header as it is: RFC 5322 dot-atoms, RFC 5321 lengths."""
    return len(email) <= _LONGEST and "=?" not in email and _ADDRESS.fullmatch(email) is not None


def address_of(person: Person, source: str, mapped: str | None) -> Address:
    """Give a person's address: mapped mailbox, corporate, the source's own, or one that we make.

    An address that no header can hold is left out; when nothing else is known of the person, it is
    kept in the display name.
    """
    known = [email.strip() for email in (mapped or "", person.corporate_address, person.address)]
    for email in known:
        if is_address(email):
            return Address(person.name, email)
    broken = next(filter(None, known), "")
    name = f"{person.name} ({broken})".strip() if broken else person.name
    return Address(name, _synthetic(person.key, source))


def _synthetic(key: str, source: str) -> str:
    """Make an address that can never be somebody's (RFC 2606) and differs for every key."""
    local = key.replace(":", ".", 1)
    if len(local) > 60 or not _PLAIN.fullmatch(local):  # noqa: PLR2004 - a local part has at most 64
        local = digest("person", key)
    domain = source.replace("_", "-").strip("-")
    return f"{local}@{domain if _PLAIN.fullmatch(domain) else digest('source', source)}.invalid"
