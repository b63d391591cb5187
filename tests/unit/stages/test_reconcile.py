"""A run closes when every number is accounted for, and only then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from include.commsarchive import VERSION
from include.commsarchive.ledger.base import FileRecord, ItemState
from include.commsarchive.ledger.chain import failure_root
from include.commsarchive.ledger.memory import MemoryLedger
from include.commsarchive.model import Outcome
from include.commsarchive.stages.ingest import IngestReceipt
from include.commsarchive.stages.reconcile import Unbalanced, reconcile
from include.commsarchive.stages.run import ConvertReceipt, MapReceipt
from tests.letters import make_delivery, make_item, make_run

RUN = make_run()
MAPPED = MapReceipt(
    plans=["plans/000.jsonl"],
    items=6,
    planned=4,
    duplicate=1,
    excluded=1,
    unmapped=0,
    unmapped_people=2,
    deliveries=6,
    mapping_version="v1",
)
INGESTED = [IngestReceipt(planned=2, made=2), IngestReceipt(planned=3, made=1, duplicate=1, failed=1)]


@pytest.fixture
def converted() -> list[ConvertReceipt]:
    return [
        ConvertReceipt("a", items=4, quarantined={"wrong-key": 1}),
        ConvertReceipt("b", items=2, quarantined={"no-date": 2, "cut-off": 1}),
    ]


@pytest.fixture
def ledger() -> MemoryLedger:
    """Six items: archived twice (once with a partial), met, left out, excluded, and one that failed."""
    ledger = MemoryLedger()
    ledger.open_run(RUN)
    ledger.record_file(RUN.run_id, FileRecord("b.gpg", 1, "bb"))
    ledger.record_file(RUN.run_id, FileRecord("a.gpg", 1, "aa"))
    met = make_delivery("met")
    ledger.intend("before", [met])
    ledger.settle("before", [Outcome(met.delivery_key, "id")])
    ledger.record_items(
        RUN.run_id,
        [
            make_item("two", 2),
            make_item("partial", partial=True),
            make_item("met"),
            replace(make_item("left out", state=ItemState.DUPLICATE), duplicates=1),
            make_item("not ours", 0, state=ItemState.EXCLUDED),
            make_item("fails"),
        ],
    )
    sent = [make_delivery("two"), make_delivery("two", "bob@firm.example"), make_delivery("partial")]
    fails = make_delivery("fails")
    ledger.intend(RUN.run_id, [*sent, met, fails])
    ledger.settle(RUN.run_id, [Outcome(one.delivery_key, "id") for one in sent])
    ledger.settle(RUN.run_id, [Outcome(fails.delivery_key, reason="no-such-mailbox")])
    return ledger


def test_the_record_holds_every_number_and_they_close(
    ledger: MemoryLedger, converted: list[ConvertReceipt]
) -> None:
    mapped = replace(MAPPED, deliveries=6, versions={"connector": "v1"})
    body = reconcile(RUN, ledger, converted, mapped, INGESTED).body
    assert body == {
        "run_id": "one",
        "connector": "chat",
        "day": "2026-03-02",
        "kind": "scheduled",
        "window_end": "2026-03-03T05:00:00.000123+00:00",
        "found": 10,
        "archived": 2,
        "duplicate": 2,
        "excluded": 1,
        "quarantined": 5,
        "unmapped": 0,
        "unmapped_people": 2,
        "partial": 1,
        "attachments_unclaimed": 0,
        "deliveries_planned": 6,
        "deliveries_made": 3,
        "deliveries_partial": 1,
        "deliveries_duplicate": 2,
        "deliveries_failed": 1,
        "delivery_root": ledger.totals("one").delivery_root,
        "failure_root": failure_root([]),
        "files": 2,
        "file_hashes": ["aa", "bb"],
        "mapping_version": "v1",
        "versions": {"connector": "v1"},
        "software": VERSION,
    }


def test_reconciling_again_gives_the_same_record(
    ledger: MemoryLedger, converted: list[ConvertReceipt]
) -> None:
    first = reconcile(RUN, ledger, converted, MAPPED, INGESTED)
    assert reconcile(RUN, ledger, converted, MAPPED, INGESTED) == first
    assert list(ledger.history()) == [first]


def test_an_empty_day_closes() -> None:
    ledger = MemoryLedger()
    ledger.open_run(RUN)
    nothing = MapReceipt([], 0, 0, 0, 0, 0, 0, 0, "v1")
    assert reconcile(RUN, ledger, [], nothing, []).body["found"] == 0


Break = Callable[[MemoryLedger], None]


def lose_an_item(ledger: MemoryLedger) -> None:
    ledger._items[RUN.run_id].pop((make_item("two").key, "r" * 32))


def lose_a_copy(ledger: MemoryLedger) -> None:
    ledger._copies.pop(make_delivery("two").delivery_key)


def leave_an_intent(ledger: MemoryLedger) -> None:
    ledger.intend(RUN.run_id, [make_delivery("x")])


@pytest.mark.parametrize(
    ("damage", "difference"),
    [
        (lose_an_item, "map_users decided on 6 items, the ledger holds 5"),
        (lose_a_copy, "1 items have planned copies that are neither made nor duplicate nor failed"),
        (lose_a_copy, "of 6 planned copies 2 are made, 2 duplicate and 1 failed"),
        (leave_an_intent, "1 intents are open at mail: .* give-up one mail"),
    ],
)
def test_what_the_ledger_lacks_is_itemised_and_nothing_is_recorded(
    ledger: MemoryLedger, converted: list[ConvertReceipt], damage: Break, difference: str
) -> None:
    damage(ledger)
    with pytest.raises(Unbalanced, match=difference):
        reconcile(RUN, ledger, converted, MAPPED, INGESTED)
    assert list(ledger.history()) == []


@pytest.mark.parametrize(
    ("mapped", "ingested", "difference"),
    [
        (replace(MAPPED, items=5), INGESTED, "convert handed over 6 items, map_users decided on 5"),
        (MAPPED, INGESTED[1:], "2 planned copies were taken up by no ingest task"),
        (replace(MAPPED, deliveries=7), INGESTED, "1 planned copies were taken up by no ingest task"),
        (
            MAPPED,
            [INGESTED[0], replace(INGESTED[1], planned=4)],
            "of 6 copies that ingest took up it reports 3 made, 1 duplicate and 1 failed",
        ),
        (
            MAPPED,
            [INGESTED[0], replace(INGESTED[1], planned=5, made=3)],
            "ingest reports 6 copies as delivered, the ledger fewer",
        ),
    ],
)
def test_what_the_receipts_lack_is_itemised_and_nothing_is_recorded(
    ledger: MemoryLedger,
    converted: list[ConvertReceipt],
    mapped: MapReceipt,
    ingested: list[IngestReceipt],
    difference: str,
) -> None:
    with pytest.raises(Unbalanced, match=difference):
        reconcile(RUN, ledger, converted, mapped, ingested)
    assert list(ledger.history()) == []
