"""Copies whose fate nobody knows: looked up in their mailboxes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from include.commsarchive.errors import Retriable
from include.commsarchive.ledger.base import Delivery, Failure, HeldStage, Ledger
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.model import Outcome
from include.commsarchive.stages.lease import Lease
from include.commsarchive.stages.read_back import ask_each, by_place
from include.commsarchive.stages.waiting import PATIENCE, way_out

DESTINATION_REMOVED = "destination-removed"
"""Why a copy failed whose destination nobody can ask any more."""
MAILBOX_REMOVED = "mailbox-removed"
"""Why a copy failed whose mailbox nobody can ask any more."""


def find(
    mailbox: Mailbox, deliveries: Iterable[Delivery]
) -> Iterator[tuple[tuple[str, str], list[str], dict[str, str] | Retriable]]:
    """Ask for copies whose fate is not known, folder by folder; where one is there twice, leave one."""

    def ask(owner: str, folder: str, keys: list[str]) -> dict[str, str]:
        mailbox.prune(owner, folder, keys)
        return mailbox.find(owner, folder, keys)

    places = by_place((one.mailbox, one.folder, one.delivery_key) for one in deliveries)
    for place, answer in ask_each(mailbox, places, ask):
        yield place, places[place], answer


def recover(
    ledger: Ledger, mailboxes: Mapping[str, Mailbox], run_id: str, lease: float = PATIENCE.lease
) -> int:
    """Settle a run's open intents that its plan no longer holds; say how many copies had been made.

    For a run that was killed and then planned anew with other mailboxes: what had been sent gets its
    receipt, what had not is withdrawn. ``mailboxes`` are by destination; what was meant for another stays
    open, because nobody can tell: see `give_up`.

    Raises:
        Retriable: a destination, one of the mailboxes or the ledger cannot be reached, or a task of the run
            may still be filing.
        Fatal: a destination refuses us.
    """
    intents = list(ledger.open_intents(run_id))
    found = 0
    for name, mailbox in mailboxes.items():
        hold = Lease(ledger, run_id, 0.0 if mailbox.keyed else lease)
        found += _recover(mailbox, [one for one in intents if one.destination == name], hold)
    return found


def give_up(
    ledger: Ledger, run_id: str, destination: str, mailbox: str = "", lease: float = PATIENCE.lease
) -> int:
    """Settle a run's open intents for a destination that is gone as failures; say how many.

    With ``mailbox`` only those for that one. For a person to decide: where it can still be asked, `recover`
    tells which copies are there.

    Raises:
        Retriable: the ledger cannot be reached, or a task of the run may still be filing.
    """
    reason = MAILBOX_REMOVED if mailbox else DESTINATION_REMOVED
    intents = [
        one
        for one in ledger.open_intents(run_id)
        if one.destination == destination and mailbox.casefold() in {"", one.mailbox.casefold()}
    ]
    with Lease(ledger, run_id, lease) as held:
        _take_all(held, intents)
        rows = [Failure(one.key, "", one.mailbox, HeldStage.INGEST, reason) for one in intents]
        ledger.record_failures(run_id, rows)
        ledger.settle(run_id, [Outcome(one.delivery_key, reason=reason) for one in intents])
    return len(intents)


def _take_all(lease: Lease, intents: Sequence[Delivery]) -> None:
    if busy := max((one.busy for one in lease.take(intents).values()), default=0):
        raise Retriable(
            "a task of this run is still filing, or was killed a moment ago. Try again in some minutes",
            retry_after=busy,
        )


def _recover(mailbox: Mailbox, intents: Sequence[Delivery], lease: Lease) -> int:
    found: dict[str, str] = {}
    with lease:
        _take_all(lease, intents)
        for _, _, answer in find(mailbox, intents):
            if isinstance(answer, Retriable):
                text = f"{answer}. {way_out(lease.run_id, intents[0].destination)}"
                raise Retriable(text, retry_after=answer.retry_after) from answer
            found |= answer
    lease.ledger.settle(lease.run_id, [Outcome(key, server_id) for key, server_id in found.items()])
    lease.ledger.withdraw(lease.run_id, {one.delivery_key for one in intents} - found.keys())
    return len(found)
