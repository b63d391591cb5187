from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from commsarchive_airflow.web.pages.app import app
from fastapi.routing import APIRoute

from include.commsarchive.ids import digest
from include.commsarchive.ledger.alerts import AlertKind, Finding
from include.commsarchive.ledger.base import HeldStage
from include.commsarchive.ledger.control import AuditFilter
from include.commsarchive.ledger.settlement import settled_by
from include.commsarchive.ledger.sql import SqlLedger
from tests.unit.plugins.desk import Desk, make_desk
from tests.unit.plugins.pages_desk import HOSTILE, add_connectors, get
from tests.unit.plugins.past_days import close_day, held

YESTERDAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
CONNECTOR = "/connectors/desk_chat"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_runs: None) -> Desk:
    """A desk whose connector started twenty days ago."""
    monkeypatch.setenv("COMMSARCHIVE_COMPLIANCE", "cora")
    desk = make_desk(tmp_path, monkeypatch)
    desk.write(schedule={"start": str(YESTERDAY - dt.timedelta(days=20))})
    return desk


def back(days: int) -> dt.date:
    return YESTERDAY - dt.timedelta(days=days)


@pytest.mark.parametrize(
    "route", [one for one in app.routes if isinstance(one, APIRoute)], ids=lambda one: one.path
)
def test_every_page_refuses_a_caller_who_is_not_signed_in(desk: Desk, route: APIRoute) -> None:
    path = route.path.format(name="desk_chat", day=YESTERDAY, seq=1, held_id="0" * 32)
    seen = get(path, who="")
    assert seen.status == 401
    assert "Sign in to Airflow" in seen.text


