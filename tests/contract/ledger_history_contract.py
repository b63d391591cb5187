"""What every `Ledger` promises of closed runs: a chain of records that proves what was archived."""

from __future__ import annotations

from dataclasses import replace

import pytest

from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.ledger.base import Failure, Ledger
from tests.contract.ledger_steps import close, failed, file, made
from tests.letters import DAY, NEXT_DAY, make_delivery, make_held, make_item, make_run


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

    def test_a_record_covers_what_its_failures_say(self, ledger: Ledger) -> None:
        ledger.open_run(make_run("one"))
        row = Failure("x", "", "", "convert", "attachment-missing")
        roots = set()
        for detail in ("", "plan.xlsx", "other.xlsx"):
            said = replace(row, detail=detail)
            ledger.record_failures("one", [said])
            record = close(ledger, "one")
            assert list(ledger.failures_of(record.seq)) == [said]
            roots.add(record.body["failure_root"])
        assert len(roots) == 3
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
