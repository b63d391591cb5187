from __future__ import annotations

import datetime as dt
import sqlite3
from dataclasses import replace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from commsarchive_airflow.operators.upkeep import PurgeStagingOperator, VerifyLedgerOperator
from commsarchive_airflow.wiring import staging

from include.commsarchive.connector import Connector
from include.commsarchive.ledger.alerts import AlertKind, Finding
from include.commsarchive.ledger.base import Run
from include.commsarchive.ledger.sql import connect
from include.commsarchive.mailbox.maildir import Maildir
from include.commsarchive.message.mime import encode
from include.commsarchive.stages import verify as stage_of_verifying
from include.commsarchive.stages.ingest import IngestReceipt
from include.commsarchive.stages.reconcile import reconcile
from include.commsarchive.stages.run import MapReceipt
from include.commsarchive.stages.verification import kept
from tests.letters import make_delivery, make_letter
from tests.unit.plugins.desk import DAY, Desk

NOW = dt.datetime(2024, 3, 15, 12, tzinfo=dt.UTC)


def close(desk: Desk, day: dt.date, kind: str = "scheduled") -> str:
    """Close an empty run; its id."""
    run = Run(f"desk_chat/{kind}-{day}", "desk_chat", day, kind, NOW)
    with connect(desk.ledger) as ledger:
        ledger.open_run(run)
        reconcile(run, ledger, [], MapReceipt([], 0, 0, 0, 0, 0, 0, 0, "v"), [IngestReceipt()])
    return run.run_id


def stage(run_id: str) -> Any:
    folder = staging().run("desk_chat", run_id)
    with folder.write("raw/chat.xml") as sink:
        sink.write(b"x")
    return folder


def test_staging_is_purged_after_the_run_has_closed_and_not_before_its_time(desk: Desk) -> None:
    kept, unclosed = stage(close(desk, DAY)), stage("desk_chat/open")
    purge = PurgeStagingOperator(task_id="purge_staging")
    assert purge.execute(desk.context()) == 0
    desk.write(keep_days=0)
    assert purge.execute(desk.context()) == 1
    assert not kept.exists("raw/chat.xml")
    assert unclosed.exists("raw/chat.xml")


def test_staging_of_a_retired_connector_is_purged_too(desk: Desk) -> None:
    run = stage(close(desk, DAY))
    (desk.root / "connectors" / "desk.yaml").unlink()
    made = Connector.model_validate(desk.definition | {"keep_days": 0}).model_dump_json()
    with connect(desk.ledger) as ledger:
        ledger.put_connector("desk_chat", made, 0, "ann")
        ledger.retire_connector("desk_chat", 1, "ann")
    assert PurgeStagingOperator(task_id="purge_staging").execute(desk.context()) == 1
    assert not run.exists("raw/chat.xml")


def test_an_intact_ledger_is_verified_and_a_changed_one_fails_and_is_an_alert(desk: Desk) -> None:
    close(desk, DAY)
    verify = VerifyLedgerOperator(task_id="verify_ledger")
    assert verify.execute(desk.context()) == "1 import record: intact"
    with sqlite3.connect(desk.root / "ledger.db") as database:
        database.execute("UPDATE import_record SET day = '2024-03-12'")
    with pytest.raises(AirflowFailException, match="does not verify"):
        verify.execute(desk.context())
    assert open_kinds(desk) == [AlertKind.TAMPERED]
    with sqlite3.connect(desk.root / "ledger.db") as database:
        database.execute("UPDATE import_record SET day = '2024-03-11'")
    verify.execute(desk.context())
    assert open_kinds(desk) == []


def test_a_copy_that_is_gone_is_an_alert_and_no_failure(desk: Desk) -> None:
    file_copies(desk, "x")
    verify = VerifyLedgerOperator(task_id="verify_ledger")
    said = verify.execute(desk.context())
    assert said == "1 import record, 1 copy looked up, 1 compared: intact"
    assert open_kinds(desk) == []
    for path in desk.mail.rglob("*.commsarchive*"):
        path.unlink()
    assert verify.execute(desk.context()).endswith(": incomplete")
    assert open_kinds(desk) == [AlertKind.INCOMPLETE]


