"""What a run does to a ledger, and what became of its copies, in one word each."""

from __future__ import annotations

from include.commsarchive.ledger.base import Delivery, ImportRecord, Ledger
from include.commsarchive.model import Outcome
from tests.letters import make_run


def made(*deliveries: Delivery) -> list[Outcome]:
    return [Outcome(one.delivery_key, f"id-{one.delivery_key}", "c" * 64) for one in deliveries]


def failed(*deliveries: Delivery) -> list[Outcome]:
    return [Outcome(one.delivery_key, reason="no-such-mailbox") for one in deliveries]


def file(ledger: Ledger, run_id: str, *deliveries: Delivery) -> None:
    ledger.open_run(make_run(run_id))
    ledger.intend(run_id, deliveries)
    ledger.settle(run_id, made(*deliveries))


def close(ledger: Ledger, run_id: str, **body: int) -> ImportRecord:
    return ledger.close_run(run_id, body | {"delivery_root": ledger.totals(run_id).delivery_root})
