"""Reconcile: prove that the numbers of a run close at every boundary, and write the import record.

Three books are compared that were kept apart: what the receipts of the stages say, the ledger's rows of
items, and the ledger's rows of deliveries::

    found by convert   = handed to map_users + set aside by decrypt and convert
    handed to it       = archived + duplicate + excluded + quarantined by ingest    (ledger's items)
    deliveries planned = made + duplicate + failed                                  (ledger's deliveries)
    planned by it      = taken up by ingest + left out as duplicates
    taken up           = made + duplicate + failed                                  (ingest's receipts)

An item is *archived* when all of its planned copies are delivered and this run made at least one,
*duplicate* when other runs had made them all, *quarantined* when one failed. A run that does not close is
not recorded.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add
from typing import Any

from include.commsarchive import VERSION
from include.commsarchive.errors import Fatal
from include.commsarchive.ledger.base import Failure, FileRecord, ImportRecord, Ledger, Run, Totals
from include.commsarchive.stages.ingest import IngestReceipt
from include.commsarchive.stages.run import ConvertReceipt, MapReceipt

ITEM_STATES = ("archived", "duplicate", "excluded", "quarantined")


class Unbalanced(Fatal):
    """A run whose numbers do not close; ``differences`` are one clause each."""

    def __init__(self, run_id: str, differences: Sequence[str]) -> None:
        """Put the differences into words."""
        super().__init__(
            f"run {run_id} does not close: {'; '.join(differences)}. Nothing was recorded. Clear the run "
            "from `map_users` on: what is missing is filed, what is there is not filed again. If it still "
            "does not close, trigger a new run for the day"
        )
        self.differences = tuple(differences)


def reconcile(
    run: Run,
    ledger: Ledger,
    converted: Sequence[ConvertReceipt],
    mapped: MapReceipt,
    ingested: Sequence[IngestReceipt],
) -> ImportRecord:
    """Close a run, whose tasks have all ended. Safe to repeat: the same numbers give the same record.

    Raises:
        Unbalanced: something is not accounted for.
        Retriable: the ledger cannot be reached, or copies were made meanwhile.
    """
    totals = ledger.totals(run.run_id)
    filed = reduce(add, ingested, IngestReceipt())
    items = sum(receipt.items for receipt in converted)
    differences = [
        *_items(items, mapped, totals),
        *_deliveries(totals),
        *_open(run, ledger),
        *_handover(mapped, filed, totals),
    ]
    if differences:
        raise Unbalanced(run.run_id, differences)
    ledger.record_failures(run.run_id, list(_set_aside(run, ledger, converted)))
    return ledger.close_run(run.run_id, _body(run, ledger.files(run.run_id), converted, mapped, totals))


def _body(
    run: Run,
    files: Sequence[FileRecord],
    converted: Sequence[ConvertReceipt],
    mapped: MapReceipt,
    totals: Totals,
) -> dict[str, Any]:
    """Put the numbers of a run that closes into its import record."""
    set_aside = sum(sum(receipt.quarantined.values()) for receipt in converted)
    counts = dict(totals.items) | {"quarantined": totals.items["quarantined"] + set_aside}
    return {
        "run_id": run.run_id,
        "connector": run.connector,
        "day": run.day.isoformat(),
        "kind": run.kind,
        "window_end": run.window_end.isoformat(),
        "found": sum(receipt.found for receipt in converted),
        **{state: counts[state] for state in ITEM_STATES},
        "unmapped": totals.unmapped,
        "unmapped_people": mapped.unmapped_people,
        "partial": totals.partial,
        "attachments_unclaimed": sum(receipt.attachments_unclaimed for receipt in converted),
        "deliveries_planned": totals.deliveries_planned,
        "deliveries_made": totals.deliveries_made,
        "deliveries_partial": totals.deliveries_partial,
        "deliveries_duplicate": totals.deliveries_duplicate,
        "deliveries_failed": totals.deliveries_failed,
        "delivery_root": totals.delivery_root,
        "files": len(files),
        "file_hashes": [file.sha256 for file in files],
        "mapping_version": mapped.mapping_version,
        "versions": mapped.versions,
        "software": VERSION,
    }


def _set_aside(run: Run, ledger: Ledger, converted: Sequence[ConvertReceipt]) -> Iterator[Failure]:
    """Give a row of the import log for what decrypt and convert set aside; ingest wrote its own."""
    ids = {held_id for receipt in converted for held_id in receipt.held}
    for held in ledger.held(run.connector, dt.date.min, dt.date.max):
        if held.held_id in ids:
            yield Failure(held.place, "", "", held.stage, held.reason, held.detail)


def _items(handed_over: int, mapped: MapReceipt, totals: Totals) -> Iterator[str]:
    if handed_over != mapped.items:
        yield f"convert handed over {handed_over} items, map_users decided on {mapped.items}"
    recorded = sum(totals.items.values())
    if recorded != mapped.items:
        yield f"map_users decided on {mapped.items} items, the ledger holds {recorded}"
    if still_open := totals.items["open"]:
        yield f"{still_open} items have planned copies that are neither made nor duplicate nor failed"


def _deliveries(totals: Totals) -> Iterator[str]:
    made, duplicate, failed = totals.deliveries_made, totals.deliveries_duplicate, totals.deliveries_failed
    if totals.deliveries_planned != made + duplicate + failed:
        yield (
            f"of {totals.deliveries_planned} planned copies {made} are made, {duplicate} duplicate and "
            f"{failed} failed"
        )


def _open(run: Run, ledger: Ledger) -> Iterator[str]:
    places = Counter(one.destination for one in ledger.open_intents(run.run_id))
    for destination, number in sorted(places.items()):
        yield (
            f"{number} intents are open at {destination}: a copy may be in its mailbox without a receipt (if "
            f"the connector has that destination no more: put it back, or `python -m include.commsarchive "
            f"give-up {run.run_id} {destination}`)"
        )


def _handover(mapped: MapReceipt, filed: IngestReceipt, totals: Totals) -> Iterator[str]:
    left_out = totals.deliveries_duplicate - filed.duplicate
    if mapped.deliveries > filed.planned + left_out:
        yield f"{mapped.deliveries - filed.planned - left_out} planned copies were taken up by no ingest task"
    if filed.planned != filed.made + filed.duplicate + filed.failed:
        yield (
            f"of {filed.planned} copies that ingest took up it reports {filed.made} made, {filed.duplicate} "
            f"duplicate and {filed.failed} failed"
        )
    if filed.made + filed.duplicate > totals.deliveries_made + totals.deliveries_duplicate:
        yield f"ingest reports {filed.made + filed.duplicate} copies as delivered, the ledger fewer"
