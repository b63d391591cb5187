"""Deliver: one partition's plan into the mailboxes, exactly once; what cannot be filed is held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from include.commsarchive.ledger.base import Delivery, Failure, HeldStage
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.message.mail import make_mail
from include.commsarchive.model import Letter
from include.commsarchive.stages.hold import hold, hold_item
from include.commsarchive.stages.ingest import IngestReceipt, Sending, ingest
from include.commsarchive.stages.map_users import Planned
from include.commsarchive.stages.run import Scope
from include.commsarchive.stages.shards import ItemReader, decode

_planned = msgspec.json.Decoder(Planned).decode


def deliver(scope: Scope, plan: str, mailbox: Mailbox) -> IngestReceipt:
    """File one partition. Safe to repeat after a kill at any point.

    Raises:
        Retriable: the destination or the ledger cannot be reached; progress is kept.
        Fatal: the destination refuses us.
    """
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
            _letters(scope, plan, reader),
            ledger=scope.ledger,
            mailbox=mailbox,
            run_id=scope.run.run_id,
            on_failed=set_aside,
        )


def _letters(scope: Scope, plan: str, reader: ItemReader) -> Iterator[Sending]:
    """Make the letters of a plan, one mail for all copies of an item."""
    with scope.folder.open(plan) as stream:
        for row in map(_planned, stream):
            mail = make_mail(
                decode(reader.raw(row.place)),
                row.addresses,
                lambda blob: scope.folder.open(f"blobs/{blob}"),
                (("Connector", scope.connector.name),),
            )
            for copy in row.copies:
                mailbox, folder, name = copy.mailbox, copy.folder, copy.delivery_key
                yield Sending(
                    Delivery(name, row.key, row.revision, scope.destination, mailbox, folder),
                    Letter(name, mailbox, folder, mail),
                    row.place,
                )