def test_what_verification_found_is_kept_with_who_asked(desk: Desk) -> None:
    close(desk, DAY)
    VerifyLedgerOperator(task_id="verify_ledger").execute(desk.context(dag_id="upkeep"))
    asked = VerifyLedgerOperator(task_id="verify", connector="desk_chat", extent="none")
    asked.execute(desk.context(dag_id="verification", triggering_user_name="cora"))
    with connect(desk.ledger) as ledger:
        found = kept(ledger, limit=9)
    assert [(one.who, one.connector, one.extent, one.verdict) for one in found] == [
        ("cora", "desk_chat", "none", "intact"),
        ("DAG upkeep", "", "sample", "intact"),
    ]


def test_a_connector_that_is_not_there_is_refused_and_leaves_no_evidence(desk: Desk) -> None:
    with pytest.raises(AirflowFailException, match="no connector desk_caht"):
        VerifyLedgerOperator(task_id="verify", connector="desk_caht").execute(desk.context())
    with connect(desk.ledger) as ledger:
        assert kept(ledger) == []


def test_only_a_look_at_all_copies_clears_what_was_found(desk: Desk) -> None:
    close(desk, DAY)
    with connect(desk.ledger) as ledger:
        finding = Finding(AlertKind.INCOMPLETE, "", "one is gone", "restore it", ("x",))
        ledger.take([(AlertKind.INCOMPLETE, "")], [finding], lambda _: [])
    VerifyLedgerOperator(task_id="verify", extent="none").execute(desk.context())
    assert open_kinds(desk) == [AlertKind.INCOMPLETE]
    VerifyLedgerOperator(task_id="verify", connector="desk_chat", extent="all").execute(desk.context())
    assert open_kinds(desk) == [AlertKind.INCOMPLETE]
    VerifyLedgerOperator(task_id="verify", extent="all").execute(desk.context())
    assert open_kinds(desk) == []


def test_a_sample_clears_nothing_while_more_was_wrong_than_is_known_by_name(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage_of_verifying, "MOST_LINES", 1)
    file_copies(desk, "x", "y")
    desk.mail.rename(away := desk.root / "away")
    desk.mail.mkdir()
    VerifyLedgerOperator(task_id="verify", extent="all").execute(desk.context())
    with connect(desk.ledger) as ledger:
        assert "verify all copies" in ledger.alerts()[0].finding.remedy
    desk.mail.rmdir()
    away.rename(desk.mail)
    VerifyLedgerOperator(task_id="verify", extent="sample").execute(desk.context())
    assert open_kinds(desk) == [AlertKind.INCOMPLETE]
    VerifyLedgerOperator(task_id="verify", extent="all").execute(desk.context())
    assert open_kinds(desk) == []


def test_tampering_is_not_cleared_by_a_look_that_could_not_ask(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_copies(desk, "x")
    with connect(desk.ledger) as ledger:
        finding = Finding(AlertKind.TAMPERED, "", "one was changed", "find out", ("x",))
        ledger.take([(AlertKind.TAMPERED, "")], [finding], lambda _: [])
    with monkeypatch.context() as shut:
        shut.delenv("AIRFLOW_CONN_DESK_MAIL")
        VerifyLedgerOperator(task_id="verify").execute(desk.context())
    assert open_kinds(desk) == [AlertKind.TAMPERED, AlertKind.INCOMPLETE]
    VerifyLedgerOperator(task_id="verify").execute(desk.context())
    assert open_kinds(desk) == []


def file_copies(desk: Desk, *items: str) -> None:
    """File copies by a run of their own."""
    mails = Maildir(desk.mail, encode, create=True)
    copies = [replace(make_delivery(item), destination="desk_mail") for item in items]
    run = Run("desk_chat/1", "desk_chat", DAY, "scheduled", NOW)
    with connect(desk.ledger) as ledger:
        ledger.open_run(run)
        ledger.intend(run.run_id, copies)
        ledger.settle(run.run_id, mails.append([make_letter(item) for item in items]))
        ledger.close_run(run.run_id, {"delivery_root": ledger.totals(run.run_id).delivery_root})


def open_kinds(desk: Desk) -> list[str]:
    with connect(desk.ledger) as ledger:
        return [one.finding.kind for one in ledger.alerts()]
