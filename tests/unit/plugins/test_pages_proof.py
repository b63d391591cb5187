"""The audit trail and what verifications found, as people see them."""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
from contextlib import nullcontext
from pathlib import Path

import pytest

from include.commsarchive.ledger.control import Act
from include.commsarchive.ledger.sql import SqlLedger
from include.commsarchive.mailbox.memory import MemoryMailbox
from include.commsarchive.stages.verification import Asked, keep, verify_and_keep
from include.commsarchive.stages.verify import Verdict
from tests.letters import encode
from tests.unit.plugins.desk import Desk, make_desk
from tests.unit.plugins.pages_desk import HOSTILE, get
from tests.unit.plugins.past_days import close_day

TODAY = dt.datetime.now(dt.UTC).date()
OF_DESK = "/connectors/desk_chat/verification"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_runs: None) -> Desk:
    monkeypatch.setenv("COMMSARCHIVE_COMPLIANCE", "cora")
    return make_desk(tmp_path, monkeypatch)


def verify(ledger: SqlLedger, who: str = "cora", connector: str = "") -> None:
    nobody = MemoryMailbox(encode)
    verify_and_keep(ledger, lambda _: nullcontext(nobody), Asked(who, connector, "all"), "today")


@pytest.mark.parametrize("path", ["/audit", "/verification", OF_DESK])
def test_only_administrators_and_compliance_officers_see_proof(desk: Desk, path: str) -> None:
    assert {who: get(path, who).status for who in ("vera", "olga", "ada", "cora")} == {
        **dict.fromkeys(("vera", "olga"), 403),
        **dict.fromkeys(("ada", "cora"), 200),
    }
    assert "Ask to be named" in get(path, "olga").text


def test_an_empty_trail_and_an_unverified_archive_say_so(desk: Desk) -> None:
    assert "Nobody has done anything yet" in get("/audit").text
    assert "Nothing was verified yet" in get("/verification").text
    assert "Nothing was verified yet" in get(OF_DESK).text


def test_the_trail_says_who_did_what_to_what_and_is_never_markup(ledger: SqlLedger) -> None:
    ledger.note(Act("olga", "open-content", "desk_chat", HOSTILE, detail={"reason": HOSTILE}))
    seen = get("/audit")
    assert re.search(r"1 \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC olga open content desk_chat", seen.text)
    assert f"reason: {HOSTILE}" in seen.text
    assert "<script>alert" not in seen.html


def test_the_trail_is_filtered_by_person_connector_kind_and_day(ledger: SqlLedger) -> None:
    for who, what, connector in (("olga", "replay", "desk_chat"), ("ada", "pause", "other_chat")):
        ledger.note(Act(who, what, connector, f"thing of {who}"))
    for query in ("who=olga", "connector=desk_chat", "what=replay", f"who=olga&first={TODAY}&last={TODAY}"):
        text = get(f"/audit?{query}&first=").text if "first" not in query else get(f"/audit?{query}").text
        assert "thing of olga" in text
        assert "thing of ada" not in text
    assert "None matches" in get(f"/audit?last={TODAY - dt.timedelta(days=1)}").text
    assert get("/audit?first=2026-02-31").status == 422


def test_who_gave_copies_up_can_be_looked_for_in_the_trail(ledger: SqlLedger) -> None:
    ledger.note(Act("olga", "give-up-copies", thing="desk_chat/run-1", detail={"destination": "mail"}))
    assert '<option value="give-up-copies">give up copies</option>' in get("/audit").html
    assert "olga give up copies" in get("/audit?what=give-up-copies").text


def test_a_long_trail_is_paged_and_downloaded_as_filtered(ledger: SqlLedger) -> None:
    for number in range(101):
        ledger.note(Act("olga", "replay", "desk_chat", f"thing-{number}."))
    seen = get("/audit?who=olga")
    assert "thing-0." not in seen.text
    more = re.search(r'href="/compliance([^"]*)" rel="next"', seen.html)
    assert more
    older = get(more[1].replace("&amp;", "&")).text
    assert "thing-0." in older
    assert "thing-1." not in older
    assert "/api/compliance/v1/audit.csv?who=olga" in seen.html


def test_the_trail_says_how_far_its_chain_is_intact(desk: Desk, ledger: SqlLedger) -> None:
    ledger.note(Act("olga", "replay", "desk_chat"))
    assert "their chain was not verified yet" in get("/audit").text
    verify(ledger)
    assert re.search(r"Intact up to entry 1 of 2, checked at .* by cora", get("/audit").text)
    with sqlite3.connect(desk.root / "ledger.db") as database:
        database.execute("UPDATE audit SET who = 'eve' WHERE seq = 1")
    verify(ledger)
    assert "The evidence does not verify" in get("/audit").text


def test_the_last_verification_says_when_how_far_and_what_it_found(ledger: SqlLedger) -> None:
    close_day(ledger, "desk_chat", TODAY)
    verify(ledger, "DAG upkeep")
    text = get("/verification").text
    assert "Last verification intact" in text
    assert "Asked by DAG upkeep" in text
    assert "Import records 1" in text
    assert "Copies looked up 0 (all, of all connectors)" in text


def test_how_many_copies_were_compared_and_how_many_were_not_is_said(ledger: SqlLedger) -> None:
    found = Verdict(copies=5, compared=3, only_found=1, unseen=7)
    keep(ledger, Asked("cora", extent="all"), found, 0.0)
    text = get("/verification").text
    assert "Copies looked up 5 (all, of all connectors)" in text
    assert "Copies compared 3 with what was kept; 1 only found; 7 more where nobody can look" in text


def test_what_differs_and_what_to_do_is_said(desk: Desk, ledger: SqlLedger) -> None:
    close_day(ledger, "desk_chat", TODAY)
    with sqlite3.connect(desk.root / "ledger.db") as database:
        database.execute("UPDATE import_record SET day = '2024-03-13'")
    verify(ledger)
    for path in ("/verification", OF_DESK):
        text = get(path).text
        assert "Last verification tampered" in text
        assert "its content is not what was hashed" in text
        assert "What to do: Keep the ledger as it is" in text


def test_a_connector_shows_its_own_verifications_and_those_of_all(ledger: SqlLedger) -> None:
    for who, connector in (("ann", "desk_chat"), ("bob", "other_chat"), ("cid", "")):
        verify(ledger, who, connector)
    text = get(OF_DESK).text
    assert "ann" in text
    assert "cid" in text
    assert "bob" not in text
    assert "bob" in get("/verification").text


def test_evidence_is_offered_beside_the_verification_of_a_connector(desk: Desk) -> None:
    assert "/connectors/desk_chat/evidence.zip" in get(OF_DESK).html
    assert get("/verification?connector=desk_chat").headers["location"].endswith(OF_DESK)
    assert get("/connectors/nothing/verification").status == 404
