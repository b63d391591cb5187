"""Deliver: one partition's plan into the mailboxes, exactly once; what cannot be filed is held."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from include.commsarchive.ledger.base import Delivery, Failure, HeldStage
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.message.mail import make_mail
from include.commsarchive.model import Letter, StagedItem
from include.commsarchive.stages.hold import hold_item
from include.commsarchive.stages.ingest import IngestReceipt, ingest
from include.commsarchive.stages.map_users import Planned
from include.commsarchive.stages.run import Scope
from include.commsarchive.stages.shards import ItemReader

_decode = msgspec.json.Decoder(Planned).decode


def deliver(scope: Scope, plan: str, mailbox: Mailbox) -> IngestReceipt:
    """File one partition. Safe to repeat after a kill at any point.

    Raises:
        Retriable: the destination or the ledger cannot be reached; progress is kept.
        Fatal: the destination refuses us.
    """
