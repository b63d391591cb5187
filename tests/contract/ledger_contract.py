"""What every `Ledger` promises. Adapters inherit the suite and provide the fixture ``ledger``."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.ledger.base import (
    Delivery,
    Failure,
    FileRecord,
    ImportRecord,
    ItemState,
    Known,
    Ledger,
)
from include.commsarchive.model import Outcome
from tests.letters import DAY, make_delivery, make_held, make_item, make_run

NEXT_DAY = DAY + dt.timedelta(days=1)


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


class DeliveryContract:
    def test_an_intent_is_known_until_it_is_settled_and_for_ever_after(self, ledger: Ledger) -> None:
        x = make_delivery("x")
        assert ledger.intend("one", [x]) == {}
        assert ledger.delivered([x.delivery_key]) == {x.delivery_key: Known("one", delivered=False)}
        ledger.settle("one", made(x))
        done = {x.delivery_key: Known("one", delivered=True, server_id=f"id-{x.delivery_key}")}
        assert ledger.delivered([x.delivery_key, "unknown"]) == done
        assert ledger.intend("two", [x]) == done

    def test_many_deliveries_are_known_at_once(self, ledger: Ledger) -> None:
        many = [make_delivery(str(number)) for number in range(2500)]
        file(ledger, "one", *many)
        assert len(ledger.intend("two", many)) == 2500

    def test_a_run_counts_its_own_earlier_copies_as_made(self, ledger: Ledger) -> None:
        x = make_delivery("x")
        ledger.record_items("one", [make_item("x")])
        file(ledger, "one", x)
        file(ledger, "one", x)
        totals = ledger.totals("one")
        assert (totals.deliveries_made, totals.deliveries_duplicate) == (1, 0)
        assert totals.items["archived"] == 1

    def test_another_runs_copies_are_duplicates(self, ledger: Ledger) -> None:
        x = make_delivery("x")
        file(ledger, "one", x)
        ledger.record_items("two", [make_item("x")])
        ledger.intend("two", [x])
        ledger.intend("two", [x])
        totals = ledger.totals("two")
        assert (totals.deliveries_planned, totals.deliveries_made, totals.deliveries_duplicate) == (1, 0, 1)
        assert totals.items["duplicate"] == 1
        assert ledger.totals("one").deliveries_made == 1

    def test_a_failed_copy_may_be_tried_by_a_later_run_and_still_failed_in_the_first(
        self, ledger: Ledger
    ) -> None:
        x = make_delivery("x")
        for run_id in ("one", "two"):
            ledger.record_items(run_id, [make_item("x")])
        ledger.intend("one", [x])
        ledger.settle("one", failed(x))
        assert ledger.delivered([x.delivery_key]) == {}
        assert ledger.totals("one").items["quarantined"] == 1
        assert ledger.intend("two", [x]) == {x.delivery_key: Known("one", delivered=False)}
        assert ledger.delivered([x.delivery_key]) == {x.delivery_key: Known("two", delivered=False)}
        ledger.settle("two", made(x))
        assert ledger.totals("one").deliveries_failed == 1
        assert ledger.totals("two").deliveries_made == 1

    def test_a_failed_copy_that_the_same_run_makes_later_is_made(self, ledger: Ledger) -> None:
        x = make_delivery("x")
        ledger.record_items("one", [make_item("x")])
        ledger.intend("one", [x])
        ledger.settle("one", failed(x))
        file(ledger, "one", x)
        totals = ledger.totals("one")
        assert (totals.deliveries_made, totals.deliveries_failed) == (1, 0)

    def test_the_first_receipt_counts_and_the_second_run_has_a_duplicate(self, ledger: Ledger) -> None:
        x = make_delivery("x")
        for run_id in ("one", "two"):
            ledger.record_items(run_id, [make_item("x")])
            ledger.intend(run_id, [x])
        ledger.settle("two", made(x))
        before = ledger.totals("two")
        ledger.settle("one", [Outcome(x.delivery_key, "another id", "d" * 64)])
        assert ledger.delivered([x.delivery_key])[x.delivery_key].server_id == f"id-{x.delivery_key}"
        assert ledger.totals("two") == before
        assert ledger.totals("one").deliveries_duplicate == 1

    def test_settling_again_changes_nothing(self, ledger: Ledger) -> None:
        x = make_delivery("x")
        file(ledger, "one", x)
        before = ledger.totals("one")
        ledger.settle("one", [Outcome(x.delivery_key, "another id", "d" * 64)])
        ledger.settle("one", failed(x))
        assert ledger.totals("one") == before

    def test_a_receipt_without_an_intent_is_refused(self, ledger: Ledger) -> None:
        with pytest.raises(Fatal, match="without an intent"):
            ledger.settle("one", made(make_delivery("x")))

    def test_open_intents_are_listed_until_they_are_settled_or_withdrawn(self, ledger: Ledger) -> None:
        x, y, z = (make_delivery(name) for name in "xyz")
        ledger.intend("one", [x, y, z])
        ledger.intend("two", [make_delivery("theirs")])
        ledger.settle("one", made(x))
        assert {one.delivery_key for one in ledger.open_intents("one")} == {y.delivery_key, z.delivery_key}
        ledger.withdraw("one", [x.delivery_key, y.delivery_key])
        assert list(ledger.open_intents("one")) == [z]
        assert ledger.delivered([x.delivery_key, y.delivery_key]).keys() == {x.delivery_key}
        assert ledger.totals("one").deliveries_open == 1

    def test_an_open_intent_is_left_to_its_worker_while_its_lease_lasts(self, ledger: Ledger) -> None:
        x = make_delivery("x")
        ledger.intend("one", [x], lease=600, worker="a")
        for run, worker in (("two", "a"), ("one", "b")):
            [theirs] = ledger.intend(run, [x], lease=600, worker=worker).values()
            assert 590 < theirs.busy <= 600
            assert replace(theirs, busy=0) == Known("one", delivered=False)
        again = ledger.intend("one", [x], lease=600, worker="a")
        assert again == {x.delivery_key: Known("one", delivered=False)}
        assert list(ledger.open_intents("one")) == [x]

    def test_an_intent_whose_lease_is_over_is_taken_over_by_one_worker_only(self, ledger: Ledger) -> None:
        x = make_delivery("x")
        taken = {x.delivery_key: Known("one", delivered=False, taken=True)}
        ledger.intend("one", [x], worker="a")
        assert ledger.intend("one", [x], lease=-1, worker="b") == taken
        assert ledger.intend("two", [x], lease=-1) == taken
        assert list(ledger.open_intents("two")) == [x]
        assert ledger.intend("three", [x], lease=600)[x.delivery_key].busy
        assert not ledger.intend("two", [x], lease=600)[x.delivery_key].busy

    def test_a_worker_finds_out_before_it_sends_that_it_was_overtaken(self, ledger: Ledger) -> None:
        x, y, z = (make_delivery(name) for name in "xyz")
        keys = [x.delivery_key, y.delivery_key]
        ledger.intend("one", [x, y, z], worker="a")
        assert ledger.renew("one", "a", keys)
        ledger.intend("one", [y], lease=-1, worker="b")
        assert not ledger.renew("one", "a", keys)
        assert ledger.renew("one", "a", [x.delivery_key])
        assert ledger.renew("one", "b", [y.delivery_key])
        ledger.withdraw("one", [z.delivery_key])
        ledger.settle("one", made(y))
        assert not ledger.renew("one", "a", [z.delivery_key])
        assert not ledger.renew("one", "b", [y.delivery_key])
        assert ledger.delivered([y.delivery_key])[y.delivery_key].delivered

    def test_a_lease_lasts_from_when_it_was_renewed(self, ledger: Ledger) -> None:
        x = make_delivery("x")
        ledger.intend("one", [x], worker="a")
        ledger.release("one", "a")
        ledger.renew("one", "a", [x.delivery_key])
        assert ledger.intend("two", [x], lease=600)[x.delivery_key].busy

    def test_what_a_worker_has_given_back_is_free_for_others(self, ledger: Ledger) -> None:
        x, y = make_delivery("x"), make_delivery("y")
        ledger.intend("one", [x], worker="a")
        ledger.intend("one", [y], worker="b")
        ledger.release("one", "a")
        known = ledger.intend("two", [x, y], lease=600)
        assert known[x.delivery_key].taken
        assert known[y.delivery_key].busy

    def test_doubts_are_counted_over_runs_until_the_copy_fails_for_good(self, ledger: Ledger) -> None:
        x, made_copy = make_delivery("x"), make_delivery("made")
        doubt = Outcome(x.delivery_key, doubt="connection-lost")
        file(ledger, "one", made_copy)
        ledger.intend("one", [x])
        ledger.settle("one", [doubt, Outcome(made_copy.delivery_key, doubt="connection-lost")])
        ledger.settle("one", [doubt])
        assert [one.delivery_key for one in ledger.open_intents("one")] == [x.delivery_key]
        assert ledger.intend("one", [x])[x.delivery_key].doubts == 2
        assert ledger.intend("two", [x])[x.delivery_key].doubts == 2  # as another run goes on with it
        assert ledger.delivered([made_copy.delivery_key])[made_copy.delivery_key].doubts == 0
        ledger.settle("two", [doubt])
        ledger.settle("two", failed(x))
        assert ledger.intend("three", [x])[x.delivery_key].doubts == 0
        ledger.settle("three", [doubt])
        assert ledger.delivered([x.delivery_key])[x.delivery_key].doubts == 1

    def test_what_the_server_said_is_kept_with_the_receipt_and_covered_by_the_proof(
        self, ledger: Ledger
    ) -> None:
        x, y = make_delivery("x"), make_delivery("y")
        ledger.open_run(make_run())
        ledger.intend("one", [x, y])
        ledger.settle("one", [replace(made(x)[0], request_id="r-1", stored_hash="e" * 64), made(y)[0]])
        close(ledger, "one")
        receipts = {one.delivery: one for one in ledger.receipts_of(1)}
        assert (receipts[x].request_id, receipts[x].stored_hash) == ("r-1", "e" * 64)
        assert (receipts[y].request_id, receipts[y].content_hash) == ("", "c" * 64)
        assert list(ledger.receipts_of(2)) == []
        assert list(ledger.verify()) == []

    def test_nothing_may_be_given_to_every_verb(self, ledger: Ledger) -> None:
        assert ledger.intend("one", []) == {}
        assert ledger.renew("one", "a", [])
        ledger.release("one", "a")
        ledger.settle("one", [])
        ledger.withdraw("one", [])
        ledger.record_items("one", [])
        ledger.record_failures("one", [])
        ledger.hold([])
        ledger.resolve([], "one")
        assert ledger.delivered([]) == {}


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


class HistoryContract:
    def test_records_form_a_chain_and_come_back_as_they_were_written(self, ledger: Ledger) -> None:
        file(ledger, "one", make_delivery("x"))
        file(ledger, "two", make_delivery("y"))
        records = [close(ledger, "one", found=1), close(ledger, "two", found=2)]
        assert list(ledger.history()) == records
        assert records[1].previous == records[0].hash
        assert [record.seq for record in records] == [1, 2]
        assert records[0].body["found"] == 1
        assert list(ledger.verify()) == []

    def test_closing_again_with_the_same_body_returns_the_first_record(self, ledger: Ledger) -> None:
        file(ledger, "one", make_delivery("x"))
        assert close(ledger, "one", found=1) == close(ledger, "one", found=1)
        assert len(list(ledger.history())) == 1

    def test_closing_again_with_more_adds_a_record_and_both_verify(self, ledger: Ledger) -> None:
        file(ledger, "one", make_delivery("x"))
        first = close(ledger, "one", found=1)
        file(ledger, "one", make_delivery("w"), make_delivery("y"))
        assert close(ledger, "one", found=3).previous == first.hash
        assert list(ledger.verify()) == []

    def test_a_body_that_knows_other_deliveries_is_refused(self, ledger: Ledger) -> None:
        file(ledger, "one", make_delivery("x"))
        stale = {"delivery_root": ledger.totals("one").delivery_root}
        file(ledger, "one", make_delivery("y"))
        with pytest.raises(Retriable, match="copies were made while"):
            ledger.close_run("one", stale)
        assert list(ledger.history()) == []

    def test_a_run_that_was_never_opened_cannot_be_closed(self, ledger: Ledger) -> None:
        with pytest.raises(Fatal, match="never opened"):
            close(ledger, "one")

    def test_a_record_keeps_its_failures_whatever_the_run_does_later(self, ledger: Ledger) -> None:
        ledger.open_run(make_run("one"))
        ledger.open_run(make_run("two"))
        early, late, other = (Failure(name, "", "", "ingest", "no-such-mailbox") for name in "bac")
        ledger.record_failures("one", [early, late])
        ledger.record_failures("two", [other])
        first = close(ledger, "one")
        ledger.plan_anew("one")
        assert list(ledger.failures("one")) == []
        ledger.record_failures("one", [early])
        second = close(ledger, "one")
        assert list(ledger.failures_of(first.seq)) == [late, early]
        assert list(ledger.failures_of(second.seq)) == [early]
        assert len({record.body["failure_root"] for record in (first, second, close(ledger, "two"))}) == 3
        assert list(ledger.verify()) == []

    def test_a_copy_that_failed_and_was_made_after_all_is_no_failure_of_the_record_and_held_no_more(
        self, ledger: Ledger
    ) -> None:
        made_later, half, met = (make_delivery(name) for name in ("later", "half", "met"))
        stays = make_delivery("half", "bob@firm.example")
        copies = [made_later, half, stays, met]
        ledger.open_run(make_run("one"))
        ledger.record_items("one", [make_item("later"), make_item("half", 2), make_item("met")])
        ledger.intend("one", copies)
        ledger.hold([make_held("later"), make_held("half"), make_held("met"), make_held("not planned")])
        rows = {one: Failure(one.key, "", one.mailbox, "ingest", "no-such-mailbox") for one in copies}
        ledger.record_failures("one", list(rows.values()))
        ledger.settle("one", failed(*copies))
        file(ledger, "two", met)
        ledger.intend("one", copies)
        ledger.settle("one", made(made_later, half) + failed(stays))
        record = close(ledger, "one")
        assert list(ledger.failures_of(record.seq)) == [rows[stays]]
        assert list(ledger.held("chat", DAY, DAY)) == [make_held("half"), make_held("not planned")]
        assert list(ledger.verify()) == []

    def test_a_copy_that_failed_at_another_destination_stays_a_failure(self, ledger: Ledger) -> None:
        there, here = make_delivery("x"), make_delivery("x", folder="other place")
        ledger.open_run(make_run("one"))
        ledger.record_items("one", [make_item("x", 2)])
        ledger.intend("one", [there, here])
        row = Failure(there.key, "", there.mailbox, "ingest", "no-such-mailbox")
        ledger.record_failures("one", [row])
        ledger.hold([make_held("x")])
        ledger.settle("one", made(there) + failed(here))
        record = close(ledger, "one")
        assert list(ledger.failures_of(record.seq)) == [row]
        assert list(ledger.held("chat", DAY, DAY)) == [make_held("x")]

    def test_closing_again_with_the_same_failures_returns_the_first_record(self, ledger: Ledger) -> None:
        ledger.open_run(make_run("one"))
        rows = [Failure("x", "", "", "ingest", reason) for reason in "ab"]
        ledger.record_failures("one", rows)
        first = close(ledger, "one")
        ledger.plan_anew("one")
        ledger.record_failures("one", rows[::-1])
        assert close(ledger, "one") == first
        assert list(ledger.failures_of(first.seq)) == rows

    def test_history_is_chosen_by_connector_and_first_day(self, ledger: Ledger) -> None:
        for run in (
            make_run("a"),
            make_run("b", day=NEXT_DAY),
            make_run("c", connector="mail", day=NEXT_DAY),
        ):
            ledger.open_run(run)
            close(ledger, run.run_id)
        assert [record.run_id for record in ledger.history()] == ["a", "b", "c"]
        assert [record.run_id for record in ledger.history("chat")] == ["a", "b"]
        assert [record.run_id for record in ledger.history(first=NEXT_DAY)] == ["b", "c"]

    def test_copies_made_after_a_run_was_closed_are_reported(self, ledger: Ledger) -> None:
        file(ledger, "one", make_delivery("x"))
        close(ledger, "one")
        file(ledger, "one", make_delivery("y"))
        assert list(ledger.verify()) == ["run one: 1 deliveries are not covered by its import record 1"]

    def test_a_later_run_that_meets_or_retries_copies_leaves_closed_runs_proven(self, ledger: Ledger) -> None:
        x, y = make_delivery("x"), make_delivery("y")
        ledger.open_run(make_run("one"))
        ledger.intend("one", [x, y])
        ledger.settle("one", made(x) + failed(y))
        close(ledger, "one")
        file(ledger, "two", x, y)
        close(ledger, "two")
        assert list(ledger.verify()) == []


class LedgerContract(RunContract, DeliveryContract, TotalsContract, HistoryContract):
    """All of it."""
