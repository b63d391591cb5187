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
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from include.commsarchive.ledger.base import Delivery, Ledger
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.model import Letter, Mail, Outcome
from include.commsarchive.stages.shards import Place

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


def ingest(
    letters: Iterable[Sending], *, ledger: Ledger, mailbox: Mailbox, run_id: str, on_failed: OnFailed
) -> IngestReceipt:
    """File letters, in batches, with flat memory. Safe to repeat after a kill at any point.

    ``on_failed`` is told of the copies of a batch that can never be filed, each with the reason; it
    returns when their items are held for replay, durably, and takes being told again.

    Raises:
        Retriable: the destination or the ledger cannot be reached; progress is kept.
        Fatal: the destination refuses us.
    """
    total = IngestReceipt()
    for batch in _batches(letters):
        total += _file(batch, ledger, mailbox, run_id, on_failed)
    return total


def recover(ledger: Ledger, mailbox: Mailbox, run_id: str) -> int:
    """Settle a run's open intents that its plan no longer holds; say how many copies had been made.

    For a run that was killed and then planned anew with other mailboxes: what had been sent gets its
    receipt, what had not is withdrawn. Call it when no task of the run is filing.

    Raises:
        Retriable: the destination or the ledger cannot be reached.
        Fatal: the destination refuses us.
    """
    intents = list(ledger.open_intents(run_id))
    found = _find(mailbox, intents)
    ledger.settle(run_id, [Outcome(key, server_id) for key, server_id in found.items()])
    ledger.withdraw(run_id, [one.delivery_key for one in intents if one.delivery_key not in found])
    return len(found)


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


def _file(
    batch: Sequence[Sending], ledger: Ledger, mailbox: Mailbox, run_id: str, on_failed: OnFailed
) -> IngestReceipt:
    sendings = {one.delivery.delivery_key: one for one in batch}
    known = ledger.intend(run_id, [one.delivery for one in sendings.values()])
    in_doubt = [sendings[key].delivery for key, one in known.items() if not one.delivered]
    found = _find(mailbox, in_doubt)
    unsent = {one.delivery_key for one in in_doubt} - found.keys()
    to_send = [one.letter for key, one in sendings.items() if key not in known or key in unsent]
    outcomes = mailbox.append(to_send)
    failed = [(sendings[one.delivery_key], one.reason) for one in outcomes if one.reason]
    if failed:
        on_failed(failed)
    ledger.settle(run_id, [*(Outcome(key, server_id) for key, server_id in found.items()), *outcomes])
    mine = sum(one.delivered and one.run_id == run_id for one in known.values())
    return IngestReceipt(
        planned=len(batch),
        made=mine + len(found) + len(outcomes) - len(failed),
        duplicate=sum(one.delivered and one.run_id != run_id for one in known.values()),
        failed=len(failed),
        recovered=len(found),
    )


def _find(mailbox: Mailbox, deliveries: Iterable[Delivery]) -> dict[str, str]:
    """Ask the mailboxes for copies whose fate is not known, folder by folder."""
    places: dict[tuple[str, str], list[str]] = {}
    for one in deliveries:
        places.setdefault((one.mailbox, one.folder), []).append(one.delivery_key)
    found: dict[str, str] = {}
    for (owner, folder), keys in places.items():
        found |= mailbox.find(owner, folder, keys)
    return found
