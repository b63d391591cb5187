"""What every `Ledger` promises of copies: intents, leases, receipts and doubts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from include.commsarchive.errors import Fatal
from include.commsarchive.ledger.base import Known, Ledger
from include.commsarchive.model import Outcome
from tests.contract.ledger_steps import close, failed, file, made
from tests.letters import make_delivery, make_item, make_run


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
