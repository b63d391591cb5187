"""What became of the items of a run, from the fates of their copies."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from include.commsarchive.ledger.base import ItemState, PlannedItem, Totals
from include.commsarchive.ledger.views import Decided

TRIED = (ItemState.PLANNED, ItemState.DUPLICATE)
"""Items whose copies were to be filed."""


@dataclass(frozen=True, slots=True)
class Fates:
    """Copies of one item that a run made, met as made by another run, or could not make."""

    made: int = 0
    duplicate: int = 0
    failed: int = 0


@dataclass(slots=True)
class Tally:
    """Counts a run: give it every item, then ask for the totals."""

    unmapped: int = 0
    partial: int = 0
    planned: int = 0
    made: int = 0
    made_partial: int = 0
    duplicate: int = 0
    failed: int = 0
    items: Counter[str] = field(
        default_factory=lambda: Counter(archived=0, duplicate=0, excluded=0, quarantined=0, open=0)
    )

    def add(self, item: PlannedItem, fates: Fates) -> None:
        """Count one item. Copies of an earlier plan of the same run count as planned too."""
        duplicate = item.duplicates + fates.duplicate
        self.items[state_of(item, fates)] += 1
        self.unmapped += item.unmapped
        self.partial += item.partial
        self.planned += max(item.deliveries, fates.made + duplicate + fates.failed)
        self.made += fates.made
        self.made_partial += fates.made if item.partial else 0
        self.duplicate += duplicate
        self.failed += fates.failed

    def totals(self, made: int, still_open: int, root: str) -> Totals:
        """Give the totals. ``made`` counts all copies, those of items that are planned no more too."""
        return Totals(
            items=dict(self.items),
            unmapped=self.unmapped,
            partial=self.partial,
            deliveries_planned=self.planned + made - self.made,
            deliveries_made=made,
            deliveries_partial=self.made_partial,
            deliveries_duplicate=self.duplicate,
            deliveries_failed=self.failed,
            deliveries_open=still_open,
            delivery_root=root,
        )


def state_of(item: PlannedItem, fates: Fates) -> str:
    """Say what became of an item: archived, duplicate, excluded, quarantined, or open."""
    if item.state in (ItemState.EXCLUDED, ItemState.QUARANTINED):
        return item.state
    if fates.failed:
        return "quarantined"
    duplicate = item.duplicates + fates.duplicate
    if fates.made + duplicate < item.deliveries:
        return "open"
    if fates.made:
        return "archived"
    return "duplicate" if duplicate or item.state is ItemState.DUPLICATE else "open"


def decided(counted: tuple[PlannedItem, Fates]) -> Decided:
    """Say what became of an item, for people to see."""
    item, fates = counted
    return Decided(
        item.key,
        item.revision,
        state_of(item, fates),
        item.deliveries,
        bool(item.unmapped),
        bool(item.partial),
    )
