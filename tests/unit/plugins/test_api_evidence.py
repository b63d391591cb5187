"""The import history, the proof and the audit trail over REST."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import shutil
import sqlite3
import zipfile
from pathlib import Path

import httpx
import pytest
from commsarchive_airflow import auth
from commsarchive_airflow.connections import mailbox

from include.commsarchive.ledger.base import Failure, FileRecord, Run
from include.commsarchive.ledger.control import Act
from include.commsarchive.ledger.sql import SqlLedger
from include.commsarchive.stages.evidence import MANIFEST
from include.commsarchive.stages.ingest import IngestReceipt
from include.commsarchive.stages.reconcile import reconcile
from include.commsarchive.stages.run import ConvertReceipt, MapReceipt
from tests.unit.plugins.api_desk import Api, load_dags
from tests.unit.plugins.desk import DAY, DUE
from tests.unit.plugins.pages_desk import add_connectors
from tests.unit.stages.proven import archive_day

HOME = "/connectors/desk_chat"


def close(ledger: SqlLedger, number: int) -> None:
    day = DAY + dt.timedelta(days=number)
    run = Run(f"desk_chat/{number}", "desk_chat", day, "scheduled", DUE)
    ledger.open_run(run)
    ledger.record_file(run.run_id, FileRecord(f"export-{number}.xml", 10, "a" * 64))
    ledger.record_failures(run.run_id, [Failure("item", "uuid:7", "=cmd@firm.example", "ingest", "full")])
    receipt = ConvertReceipt("b", quarantined={"missing-date": number})
    reconcile(run, ledger, [receipt], MapReceipt([], 0, 0, 0, 0, 0, 0, 0, "v"), [IngestReceipt()])


class TestHistory:
    def test_it_comes_newest_first_page_by_page_and_by_day(self, api: Api, ledger: SqlLedger) -> None:
        for number in range(5):
            close(ledger, number)
        for path in ("/history", f"{HOME}/history"):
            first = api("vera", "GET", f"{path}?limit=2").json()
            rest = api("vera", "GET", f"{path}?limit=3&after={first['next']}").json()
            assert [one["seq"] for one in first["items"] + rest["items"]] == [5, 4, 3, 2, 1]
            assert rest["next"] is None
            days = api("vera", "GET", f"{path}?first=2024-03-12&last=2024-03-13").json()["items"]
            assert [one["day"] for one in days] == ["2024-03-13", "2024-03-12"]

    def test_a_record_is_shown_in_full_with_its_equations_and_files(
        self, api: Api, ledger: SqlLedger
    ) -> None:
        close(ledger, 3)
        shown = api("vera", "GET", f"{HOME}/imports/1").json()
        items, copies = shown["equations"]
        assert (items["whole"], items["closes"]) == ({"name": "found", "number": 3}, True)
        assert {"name": "quarantined", "number": 3} in items["parts"]
        assert copies["closes"]
        assert [one["name"] for one in shown["files"]] == ["export-3.xml"]
        assert shown["record"]["body"]["delivery_root"]
        failures = api("vera", "GET", f"{HOME}/imports/1/failures").json()["items"]
        assert [one["reason"] for one in failures] == ["full"]

    def test_a_record_of_another_connector_is_not_there(self, api: Api, ledger: SqlLedger) -> None:
        close(ledger, 1)
        assert api("vera", "GET", "/connectors/other_chat/imports/1").status_code == 404
        assert api("vera", "GET", f"{HOME}/imports/{2**63}").status_code == 404

    def test_the_import_log_is_downloaded(self, api: Api, ledger: SqlLedger) -> None:
        close(ledger, 1)
        csv, log = (api("vera", "GET", f"{HOME}/imports/1/log.{ending}") for ending in ("csv", "json"))
        assert csv.headers["content-disposition"] == 'attachment; filename="desk_chat-2024-03-12-1.csv"'
        assert "'=cmd@firm.example" in csv.text
        assert log.json()["record"]["found"] == 1


@pytest.fixture
def filed(api: Api, ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A day of two copies, in the mailboxes of the connection `mail`; gives their folder."""
    monkeypatch.setenv("AIRFLOW_CONN_MAIL", os.environ["AIRFLOW_CONN_DESK_MAIL"])
    with mailbox("mail") as opened:
        archive_day(ledger, opened, DAY, "a", "b", connector="desk_chat")
    return api.desk.mail


INSERTED = (
    "INSERT INTO audit SELECT 4, at, who, what, connector, thing, outcome, detail, previous, hash "
    "FROM audit WHERE seq = 3"
)


