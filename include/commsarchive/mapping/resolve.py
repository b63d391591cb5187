"""Whose mailboxes keep a copy of an item.

Order of precedence as in Microsoft Purview's Bloomberg and ICE connectors: the custom file first, then
automatically by the corporate address, else nobody.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from include.commsarchive.address import is_mailbox
from include.commsarchive.ids import digest
from include.commsarchive.mapping.snapshot import Row, Snapshot
from include.commsarchive.mapping.users import Users
from include.commsarchive.model import Person

_MS_PER_DAY = 86_400_000
_EPOCH = dt.date(1970, 1, 1).toordinal()
_SHARED_IDS = frozenset({"firmnumber", "accountnumber"})
"""Labels of ids that a whole firm or desk shares: they name nobody."""


class Dated(Protocol):
    """What is asked about: people, at a time (ms). A `StagedItem`, or just its head."""

    @property
    def at(self) -> int:
        """When it was said."""

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody in it."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Who is who in one item, and where copies go.

    ``addresses`` gives the mailbox of each mapped person by person key, whether or not the custodian is
    in scope. ``mailboxes`` are those to file in, lower case, each once, in the order of the item's
    people. ``unmapped_people`` are own people without a mailbox. ``unmapped``: nobody could be mapped,
    the third-party mailbox gets the item. ``excluded``: people could be mapped but none is in scope,
    so that no copy is filed.
    """

    addresses: dict[str, str]
    mailboxes: tuple[str, ...]
    unmapped_people: tuple[Person, ...]
    unmapped: bool
    excluded: bool


class Resolver:
    """The rules in force for one run. Remembers people, so that one run asks about each only once.

    With a scope, items that map to nobody still go to the third-party mailbox: we cannot know that
    their people are out of scope, and what is not filed would be lost.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        automatic: bool,
        domains: Collection[str],
        scope: Collection[str] | None,
        third_party_mailbox: str,
        directory: Users | None = None,
    ) -> None:
        """Take the rules.

        Args:
            snapshot: the custom mapping.
            automatic: map by corporate address what the custom mapping does not know.
            domains: domains that automatic mapping may map to, exactly as given (no subdomains);
                empty: any.
            scope: mailboxes of the custodians in scope; None: everybody.
            third_party_mailbox: gets the items that map to nobody.
            directory: automatic mapping goes to the mailbox that owns a person's address, and to no others.
        """
        self._rows: defaultdict[str, list[Row]] = defaultdict(list)
        for row in snapshot.rows:
            self._rows[row.external_id.casefold()].append(row)
        self._automatic = automatic
        self._domains = frozenset(domain.lower().removeprefix("@") for domain in domains)
        self._scope = None if scope is None else frozenset(mailbox.lower() for mailbox in scope)
        self._third_party = third_party_mailbox.lower()
        self._owners = None if directory is None else directory.owners()
        self._known: dict[Person, tuple[tuple[Row, ...], str]] = {}
        self.version = digest(
            "rules",
            snapshot.version,
            str(automatic),
            " ".join(sorted(self._domains)),
            "all" if self._scope is None else " ".join(sorted(self._scope)),
            self._third_party,
            *([] if directory is None else [directory.version]),
        )
        """Names all the rules together, in 32 hexadecimal digits: equal rules file equally."""

    def custodians(self, item: Dated) -> Resolution:
        """Resolve the people of one item, as of its date (UTC)."""
        day = dt.date.fromordinal(_EPOCH + item.at // _MS_PER_DAY)
        addresses: dict[str, str] = {}
        unmapped_people = []
        for person in item.people:
            if mailbox := self._mailbox(person, day):
                addresses[person.key] = mailbox
            elif self._is_own(person):
                unmapped_people.append(person)
        if addresses:
            scope = self._scope
            mailboxes = tuple(dict.fromkeys(m for m in addresses.values() if scope is None or m in scope))
        else:
            mailboxes = (self._third_party,)
        return Resolution(
            addresses=addresses,
            mailboxes=mailboxes,
            unmapped_people=tuple(unmapped_people),
            unmapped=not addresses,
            excluded=not mailboxes,
        )

    def _is_own(self, person: Person) -> bool:
        """Tell our own people: where the source does not say (mail), by the domains of our mailboxes."""
        if person.internal is not None:
            return person.internal
        addresses = (person.corporate_address, person.address)
        return any(one.strip().lower().rpartition("@")[2] in self._domains for one in addresses)

    def _mailbox(self, person: Person, day: dt.date) -> str:
        known = self._known.get(person)
        if known is None:
            known = self._known[person] = (self._custom(person), self._corporate(person))
        rows, corporate = known
        return next((row.mailbox for row in rows if row.covers(day)), corporate)

    def _custom(self, person: Person) -> tuple[Row, ...]:
        """The custom rows of a person, by the first id in the person's own order first."""
        own = [value for label, value in person.ids if label.lower() not in _SHARED_IDS]
        ids = dict.fromkeys(value.casefold() for value in (*own, person.address, person.corporate_address))
        return tuple(row for one in ids for row in self._rows.get(one, ()))

    def _corporate(self, person: Person) -> str:
        """Map by the employer's address; with a directory, by any address that it knows to be somebody's."""
        stated, other = (one.strip().lower() for one in (person.corporate_address, person.address))
        owners = self._owners
        mailbox = stated if owners is None else owners.get(stated) or owners.get(other, "")
        allowed = not self._domains or mailbox.rpartition("@")[2] in self._domains
        return mailbox if self._automatic and allowed and is_mailbox(mailbox) else ""
