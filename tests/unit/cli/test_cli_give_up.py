"""``give-up``, as a person calls it when a destination or a mailbox is gone for good."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest

from include.commsarchive.cli.main import main
from include.commsarchive.errors import Retriable
from include.commsarchive.ledger.control import AuditFilter
from include.commsarchive.ledger.sql import connect
from include.commsarchive.model import Outcome
from include.commsarchive.stages.ingest import IngestReceipt
from include.commsarchive.stages.reconcile import Unbalanced, reconcile
from include.commsarchive.stages.recover import recover
from include.commsarchive.stages.run import ConvertReceipt, MapReceipt
from tests.letters import make_delivery, make_item, make_run
from tests.unit.stages.bad_answers import ANN, BOB, Server, times

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
        done, asked = ledger.audit(AuditFilter(what="give-up-copies"), 10, 2)
        place = {"destination": "gone", "mailbox": ""}
        assert (asked.act.thing, asked.act.outcome, asked.act.detail) == ("one", "asked", place)
        assert (done.act.thing, done.act.outcome, done.act.detail) == ("one", "done", place | {"copies": 1})
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
        [entry] = ledger.audit(AuditFilter(what="give-up-copies"), 10, 10)
        assert entry.act.outcome == "asked"


class Refusing(Server):
    """Does not let us into one mailbox, as an IMAP server does where it is gone."""

    def find(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> dict[str, str]:
        if mailbox == ANN:
            raise Retriable("connection mail: does not let us in")
        return super().find(mailbox, folder, delivery_keys)


def test_a_mailbox_that_is_gone_for_good_blocks_its_run_until_its_copies_alone_are_given_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    mine, other = make_delivery("x", ANN), make_delivery("x", BOB)
    server = Refusing(times())
    with connect(url) as ledger:
        ledger.open_run(RUN)
        ledger.intend("one", [mine, other])
        ledger.release("one", "")
        with pytest.raises(Retriable, match=r"does not let us in.* give-up one mail --mailbox ADDRESS`"):
            recover(ledger, {"mail": server}, "one")
        assert len(list(ledger.open_intents("one"))) == 2

        give_up = ["give-up", "one", "mail", "--ledger", url, "--mailbox"]
        assert main([*give_up, "wrong@firm.example"]) == 0
        assert f"left for {ANN}, {BOB}" in capsys.readouterr().out
        assert main([*give_up, ANN.upper()]) == 0
        said = capsys.readouterr().out
        assert (
            f"1 copies of one for {ANN.upper()} of mail are failures now. Clear it from `map_users`" in said
        )
        assert f"left for {BOB}\n" in said
        assert list(ledger.open_intents("one")) == [other]

        ledger.plan_anew("one")
        assert recover(ledger, {"mail": server}, "one") == 0
        assert list(ledger.open_intents("one")) == []
        assert ledger.delivered([mine.delivery_key, other.delivery_key]) == {}
        again = ledger.intend("one", [mine, other])
        assert again.keys() == {mine.delivery_key}  # a later plan looks it up before it sends it