class TestProof:
    def test_an_untouched_ledger_is_intact_and_that_somebody_asked_is_kept(
        self, api: Api, ledger: SqlLedger
    ) -> None:
        close(ledger, 1)
        found = api("cora", "GET", "/verification").json()
        assert (found["intact"], found["verdict"], found["faults"]) == (True, "intact", [])
        assert (found["records"], found["copies"]) == (1, 0)
        assert api("cora", "GET", "/audit?what=verify").json()["items"][0]["act"]["outcome"] == "intact"

    @pytest.mark.parametrize(
        ("query", "verdict", "copies"),
        [
            ("", "intact", 0),
            ("?extent=sample", "incomplete", 2),
            ("?extent=sample&connector=desk_chat", "incomplete", 2),
            ("?extent=sample&connector=idle_chat", "intact", 0),
        ],
    )
    def test_copies_are_looked_up_in_their_mailboxes_on_request(
        self, api: Api, ledger: SqlLedger, filed: Path, query: str, verdict: str, copies: int
    ) -> None:
        shutil.rmtree(filed / "b@firm.example")
        add_connectors(api.desk, ["idle_chat"])
        found = api("ada", "GET", f"/verification{query}").json()
        assert (found["verdict"], found["copies"]) == (verdict, copies)
        assert found["intact"] is (verdict == "intact")
        assert (found["compared"], found["only_found"]) == (copies // 2, 0)
        lost = int(verdict == "incomplete")
        assert (found["tampered"], found["incomplete"], len(found["faults"])) == (0, lost, lost)
        (entry,) = api("cora", "GET", "/audit?what=verify").json()["items"]
        assert (entry["act"]["outcome"], entry["act"]["detail"]["copies"]) == (verdict, copies)

    @pytest.mark.parametrize("way", ["GET", "POST", "list"])
    def test_a_connector_that_is_not_there_or_is_hidden_is_refused_and_leaves_no_evidence(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, way: str
    ) -> None:
        def ask(name: str) -> httpx.Response:
            if way == "GET":
                return api("cora", "GET", f"/verification?connector={name}")
            if way == "list":
                return api("cora", "GET", f"/verifications?connector={name}")
            return api("cora", "POST", "/verifications", json={"connector": name})

        answers = [ask("desk_caht")]
        monkeypatch.setattr(auth, "readable", lambda _, names: set(names) - {"desk_chat"})
        answers.append(ask("desk_chat"))
        assert [(one.status_code, one.json()["error"]) for one in answers] == [(404, "not-found")] * 2
        assert api("ada", "GET", "/audit").json()["items"] == []

    def test_all_copies_are_left_to_a_run(self, api: Api) -> None:
        answer = api("cora", "GET", "/verification?extent=all")
        assert (answer.status_code, answer.json()["error"]) == (422, "invalid")
        assert "POST /verifications" in answer.json()["remedy"]
        assert api("cora", "GET", "/verifications").json()["items"] == []

    def test_a_changed_record_is_told_as_tampering(self, api: Api, ledger: SqlLedger) -> None:
        close(ledger, 1)
        with sqlite3.connect(api.desk.root / "ledger.db") as raw:
            raw.execute("UPDATE import_record SET day = '2020-01-01'")
        found = api("ada", "GET", "/verification").json()
        assert (found["intact"], found["verdict"]) == (False, "tampered")
        assert found["tampered"] == len(found["faults"]) > 0

    @pytest.mark.parametrize(
        "tampering",
        [
            "UPDATE audit SET who = 'bob' WHERE seq = 2",
            "UPDATE audit SET detail = '{\"n\":9}' WHERE seq = 1",
            "UPDATE audit SET at = at + 1 WHERE seq = 3",
            "DELETE FROM audit WHERE seq = 2",
            "DELETE FROM audit WHERE seq = 3",
            INSERTED,
            "DELETE FROM audit",
        ],
    )
    def test_a_trail_that_was_tampered_with_is_found(
        self, api: Api, ledger: SqlLedger, tampering: str
    ) -> None:
        for what in ("one", "two", "three"):
            ledger.note(Act("ann", what, "chat", detail={"n": 1}))
        assert list(ledger.verify()) == []
        with sqlite3.connect(api.desk.root / "ledger.db") as raw:
            raw.execute(tampering)
        assert any("audit" in fault for fault in ledger.verify())


class TestPackage:
    def test_it_is_downloaded_with_the_verdict_and_the_days_asked_for(
        self, api: Api, ledger: SqlLedger, filed: Path
    ) -> None:
        close(ledger, 1)
        days = "first=2024-03-11&last=2024-03-11"
        loaded = api("cora", "GET", f"{HOME}/evidence.zip?{days}")
        name = "evidence-desk_chat-2024-03-11-2024-03-11.zip"
        assert loaded.headers["content-type"] == "application/zip"
        assert loaded.headers["content-disposition"] == f'attachment; filename="{name}"'
        with zipfile.ZipFile(io.BytesIO(loaded.content)) as package:
            about = json.loads(package.read("package.json"))
            listed = package.read(MANIFEST).decode().splitlines()
        assert (about["verification"], about["records_verified"], about["records"]) == ("intact", 2, 1)
        assert any(one.endswith("import-logs/2024-03-11-1.csv") for one in listed)
        (entry,) = api("ada", "GET", "/audit?what=export-evidence").json()["items"]
        act = entry["act"]
        assert (act["who"], act["connector"]) == ("cora", "desk_chat")
        assert act["thing"] == "2024-03-11 to 2024-03-11"

    def test_it_is_not_given_when_the_trail_cannot_be_written(self, api: Api, ledger: SqlLedger) -> None:
        with sqlite3.connect(api.desk.root / "ledger.db") as raw:
            raw.execute("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(FAIL, 'no room'); END")
        answer = api("cora", "GET", f"{HOME}/evidence.zip?first=2024-03-11&last=2024-03-12")
        assert answer.status_code in (409, 503)
        assert answer.headers["content-type"] == "application/json"

    def test_days_in_order_and_a_connector_that_is_there_are_asked_for(self, api: Api) -> None:
        swapped = api("ada", "GET", f"{HOME}/evidence.zip?first=2024-03-12&last=2024-03-11")
        assert (swapped.status_code, swapped.json()["error"]) == (422, "invalid")
        days = "first=2024-03-11&last=2024-03-11"
        assert api("ada", "GET", f"/connectors/other_chat/evidence.zip?{days}").status_code == 404
        assert api("ada", "GET", "/audit?what=export-evidence").json()["items"] == []


class TestVerifications:
    def test_they_are_listed_newest_first_with_what_differs(self, api: Api, ledger: SqlLedger) -> None:
        close(ledger, 1)
        api("ada", "GET", "/verification")
        with sqlite3.connect(api.desk.root / "ledger.db") as database:
            database.execute("UPDATE import_record SET day = '2024-03-13'")
        api("cora", "GET", "/verification?connector=desk_chat")
        first = api("cora", "GET", "/verifications?limit=1").json()
        (last,), (before,) = (
            first["items"],
            api("cora", "GET", f"/verifications?after={first['next']}").json()["items"],
        )
        assert (last["who"], last["connector"], last["verdict"]) == ("cora", "desk_chat", "tampered")
        assert any("import record 1" in fault for fault in last["faults"])
        assert (before["who"], before["verdict"], before["chain"]) == ("ada", "intact", "intact")
        assert before["number"] == 1
        assert last["trail"] == 1

    def test_one_is_started_once_by_who_may_verify_though_not_trigger(
        self, api: Api, ledger: SqlLedger
    ) -> None:
        load_dags()
        asked = {"connector": "desk_chat", "extent": "all"}
        key = {"Idempotency-Key": "once"}
        answers = [api("cora", "POST", "/verifications", key, json=asked) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [202, 202]
        one, two = (answer.json() for answer in answers)
        assert (one["dag_id"], one["created"], one["paused"]) == ("verification", True, False)
        assert (two["run_id"], two["created"]) == (one["run_id"], False)
        acts = [entry["act"] for entry in api("cora", "GET", "/audit").json()["items"]]
        assert (acts[0]["what"], acts[0]["connector"], acts[0]["outcome"]) == (
            *("start-verification", "desk_chat"),
            "done",
        )


class TestTrailDownloads:
    def test_what_is_chosen_comes_and_the_download_is_in_the_trail(self, api: Api, ledger: SqlLedger) -> None:
        ledger.note(Act("olga", "replay", "desk_chat", "2024-03-12"))
        ledger.note(Act("ada", "pause", "desk_chat"))
        rows = api("cora", "GET", "/audit.json?who=olga").json()
        assert [(one["who"], one["what"], one["thing"]) for one in rows] == [("olga", "replay", "2024-03-12")]
        table = api("cora", "GET", "/audit.csv")
        assert table.headers["content-disposition"] == 'attachment; filename="audit-trail.csv"'
        assert [line.split(",")[3:5] for line in table.text.splitlines()[1:]] == [
            ["cora", "download-audit-trail"],
            ["cora", "download-audit-trail"],
            ["ada", "pause"],
            ["olga", "replay"],
        ]