def test_there_is_no_other_way_to_the_pages() -> None:
    assert all(isinstance(route, APIRoute) for route in app.routes)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/settings",
        "/change",
        f"/days/{YESTERDAY}",
        "/people",
        "/keys",
        "/quarantine",
        "/imports/1",
        "/verification",
    ],
)
def test_who_may_not_read_a_connector_sees_nothing_of_it(
    desk: Desk, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commsarchive_airflow.auth.readable", lambda *_: set())
    assert get(f"{CONNECTOR}{path}").status == 403
    assert "desk_chat" not in get("/connectors").text
    assert "desk_chat" not in get("/quarantine").text


def test_the_browser_is_told_to_load_nothing_from_elsewhere(desk: Desk) -> None:
    seen = get("/connectors")
    assert "default-src 'none'" in seen.headers["content-security-policy"]
    assert seen.headers["cache-control"] == "no-store"
    assert not re.search(r"""(src|href)="(https?:)?//""", seen.html)
    assert "style=" not in seen.html


def test_an_empty_system_says_what_to_do_first(desk: Desk) -> None:
    (desk.root / "connectors" / "desk.yaml").unlink()
    assert "No connectors yet" in get("/connectors").text
    assert "Ask an administrator of connectors" not in get("/connectors", "ada").text
    assert "Ask an administrator of connectors" in get("/connectors", "olga").text
    assert "Nothing is set aside" in get("/quarantine").text


def test_missing_late_and_small_days_stand_out_in_the_overview(ledger: SqlLedger) -> None:
    for day in range(40, -1, -1):
        if day != 4:
            close_day(ledger, "desk_chat", back(day), found=20 if day == 2 else 200)
    seen = get("/connectors")
    said = re.search(r'role="img" aria-label="([^"]*)"', seen.html)
    assert said is not None
    assert f"1 missing ({back(4)})" in said[1]
    assert f"1 unusually small ({back(2)})" in said[1]
    assert "28 archived" in said[1]
    assert "trigger a run for each" in get(CONNECTOR).text


def test_two_hundred_connectors_are_paged_and_searched(desk: Desk) -> None:
    add_connectors(desk, [f"feed_{number:03}" for number in range(199)])
    first, last = get("/connectors"), get("/connectors?page=4")
    assert "Page 1 of 4" in first.text
    assert "feed_000" in first.text
    assert "feed_198" not in first.text
    assert "feed_198" in last.text
    found = get("/connectors?q=FEED_12")
    assert "10 connectors" in found.text
    assert "feed_129" in found.text
    assert "None matches" in get("/connectors?q=nothing").text


def test_connectors_are_filtered_by_status(desk: Desk) -> None:
    (desk.root / "connectors" / "broken.yaml").write_text("name: broken", encoding="utf-8")
    seen = get("/connectors?status=configuration+error")
    assert "add this key" in seen.text
    assert "1 connector " in seen.text
    assert "desk_chat" not in seen.text


def test_alerts_are_on_top_with_their_remedy(ledger: SqlLedger) -> None:
    finding = Finding(AlertKind.MISSING, "desk_chat", f"gone {HOSTILE}", "trigger it", ("x",))
    ledger.take([(AlertKind.MISSING, "desk_chat")], [finding], lambda _: [])
    for path in ("/connectors", CONNECTOR):
        seen = get(path)
        assert "1 open alert" in seen.text
        assert "trigger it" in seen.text
        assert "<script>alert" not in seen.html


def test_what_people_named_is_never_markup(desk: Desk, ledger: SqlLedger) -> None:
    desk.write(title=HOSTILE, owner=HOSTILE)
    thing = held(
        "desk_chat", YESTERDAY, detail=HOSTILE, place=HOSTILE, people=(HOSTILE,), stage=HeldStage.MAP_USERS
    )
    ledger.hold([thing])
    for path in ("", "/settings", "/people", "/quarantine", f"/days/{YESTERDAY}"):
        seen = get(f"{CONNECTOR}{path}")
        assert seen.status == 200
        assert "<script>alert" not in seen.html
        assert not re.search(r"""="[^"]*"x"\)</script>""", seen.html)
    assert HOSTILE in get(f"{CONNECTOR}/people").text


def test_the_calendar_says_what_became_of_each_day(ledger: SqlLedger) -> None:
    close_day(ledger, "desk_chat", back(3))
    close_day(ledger, "desk_chat", back(2), quarantined=1)
    html = get(CONNECTOR).html + get(f"{CONNECTOR}?month={back(3):%Y-%m}").html
    for day, state in ((back(3), "archived"), (back(2), "closed with quarantine"), (back(5), "missing")):
        cell = re.search(rf'<a class="cell \w+" href="[^"]*/days/{day}".*?</a>', html, re.DOTALL)
        assert cell is not None
        assert f'<span class="sr">{state}</span>' in cell[0]


def test_a_month_that_is_none_is_refused_kindly(desk: Desk) -> None:
    assert get(f"{CONNECTOR}?month=2026-13").status == 422


def test_every_number_of_a_record_leads_to_what_it_counts(ledger: SqlLedger) -> None:
    record = close_day(ledger, "desk_chat", YESTERDAY, found=5, quarantined=2)
    seen = get(f"{CONNECTOR}/days/{YESTERDAY}")
    terms = re.findall(r'class="term" href="/compliance([^"]*)"><b>(\d+)</b> (\w+)', seen.html)
    assert [(number, word) for _, number, word in terms] == [
        ("5", "items"), ("3", "archived"), ("0", "duplicate"), ("0", "excluded"), ("2", "quarantined"),
        ("0", "copies"), ("0", "delivered"), ("0", "duplicate"), ("0", "failed"),
    ]  # fmt: skip
    assert {get(path.replace("&amp;", "&")).status for path, _, _ in terms} == {200}
    failures = get(f"{CONNECTOR}/imports/{record.seq}/failures").text
    assert "line 1" in failures
    assert "it ends early" in failures
    assert "item-2" in get(f"{CONNECTOR}/imports/{record.seq}/items").text
    assert "closes" in seen.text
    assert record.hash in seen.text
    assert digest("raw", str(YESTERDAY)) in seen.text


def test_a_record_whose_numbers_do_not_close_says_so(ledger: SqlLedger) -> None:
    close_day(ledger, "desk_chat", YESTERDAY, found=5, archived=4)
    assert "does not close" in get(f"{CONNECTOR}/days/{YESTERDAY}").text


def test_a_day_without_a_record_can_be_archived(desk: Desk) -> None:
    text = get(f"{CONNECTOR}/days/{YESTERDAY}").text
    assert "no import record" in text
    assert "Archive this day" in text


def test_settings_explain_themselves_and_hold_no_secret(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_DESK_FOLDER", '{"conn_type": "fs", "password": "hush"}')
    text = get(f"{CONNECTOR}/settings").text
    assert "collect.folder . folder on the server" in text
    assert "deliver.connection desk_mail" in text
    assert "hush" not in text


def test_people_without_a_mailbox_are_listed_with_what_waits(ledger: SqlLedger) -> None:
    ledger.hold(
        [
            held("desk_chat", back(number), number, stage=HeldStage.MAP_USERS, people=("uuid:7",))
            for number in range(3)
        ]
    )
    assert f"uuid:7 {back(2)} 3" in get(f"{CONNECTOR}/people").text


@pytest.mark.parametrize(("who", "may"), [("ada", True), ("olga", False)])
def test_only_an_administrator_is_offered_to_change_the_mapping(desk: Desk, who: str, may: bool) -> None:
    desk.write(mapping={"custom": "uploaded"})
    seen = get(f"{CONNECTOR}/people", who)
    assert ('type="file"' in seen.html) is True
    assert ("ask to be named an administrator" in seen.text) is not may


@pytest.mark.parametrize(("who", "may"), [("ada", True), ("olga", True), ("vera", False)])
def test_only_an_operator_is_offered_to_run_and_replay(ledger: SqlLedger, who: str, may: bool) -> None:
    ledger.hold([held("desk_chat", YESTERDAY)])
    for path in (CONNECTOR, f"{CONNECTOR}/days/{YESTERDAY}", f"{CONNECTOR}/quarantine"):
        seen = get(path, who)
        assert ("You may not: ask for Airflow's permission to trigger" in seen.text) is not may


@pytest.mark.parametrize(("who", "may"), [("ada", False), ("cora", True)])
def test_only_a_compliance_officer_is_offered_to_open_messages(
    ledger: SqlLedger, who: str, may: bool
) -> None:
    thing = held("desk_chat", YESTERDAY)
    ledger.hold([thing])
    assert (f"/quarantine/{thing.held_id}" in get(f"{CONNECTOR}/quarantine", who).html) is may


def test_what_was_set_aside_is_opened_escaped_and_the_trail_says_so(desk: Desk, ledger: SqlLedger) -> None:
    thing = held("desk_chat", YESTERDAY, path="bundles/b")
    ledger.hold([thing])
    path = desk.root / "staging" / "desk_chat" / "held" / "bundles" / "b" / "refused" / thing.sha256
    path.parent.mkdir(parents=True)
    path.write_text(f"Sell it {HOSTILE}", encoding="utf-8")
    address = f"{CONNECTOR}/quarantine/{thing.held_id}"
    assert get(address, "ada").status == 403
    seen = get(address, "cora")
    assert f"Sell it {HOSTILE}" in seen.text
    assert "<script>alert" not in seen.html
    trail = ledger.audit(AuditFilter(), 99, 9)
    acts = [(entry.act.who, entry.act.what, entry.act.outcome) for entry in trail]
    assert acts == [("cora", "open-content", "done"), ("ada", "open-content", "refused")]


@pytest.mark.parametrize(("who", "may"), [("ada", True), ("olga", False), ("cora", False)])
def test_only_an_administrator_is_offered_to_settle(ledger: SqlLedger, who: str, may: bool) -> None:
    ledger.hold([held("desk_chat", YESTERDAY)])
    seen = get(f"{CONNECTOR}/quarantine", who)
    assert "Settle those chosen … For what no replay mends" in seen.text
    assert ("ask to be named an administrator" in seen.text) is not may
    assert ('size="60" autocomplete="off" disabled' in seen.html) is not may


def test_what_was_set_aside_says_who_settled_it_and_why(
    desk: Desk, ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMMSARCHIVE_COMPLIANCE", "ada")
    thing = held("desk_chat", YESTERDAY, path="bundles/b")
    ledger.hold([thing])
    path = desk.root / "staging" / "desk_chat" / "held" / "bundles" / "b" / "refused" / thing.sha256
    path.parent.mkdir(parents=True)
    path.touch()
    address = f"{CONNECTOR}/quarantine/{thing.held_id}"
    assert "Settle it …" in get(address, "ada").text
    ledger.resolve([thing.held_id], settled_by("ada", f"The key is lost {HOSTILE}"))
    seen = get(address, "ada")
    assert f"Settled by ada: The key is lost {HOSTILE}" in seen.text
    assert "Settle it …" not in seen.text
    assert "a run in Airflow" not in seen.text


def test_the_quarantine_says_what_why_since_when_and_how_to_mend_it(ledger: SqlLedger) -> None:
    ledger.hold(
        [held("desk_chat", back(1), 1), held("desk_chat", back(2), 2, reason="no-key", detail="wants 0xAB")]
    )
    text = get(f"{CONNECTOR}/quarantine").text
    assert "2 set aside" in text
    assert f"{back(2)} chat.xml, record 2 no-key wants 0xAB Add the private key" in text
    filtered = get(f"{CONNECTOR}/quarantine?reason=no-key").text
    assert "record 1" not in filtered
    assert f"desk_chat 2 0 {back(2)}" in get("/quarantine").text


def test_a_long_quarantine_is_paged(ledger: SqlLedger) -> None:
    ledger.hold([held("desk_chat", YESTERDAY, number) for number in range(101)])
    first = get(f"{CONNECTOR}/quarantine")
    assert "record 100" not in first.text
    more = re.search(r'href="/compliance([^"]*)" rel="next"', first.html)
    assert more is not None
    assert "record 100" in get(more[1].replace("&amp;", "&")).text


def test_a_connector_that_is_wrong_says_why(desk: Desk) -> None:
    desk.write(source="no_such_source")
    assert "there is no source `no_such_source`" in get("/connectors/desk").text + get(CONNECTOR).text


def test_what_is_not_there_is_said_on_a_page(desk: Desk) -> None:
    for path in ("/connectors/none_such", f"{CONNECTOR}/imports/77", "/static/passwords.json"):
        seen = get(path)
        assert seen.status == 404
        assert "That did not work" in seen.text
