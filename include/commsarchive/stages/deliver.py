"""Deliver: one partition's plan into the mailboxes, exactly once; what cannot be filed is held."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import msgspec

from include.commsarchive.ledger.base import Delivery, Failure, HeldStage
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.message.mail import make_mail
from include.commsarchive.model import Letter
from include.commsarchive.stages.hold import hold_item
from include.commsarchive.stages.ingest import IngestReceipt, ingest
from include.commsarchive.stages.map_users import Planned
from include.commsarchive.stages.run import Scope
from include.commsarchive.stages.shards import ItemReader, Place, decode

_planned = msgspec.json.Decoder(Planned).decode


@dataclass(frozen=True, slots=True)
class _Placed(Delivery):
    """A delivery that knows where its item lies, should it have to be held."""

    place: Place


def deliver(scope: Scope, plan: str, mailbox: Mailbox) -> IngestReceipt:
    """File one partition. Safe to repeat after a kill at any point.

    Raises:
        Retriable: the destination or the ledger cannot be reached; progress is kept.
        Fatal: the destination refuses us.
    """
    with ItemReader(scope.folder) as reader:

        def hold(delivery: Delivery, reason: str) -> None:
            """Keep the item before the failure is settled, so that a kill between loses nothing."""
            row = reader.raw(cast(_Placed, delivery).place)
            scope.ledger.hold([hold_item(scope, HeldStage.INGEST, reason, row)])
            failure = Failure(delivery.key, "", delivery.mailbox, "ingest", reason)
            scope.ledger.record_failures(scope.run.run_id, [failure])

        return ingest(
            _letters(scope, plan, reader),
            ledger=scope.ledger,
            mailbox=mailbox,
            run_id=scope.run.run_id,
            on_failed=hold,
        )


def _letters(scope: Scope, plan: str, reader: ItemReader) -> Iterator[tuple[Delivery, Letter]]:
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
                yield (
                    _Placed(name, row.key, row.revision, scope.destination, mailbox, folder, row.place),
                    Letter(name, mailbox, folder, mail),
                )
