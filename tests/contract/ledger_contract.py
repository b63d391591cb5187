"""What every `Ledger` promises. Adapters inherit the suite and provide the fixture ``ledger``."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from include.commsarchive.ledger.base import Failure, FileRecord, ItemState, Ledger
from tests.contract.ledger_delivery_contract import DeliveryContract
from tests.contract.ledger_history_contract import HistoryContract
from tests.contract.ledger_steps import failed, file, made
from tests.letters import DAY, NEXT_DAY, make_delivery, make_held, make_item, make_run


class RunContract:
    def test_a_run_is_returned_as_it_was_first_opened(self, ledger: Ledger) -> None:
        first = make_run()
        later = replace(first, window_end=first.window_end + dt.timedelta(hours=1), kind="manual")
        assert ledger.open_run(first) == first
        assert ledger.open_run(later) == first

    def test_the_last_word_on_a_file_counts_and_files_come_by_name(self, ledger: Ledger) -> None:
        ledger.record_file("one", FileRecord("b", 1, "00"))
        ledger.record_file("one", FileRecord("a", 2, "11", problem="no-key"))
        ledger.record_file("one", FileRecord("a", 2, "11", 5, "22", "FINGERPRINT"))
        ledger.record_file("two", FileRecord("c", 3, "33"))
        assert ledger.files("one") == [
            FileRecord("a", 2, "11", 5, "22", "FINGERPRINT"),
            FileRecord("b", 1, "00"),
        ]

    def test_the_last_word_on_an_item_counts(self, ledger: Ledger) -> None:
        ledger.record_items("one", [make_item("x", 3), make_item("x", 2), make_item("y", 1)])
        ledger.record_items("one", [make_item("y", 5)])
        assert ledger.totals("one").deliveries_planned == 7

    def test_failures_are_listed_once_each(self, ledger: Ledger) -> None:
        rows = [Failure("x", "uuid:1", "ann@firm.example", "ingest", reason) for reason in ("a", "b")]
        ledger.record_failures("one", rows)
        ledger.record_failures("one", rows[:1])
        ledger.record_failures("two", [Failure("z", "", "", "convert", "bad")])
        assert sorted(ledger.failures("one"), key=lambda row: row.reason) == rows

    def test_the_last_word_on_the_detail_of_a_failure_counts(self, ledger: Ledger) -> None:
        first, last = (Failure("x", "", "", "convert", "attachment-missing", name) for name in "ba")
        ledger.record_failures("one", [first])
        ledger.record_failures("one", [last])
        assert list(ledger.failures("one")) == [last]

    def test_held_things_are_listed_by_connector_and_day_oldest_first(self, ledger: Ledger) -> None:
        late, early = make_held("late", day=NEXT_DAY), make_held("early")
        ledger.hold([late, early, make_held("other", connector="mail")])
        again = replace(early, run_id="later", detail="again")
        ledger.hold([replace(again, day=NEXT_DAY)])
        ledger.hold([make_held("today's second")])
        assert list(ledger.held("chat", DAY, NEXT_DAY)) == [again, make_held("today's second"), late]
        assert list(ledger.held("chat", NEXT_DAY, NEXT_DAY)) == [late]

    def test_what_was_resolved_is_gone_until_it_is_held_again(self, ledger: Ledger) -> None:
        thing = make_held("x")
        ledger.hold([thing, make_held("y")])
        ledger.resolve([thing.held_id], "replay")
        assert list(ledger.held("chat", DAY, DAY)) == [make_held("y")]
        again = replace(thing, run_id="replay", reason="mailbox-not-writable")
        ledger.hold([again])
        assert list(ledger.held("chat", DAY, DAY)) == [again, make_held("y")]

    def test_the_mapping_that_was_kept_last_is_in_force(self, ledger: Ledger) -> None:
        assert ledger.mapping("chat", "custom") == ""
        ledger.keep_mapping("chat", "custom", "v1", "first")
        ledger.keep_mapping("chat", "custom", "v2", "second")
        ledger.keep_mapping("chat", "scope", "v3", "other kind")
        assert ledger.mapping("chat", "custom") == "second"
        ledger.keep_mapping("chat", "custom", "v1", "first")
        assert ledger.mapping("chat", "custom") == "first"
        assert ledger.mapping("mail", "custom") == ""


class TotalsContract:
    def test_items_are_counted_by_what_became_of_their_copies(self, ledger: Ledger) -> None:
        ours = {name: make_delivery(name) for name in ("archived", "half", "failed", "lost", "partial")}
        elsewhere = [make_delivery(name, "bob@firm.example") for name in ("half", "known")]
        file(ledger, "before", *elsewhere)
        ledger.record_items(
            "one",
            [
                make_item("archived"),
                make_item("half", 2),
                make_item("known"),
                make_item("failed"),
                make_item("lost"),
                make_item("partial", partial=True),
                replace(make_item("left out", 2, state=ItemState.DUPLICATE), duplicates=2),
                make_item("bad", 0, state=ItemState.QUARANTINED),
                replace(make_item("not ours", 0, state=ItemState.EXCLUDED), unmapped=True),
            ],
        )
        ledger.intend("one", [*ours.values(), *elsewhere])
        ledger.settle("one", made(ours["archived"], ours["half"], ours["partial"]) + failed(ours["failed"]))
        totals = ledger.totals("one")
        assert totals.items == {"archived": 3, "duplicate": 2, "excluded": 1, "quarantined": 2, "open": 1}
        assert (totals.unmapped, totals.partial, totals.deliveries_partial) == (1, 1, 1)
        assert totals.deliveries_planned == 9
        assert (totals.deliveries_made, totals.deliveries_duplicate) == (3, 4)
        assert (totals.deliveries_failed, totals.deliveries_open) == (1, 1)

    def test_planning_anew_forgets_all_but_the_copies_that_were_made(self, ledger: Ledger) -> None:
        x, y = make_delivery("x"), make_delivery("y")
        file(ledger, "before", make_delivery("z"))
        ledger.record_items("one", [make_item("x"), make_item("y"), make_item("z")])
        ledger.record_failures("one", [Failure("y", "", "", "ingest", "no-such-mailbox")])
        ledger.intend("one", [x, y, make_delivery("z")])
        ledger.settle("one", made(x) + failed(y))
        ledger.plan_anew("one")
        moved = make_delivery("x", "bob@firm.example")
        ledger.record_items("one", [make_item("x")])
        file(ledger, "one", moved)
        totals = ledger.totals("one")
        assert totals.items == {"archived": 1, "duplicate": 0, "excluded": 0, "quarantined": 0, "open": 0}
        assert (totals.deliveries_planned, totals.deliveries_made) == (2, 2)
        assert (totals.deliveries_failed, totals.deliveries_duplicate) == (0, 0)
        assert list(ledger.failures("one")) == []

    def test_copies_of_items_that_are_planned_no_more_still_count_as_planned_and_made(
        self, ledger: Ledger
    ) -> None:
        file(ledger, "one", make_delivery("x"))
        totals = ledger.totals("one")
        assert (totals.deliveries_planned, totals.deliveries_made) == (1, 1)

    def test_the_root_depends_on_the_copies_and_not_on_their_order(self, ledger: Ledger) -> None:
        x, y = make_delivery("x"), make_delivery("y")
        empty = ledger.totals("one").delivery_root
        file(ledger, "one", y)
        one = ledger.totals("one").delivery_root
        file(ledger, "one", x)
        assert len({empty, one, ledger.totals("one").delivery_root}) == 3
        assert ledger.totals("two").delivery_root == empty


class LedgerContract(RunContract, DeliveryContract, TotalsContract, HistoryContract):
    """All of it."""
