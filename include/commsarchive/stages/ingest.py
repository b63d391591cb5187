"""Ingest: letters into mailboxes, exactly once, whatever is killed and however often it is repeated.

The order of what is durable is the whole idea. For each batch:

1. the ledger commits the intents;
2. intents that an earlier try left open are looked up in the mailbox;
3. what is not there is appended, and is durable when `Mailbox.append` returns;
4. what failed is held for replay by the caller, and is durable when that returns;
5. the ledger commits the receipts and failures.

Killed before 3, nothing was sent and the intents are open; killed after it, the mailbox finds the copies
by their keys; killed after 4, the copy is tried again and, if it fails again, held again as the same
thing. Nothing is sent twice, because nothing is sent whose fate is not known.

A mailbox in doubt (no clear yes, no clear no, or told to wait) is left alone while the others go on. Then
the plan is read again for it alone, as if by a further try: its open intents are looked up first. The ledger
counts the doubts of each copy over all tries: one that was clearly not there so many times fails, lest it
keep its run open for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.ledger.base import Delivery, Known, Ledger
from include.commsarchive.mailbox.base import NOT_SENT, Mailbox
from include.commsarchive.model import Letter, Mail, Outcome
from include.commsarchive.stages.lease import Lease
from include.commsarchive.stages.read_back import NOT_STORED, Checker, ReadBack
from include.commsarchive.stages.recover import find
from include.commsarchive.stages.shards import Place
from include.commsarchive.stages.waiting import PATIENCE, Patience, Waiting

MOST_LETTERS = 1000
"""Letters of one batch: enough to share the cost of a commit and a flush, few enough to look up."""

MOST_BYTES = 32 * 1024 * 1024
"""Bytes of text in one batch, each mail counted once; attachments are read when they are written."""


@dataclass(frozen=True, slots=True)
class Sending:
    """One copy to file: what the ledger knows it by, what is filed, and where its item lies."""

    delivery: Delivery
    letter: Letter
    place: Place


Plan = Callable[[Collection[str] | None], Iterable[Sending]]
"""Gives the copies to file, from the start: all of them, or those for some mailboxes."""

OnFailed = Callable[[Sequence[tuple[Sending, str]]], None]


@dataclass(frozen=True, slots=True)
class IngestReceipt:
    """Copies by what became of them: planned = made + duplicate + failed.

    ``made`` are this run's, over all of its tries; ``duplicate`` another run's; ``recovered`` those of
    the made that were found in the mailbox, without a receipt, after a crash.
    """

    planned: int = 0
    made: int = 0
    duplicate: int = 0
    failed: int = 0
    recovered: int = 0

    def __add__(self, other: IngestReceipt) -> IngestReceipt:
        """Sum the receipts of batches or partitions."""
        return IngestReceipt(
            self.planned + other.planned,
            self.made + other.made,
            self.duplicate + other.duplicate,
            self.failed + other.failed,
            self.recovered + other.recovered,
        )


@dataclass(frozen=True, slots=True)
class Manner:
    """How copies are filed."""

    read_back: ReadBack = "first"
    patience: Patience = PATIENCE


MANNER = Manner()
"""How a task files them."""


def ingest(
    plan: Plan,
    *,
    ledger: Ledger,
    mailbox: Mailbox,
    run_id: str,
    on_failed: OnFailed,
    manner: Manner = MANNER,
) -> IngestReceipt:
    """File the letters of a plan, in batches, with flat memory. Safe to repeat after a kill at any point.

    ``on_failed`` is told of the copies of a batch that can never be filed, each with the reason; it
    returns when their items are held for replay, durably, and takes being told again.

    Raises:
        Retriable: the destination or the ledger cannot be reached, or mailboxes must wait; progress is kept.
        Fatal: the destination refuses us, or keeps copies otherwise than it was asked to.
    """
    with Lease(ledger, run_id, 0.0 if mailbox.keyed else manner.patience.lease) as lease:
        filing = _Filing(ledger, mailbox, lease, on_failed, manner)
        filing.take(plan(None))
        while filing.waiting:
            due = filing.waiting.due()
            filing.forget(due)
            filing.take(plan(due))
    return filing.receipt()


@dataclass(slots=True)
class _Filing:
    """One try to file a plan: what is counted, who must wait."""

    ledger: Ledger
    mailbox: Mailbox
    lease: Lease
    on_failed: OnFailed
    manner: Manner
    waiting: Waiting = field(init=False)
    checker: Checker = field(init=False)
    counts: dict[str, list[int]] = field(default_factory=dict)
    """By mailbox: copies made, duplicate and failed."""
    recovered: int = 0
    doubted: dict[str, int] = field(default_factory=dict)
    """By delivery key that was sent and not answered: how many copies had been filed the first time."""
    sent_again: dict[str, Outcome] = field(default_factory=dict)
    """By delivery key: what the server said of a copy that had been in doubt before."""
    unsent: set[str] = field(default_factory=set)
    """Keys that were intended and certainly not sent by this try: there is nothing to look up."""
    set_aside: set[str] = field(default_factory=set)
    """Keys that this try could not file, ever."""
    filed: int = 0

    def __post_init__(self) -> None:
        self.waiting = Waiting(self.manner.patience, self.lease.run_id)
        self.checker = Checker(self.mailbox, self.manner.read_back, self.lease)

    def receipt(self) -> IngestReceipt:
        columns = zip((0, 0, 0), *self.counts.values(), strict=True)
        made, duplicate, failed = map(sum, columns)
        return IngestReceipt(made + duplicate + failed, made, duplicate, failed, self.recovered)

    def forget(self, mailboxes: Collection[str]) -> None:
        """Count these from the start: their part of the plan is read again."""
        for mailbox in mailboxes:
            self.counts.pop(mailbox, None)

    def take(self, letters: Iterable[Sending]) -> None:
        for batch in _batches(self._to_do(letters)):
            self._file(batch)

    def _to_do(self, letters: Iterable[Sending]) -> Iterator[Sending]:
        """Leave out who must wait, and what this try has set aside already."""
        for one in letters:
            if one.delivery.mailbox in self.waiting:
                continue
            if one.delivery.delivery_key in self.set_aside:
                self._counts_of(one)[2] += 1
                continue
            yield one

    def _file(self, batch: Sequence[Sending]) -> None:
        sendings = {one.delivery.delivery_key: one for one in batch}
        known = self.lease.take([one.delivery for one in sendings.values()])
        found, unasked = self._look_up(sendings, known)
        blocked = unasked | {key for key, one in known.items() if one.delivered or one.busy} | found.keys()
        to_send = [one.letter for key, one in sendings.items() if key not in blocked]
        outcomes = self.checker.send(to_send)
        tried = {one.delivery_key for one in outcomes}
        for letter in to_send:
            if letter.delivery_key not in tried:  # as the first copy for its folder has no clear answer
                self.unsent.add(letter.delivery_key)
                self.waiting.in_vain(letter.mailbox, 0.0)
        decided = [
            self._decide(sendings[one.delivery_key], known.get(one.delivery_key), one) for one in outcomes
        ]
        there, unknown = self._contradicted(sendings, decided)
        found |= there
        open_still = found.keys() | unknown | {one.delivery_key for one in decided if one.doubt}
        settled = [*found.values(), *(one for one in decided if one.delivery_key not in open_still)]
        failed = [(sendings[one.delivery_key], one.reason) for one in settled if one.reason]
        if failed:
            self.on_failed(failed)
        in_doubt = [one for one in decided if one.doubt not in {"", NOT_SENT}]
        self.ledger.settle(self.lease.run_id, settled + in_doubt)
        self.set_aside |= {one.delivery.delivery_key for one, _ in failed}
        self._count(sendings, known, settled)
        self.recovered += len(found.keys() - self.sent_again.keys())
        if self.checker.faults:
            raise Fatal(
                f"the destination does not keep copies as it was asked to: {', '.join(self.checker.faults)}. "
                "Nothing more is filed. See the destination's page in docs/ for what it must honour"
            )

    def _look_up(
        self, sendings: Mapping[str, Sending], known: Mapping[str, Known]
    ) -> tuple[dict[str, Outcome], set[str]]:
        """Ask the mailboxes for copies whose fate is not known; what another task may be filing waits."""
        for key, one in known.items():
            if one.busy:
                self.waiting.put_off(sendings[key].delivery.mailbox, one.busy)
        still_open = {key for key, one in known.items() if not one.delivered and not one.busy}
        certainly_not_sent = {key for key in self.unsent & still_open if not known[key].taken}
        self.unsent -= still_open
        too_early = {
            key
            for key in self.sent_again.keys() & still_open
            if self.waiting.is_too_early(sendings[key].delivery.mailbox)
        }
        in_doubt = still_open - certainly_not_sent - too_early
        found, unasked = self._ask(sendings[key].delivery for key in sendings if key in in_doubt)
        for outcome in self.checker.read([sendings[key].letter for key in found], list(found.values())):
            key = outcome.delivery_key
            found[key] = outcome
            if outcome.doubt:
                del found[key]
                unasked.add(key)
                self.waiting.in_vain(sendings[key].delivery.mailbox, outcome.retry_after)
        return found, unasked | too_early

    def _contradicted(
        self, sendings: Mapping[str, Sending], decided: Iterable[Outcome]
    ) -> tuple[dict[str, Outcome], set[str]]:
        """Look for copies that were refused over a wire: they may be there all the same."""
        refused = (sendings[one.delivery_key].delivery for one in decided if one.reason)
        return self._ask(() if self.mailbox.keyed else refused)

    def _ask(self, deliveries: Iterable[Delivery]) -> tuple[dict[str, Outcome], set[str]]:
        """Ask the mailboxes for copies. Those that cannot be asked now wait; their keys are told apart."""
        found: dict[str, Outcome] = {}
        unasked: set[str] = set()
        for (owner, _), keys, answer in find(self.mailbox, deliveries):
            if isinstance(answer, Retriable):
                unasked.update(keys)
                self.waiting.in_vain(owner, answer.retry_after or 0.0)
            else:
                found |= {key: self._found(key, server_id) for key, server_id in answer.items()}
        return found, unasked

    def _found(self, key: str, server_id: str) -> Outcome:
        """Give the receipt of a copy that was looked up; of two the other one may have been left."""
        said = self.sent_again.get(key, Outcome(key, server_id))
        return said if said.server_id == server_id else replace(said, server_id=server_id, stored_hash="")

    def _decide(self, sending: Sending, before: Known | None, outcome: Outcome) -> Outcome:
        """Say what to make of an answer. What stays a doubt fails, the sooner if others are filed.

        A copy that was sent again after a request that nobody answered stays in doubt until it is looked up:
        that request may come true yet.
        """
        key, owner = outcome.delivery_key, sending.delivery.mailbox
        if outcome.doubt == NOT_SENT:
            self.unsent.add(key)
            self.waiting.put_off(owner, outcome.retry_after or 1.0)
            return outcome
        if is_answered := not outcome.doubt:
            self.waiting.has_answered(owner)
            if outcome.reason or key not in self.doubted or self.mailbox.keyed or not self.mailbox.readable:
                self.filed += 1
                return outcome
            self.sent_again[key] = outcome
            outcome = Outcome(key, doubt=NOT_STORED)
        most = self.manner.patience.looks
        if not outcome.retry_after and self.filed > self.doubted.setdefault(key, self.filed):
            most = self.manner.patience.tries
        if before and before.doubts + 1 >= most:
            return replace(outcome, reason=outcome.doubt, doubt="")
        if is_answered:
            self.waiting.ask_once_more(owner)
        else:
            self.waiting.in_vain(owner, outcome.retry_after)
        return outcome

    def _count(
        self, sendings: Mapping[str, Sending], known: Mapping[str, Known], settled: Iterable[Outcome]
    ) -> None:
        for key, one in known.items():
            if one.delivered:
                self._counts_of(sendings[key])[one.run_id != self.lease.run_id] += 1
        for outcome in settled:
            self._counts_of(sendings[outcome.delivery_key])[2 if outcome.reason else 0] += 1

    def _counts_of(self, sending: Sending) -> list[int]:
        return self.counts.setdefault(sending.delivery.mailbox, [0, 0, 0])


def _batches(letters: Iterable[Sending]) -> Iterator[list[Sending]]:
    batch: list[Sending] = []
    size = 0
    last: Mail | None = None
    for one in letters:
        batch.append(one)
        if one.letter.mail is not last:
            last = one.letter.mail
            size += len(last.text) + len(last.html)
        if len(batch) >= MOST_LETTERS or size >= MOST_BYTES:
            yield batch
            batch, size, last = [], 0, None
    if batch:
        yield batch
