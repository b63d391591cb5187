"""Reading copies back: does the destination keep them, and as it was asked to?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

from include.commsarchive.errors import Retriable
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.message.visible import header_text
from include.commsarchive.model import Kept, Letter, Outcome
from include.commsarchive.stages.lease import Lease

ReadBack = Literal["first", "sample", "all"]
"""Which copies are read back: the first of each kind, some, or every one."""

NOT_STORED = "not-stored"
NOT_READ = "not-read-back"
UNFOUND = "search by delivery key"
ONE_IN = 64
"""Share of the copies of a sample."""

WIDE = 32
"""Mailboxes that are asked at once."""

Place = tuple[str, str]
"""A mailbox and one of its folders."""
Answer = TypeVar("Answer")
Asked = TypeVar("Asked")


def ask_each(
    mailbox: Mailbox, places: dict[Place, Asked], ask: Callable[[str, str, Asked], Answer]
) -> Iterator[tuple[Place, Answer | Retriable]]:
    """Ask several mailboxes, side by side where there is a wire to wait for.

    What one of them cannot answer now is its own answer: the others go on.
    """

    def answer(place: Place) -> Answer | Retriable:
        try:
            return ask(*place, places[place])
        except Retriable as error:
            return error

    if mailbox.keyed or len(places) < 2:  # noqa: PLR2004 - one needs no company
        yield from ((place, answer(place)) for place in places)
        return
    with ThreadPoolExecutor(WIDE) as pool:
        yield from zip(places, pool.map(answer, places), strict=True)


def by_place(rows: Iterable[tuple[str, str, Asked]]) -> dict[Place, list[Asked]]:
    """Group by mailbox and folder."""
    places: dict[Place, list[Asked]] = {}
    for mailbox, folder, row in rows:
        places.setdefault((mailbox, folder), []).append(row)
    return places


@dataclass(slots=True)
class Checker:
    """Sends letters and reads back what must be. The first copy for each folder goes alone.

    One that was in doubt goes after the others the next time, lest a letter that no server can stand keep
    all others back. ``faults`` are what is kept otherwise than asked: nothing more is sent then.
    """

    mailbox: Mailbox
    how: ReadBack
    lease: Lease
    faults: list[str] = field(default_factory=list)
    _checked: set[str] = field(default_factory=set)
    _doubts: Counter[str] = field(default_factory=Counter)
    """By delivery key: how often a copy that went alone was in doubt."""

    def send(self, letters: Sequence[Letter]) -> list[Outcome]:
        """File letters; outcomes are of those that were tried. A copy that is not there is in doubt.

        Raises:
            Retriable: the destination cannot be reached, or another task has taken over.
            Fatal: the destination refuses us.
        """
        left = list(letters)
        outcomes: list[Outcome] = []
        while left and not self.faults:
            first_ones = (one for one in left if self._is_new(one))
            pilot = min(first_ones, key=lambda one: self._doubts[one.delivery_key], default=None)
            group = [pilot] if pilot else left
            left = [one for one in left if one is not pilot] if pilot else []
            self.lease.hold([one.delivery_key for one in group])
            answers = self._check(group, self.mailbox.append(group))
            outcomes += answers
            if pilot and answers[0].server_id:
                self._checked.add(pilot.folder)
            elif pilot and answers[0].doubt:
                self._doubts[pilot.delivery_key] += 1
                left = [one for one in left if one.mailbox != pilot.mailbox]
        return outcomes

    def read(self, letters: Sequence[Letter], found: Sequence[Outcome]) -> list[Outcome]:
        """Read copies back that were found instead of sent, where all are to be read back."""
        return self._check(letters, found) if self.how == "all" else list(found)

    def _check(self, letters: Sequence[Letter], outcomes: Sequence[Outcome]) -> list[Outcome]:
        pairs = [
            pair
            for pair in zip(letters, outcomes, strict=True)
            if pair[1].server_id and self._is_chosen(pair[0])
        ]
        places = by_place((letter.mailbox, letter.folder, (letter, filed)) for letter, filed in pairs)
        checked: dict[str, Outcome] = {}
        for place, answer in ask_each(self.mailbox, places, self._read):
            for letter, filed in places[place]:
                if isinstance(answer, Retriable):
                    wait = answer.retry_after or 0.0
                    now = Outcome(filed.delivery_key, doubt=NOT_READ, retry_after=wait)
                else:
                    now = self._compare(letter, filed, answer.get(filed.server_id))
                checked[filed.delivery_key] = now
        return [checked.get(one.delivery_key, one) for one in outcomes]

    def _is_chosen(self, letter: Letter) -> bool:
        if not self.mailbox.readable:
            return False
        if self.how == "all" or self._is_new(letter):
            return True
        return self.how == "sample" and int(letter.delivery_key[:8], 16) % ONE_IN == 0

    def _is_new(self, letter: Letter) -> bool:
        """Say whether nothing was checked for this folder yet. Our own disk needs no such pilot."""
        return self.mailbox.readable and not self.mailbox.keyed and letter.folder not in self._checked

    def _read(self, mailbox: str, folder: str, pairs: list[tuple[Letter, Outcome]]) -> dict[str, Kept]:
        keys = [letter.delivery_key for letter, _ in pairs]
        if self.how == "all":
            self.mailbox.prune(mailbox, folder, keys)
        kept = self.mailbox.inspect(mailbox, folder, [filed.server_id for _, filed in pairs])
        if kept and folder not in self._checked and not self.mailbox.find(mailbox, folder, keys):
            self.faults.append(UNFOUND)  # nothing in doubt could be told from what is not there
        return kept

    def _compare(self, letter: Letter, outcome: Outcome, kept: Kept | None) -> Outcome:
        if kept is None:
            return Outcome(outcome.delivery_key, doubt=NOT_STORED, request_id=outcome.request_id)
        self.faults += [one for one in differences(letter, kept) if one not in self.faults]
        return replace(outcome, stored_hash=kept.stored_hash)


def differences(letter: Letter, kept: Kept) -> Iterator[str]:
    """Name what is kept otherwise than asked, without any content."""
    mail = letter.mail
    said = mail.at // 1000 * 1000
    people = (*mail.to, *mail.cc, *mail.bcc)
    asked = {
        "delivery key": (letter.delivery_key, kept.delivery_key),
        "Message-ID": (mail.message_id, kept.message_id),
        "subject": (header_text(mail.subject), header_text(kept.subject)),
        "sender": (mail.sender.email.casefold(), kept.sender),
        "recipients": (frozenset(one.email.casefold() for one in people), kept.recipients),
        "attachments": (len(mail.attachments), kept.attachments),
        "sent date": (said, kept.sent),
        "received date": (said, kept.received),
        "read state": (True, kept.read),
        "draft state": (False, kept.draft),
        "message class": (mail.message_class, kept.message_class),
    }
    for what, (wanted, has) in asked.items():
        if has is not None and has != wanted:
            yield what
