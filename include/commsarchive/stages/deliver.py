"""Deliver: one partition's plan into the mailboxes, exactly once; what cannot be filed is held."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import msgspec

from include.commsarchive.connector import Deliver
from include.commsarchive.errors import Fatal
from include.commsarchive.ledger.base import Delivery, Failure, HeldStage
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.message.mail import make_mail
from include.commsarchive.model import NOTE, Letter, Retention, StagedItem
from include.commsarchive.stages.hold import hold, hold_item
from include.commsarchive.stages.ingest import IngestReceipt, Manner, Sending, ingest
from include.commsarchive.stages.map_users import Planned, destination_of
from include.commsarchive.stages.run import Scope
from include.commsarchive.stages.shards import ItemReader
from include.commsarchive.stages.waiting import PATIENCE, Patience

_planned = msgspec.json.Decoder(Planned).decode


def deliver(
    scope: Scope,
    plan: str,
    mailbox: Mailbox,
    patience: Patience = PATIENCE,
) -> IngestReceipt:
    """File one partition. Safe to repeat after a kill at any point.

    Raises:
        Retriable: the destination or the ledger cannot be reached, or mailboxes must wait; progress is kept.
        Fatal: the destination refuses us, or keeps copies otherwise than it was asked to.
    """
    destination = destination_of(plan)
    how = next((one for one in scope.connector.deliver if one.connection == destination), None)
    if how is None:
        raise Fatal(
            f"{plan}: the connector delivers to {destination} no more. Clear the run from `map_users` on"
        )
    with ItemReader(scope.folder) as reader:

        def set_aside(failed: Sequence[tuple[Sending, str]]) -> None:
            """Keep the items before the failures are settled, so that a kill between loses nothing."""
            reasons = {one.place: reason for one, reason in failed}
            held = [
                hold_item(scope, HeldStage.INGEST, reason, reader.raw(place))
                for place, reason in reasons.items()
            ]
            hold(scope, held)
            failures = [
                Failure(one.delivery.key, "", one.delivery.mailbox, "ingest", reason)
                for one, reason in failed
            ]
            scope.ledger.record_failures(scope.run.run_id, failures)

        return ingest(
            lambda only: _letters(scope, plan, reader, how, only),
            ledger=scope.ledger,
            mailbox=mailbox,
            run_id=scope.run.run_id,
            on_failed=set_aside,
            manner=Manner(how.read_back, patience),
        )


def _letters(
    scope: Scope, plan: str, reader: ItemReader, how: Deliver, only: Collection[str] | None
) -> Iterator[Sending]:
    """Make the letters of a plan, or those for some mailboxes; one mail for all copies of an item."""
    rules = scope.connector.retention
    retention = Retention(rules.label, rules.days) if rules else None
    with scope.folder.open(plan) as stream:
        for row in map(_planned, stream):
            copies = [one for one in row.copies if only is None or one.mailbox in only]
            if not copies:
                continue
            item = reader.item(row.place)
            mail = make_mail(
                item,
                row.addresses,
                lambda blob: scope.folder.open(f"blobs/{blob}"),
                (("Connector", scope.connector.name),),
                _message_class(item, how),
                retention,
            )
            for copy in copies:
                mailbox, folder, name = copy.mailbox, copy.folder, copy.delivery_key
                yield Sending(
                    Delivery(name, row.key, row.revision, copy.destination, mailbox, folder),
                    Letter(name, mailbox, folder, mail),
                    row.place,
                )


def _message_class(item: StagedItem, how: Deliver) -> str:
    classes = {"note": NOTE, "source": item.message_class, "external": item.item_class}
    return classes[how.message_class]
