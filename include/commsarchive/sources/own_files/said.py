"""What rows say, a column for each kind of fact, and who those are that they name."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain

from include.commsarchive.model import Event, Person
from include.commsarchive.sources.own_files.people import merged

Group = tuple[Person, ...]
"""People of one row and role; the same people are often the same tuple."""


@dataclass(slots=True)
class Said:
    """What rows of one conversation say: an element of each list for each row, of `repaired` for some.

    ``people`` are sender, to, cc and bcc.
    """

    conversation: str = ""
    name: str = ""
    subject: str = ""
    native_ids: list[str] = field(default_factory=list)
    people: list[tuple[Group, ...]] = field(default_factory=list)
    events: list[list[Event]] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)

    def add(self, more: Said) -> None:
        """Add what more rows say."""
        self.conversation = self.conversation or more.conversation
        self.name = self.name or more.name
        self.subject = self.subject or more.subject
        self.native_ids += more.native_ids
        self.people += more.people
        self.events += more.events
        self.repaired += more.repaired

    def unify(self) -> dict[str, Person]:
        """Give everybody once, by key, with all that is said of them anywhere; let all events name these."""
        groups = {id(group): group for group in chain.from_iterable(self.people)}
        known = merged(person for group in groups.values() for person in group)
        for events in self.events:
            for event in events:
                if event.who:
                    event.who = known[event.who.key]
                if event.other:
                    event.other = known[event.other.key]
        return known
