"""``give-up``, as a person calls it when a destination is gone for good."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from include.commsarchive.cli.main import main
from include.commsarchive.ledger.control import AuditFilter
from include.commsarchive.ledger.sql import connect
from include.commsarchive.model import Outcome
from include.commsarchive.stages.ingest import IngestReceipt
from include.commsarchive.stages.reconcile import Unbalanced, reconcile
from include.commsarchive.stages.recover import recover
from include.commsarchive.stages.run import ConvertReceipt, MapReceipt
from tests.letters import make_delivery, make_item, make_run

RUN = make_run()
X = make_delivery("x")
GONE = replace(make_delivery("x", folder="elsewhere"), destination="gone")
MAPPED = MapReceipt([], 1, 1, 0, 0, 0, 0, 1, "v1")


def test_a_run_with_copies_in_doubt_at_a_removed_destination_says_how_to_close_it_and_then_closes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with connect(url) as ledger:
        ledger.open_run(RUN)
        ledger.intend("one", [GONE])
        ledger.release("one", "")
        ledger.plan_anew("one")  # by a connector that has the destination no more
        assert recover(ledger, {}, "one") == 0
        ledger.record_items("one", [make_item("x")])
        ledger.intend("one", [X])
        ledger.settle("one", [Outcome(X.delivery_key, "id")])
        converted, filed = [ConvertReceipt("day", items=1)], [IngestReceipt(1, 1)]
        with pytest.raises(Unbalanced, match=r"1 intents are open at gone: .*give-up one gone"):
            reconcile(RUN, ledger, converted, MAPPED, filed)

        assert main(["give-up", "one", "other", "--ledger", url]) == 0
        assert main(["give-up", "one", "gone", "--ledger", url]) == 0
        assert "1 copies of one for gone are failures now. Clear its `reconcile`" in capsys.readouterr().out

        record = reconcile(RUN, ledger, converted, MAPPED, filed)
        assert (record.body["deliveries_made"], record.body["deliveries_failed"]) == (1, 1)
        assert [one.reason for one in ledger.failures_of(record.seq)] == ["destination-removed"]
        [entry] = ledger.audit(AuditFilter(what="give-up-copies"), 10, 10)
        assert (entry.act.thing, entry.act.detail) == ("one", {"destination": "gone", "copies": 1})
        assert list(ledger.verify()) == []


def test_copies_are_not_given_up_while_a_task_may_be_filing_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with connect(url) as ledger:
        ledger.open_run(RUN)
        ledger.intend("one", [GONE], worker="at work")
        assert main(["give-up", "one", "gone", "--ledger", url]) == 5
        assert "still filing" in capsys.readouterr().err
        assert list(ledger.open_intents("one")) == [GONE]
