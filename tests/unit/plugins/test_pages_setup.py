"""The pages that make, change and retire connectors, as their callers see them."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from commsarchive_airflow.web.pages.form import DESTINATION, DESTINATION_FOLDED, STEPS, defaults, keys

from include.commsarchive.connector import Connector
from include.commsarchive.ledger.sql import SqlLedger, connect
from tests.unit.plugins.desk import DAY, Desk, definition, make_desk
from tests.unit.plugins.pages_desk import HOSTILE, get
from tests.unit.plugins.past_days import close_day

LEAST = definition() | {"name": "made_chat", "title": HOSTILE, "collect": {"connection": "desk_folder"}}
MADE = Connector.model_validate(LEAST).model_dump(mode="json")
CHANGE = "/connectors/made_chat/change"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_runs: None) -> Desk:
    return make_desk(tmp_path, monkeypatch)


@pytest.fixture
def ledger(desk: Desk) -> Iterator[SqlLedger]:
    """A ledger with a connector that was made by hand."""
    with connect(desk.ledger) as ledger:
        ledger.put_connector("made_chat", json.dumps(MADE), 0, "ann")
        yield ledger


def filled(html: str) -> Any:
    """The definition that the form is filled with."""
    found = re.search(r'data-definition="([^"]*)"', html)
    assert found
    return json.loads(unescape(found[1]))


def test_every_key_of_a_definition_has_one_field() -> None:
    asked = [one.key for step in STEPS for one in (*step.fields, *step.folded) if not one.key.startswith("?")]
    asked += [f"deliver.{one.key}" for one in (*DESTINATION, *DESTINATION_FOLDED)]
    assert sorted(asked) == sorted(key for key, _ in keys())


def test_every_field_explains_itself_or_needs_not(desk: Desk) -> None:
    html = get("/setup").html
    hints = re.findall(r'id="why-([^"]*)">([^<]*)', html)
    assert len(hints) > len(list(keys()))
    assert [key for key, hint in hints if hint.lower() == "none"] == []


def test_an_empty_form_holds_the_defaults_of_the_definition(desk: Desk) -> None:
    shown = filled(get("/setup").html)
    assert shown == json.loads(json.dumps(defaults()))
    whole = Connector.model_validate(LEAST | {"pgp": {"connection": "keys"}}).model_dump(mode="json")
    for section in ("collect", "mapping", "pgp", "items", "schedule"):
        given = {key: one for key, one in shown[section].items() if key != "custom"}
        assert given == {key: one for key, one in whole[section].items() if key in given}


def test_connections_are_offered_by_what_they_are_fit_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_DESK_KEYS", '{"conn_type": "generic", "extra": {"private_keys": ["x"]}}')
    html = get("/setup").html
    lists = dict(re.findall(r'<datalist id="for-(\w+)">(.*?)</datalist>', html))
    assert "desk_folder" in lists["files"]
    assert "desk_folder" not in lists["destination"]
    assert "desk_mail" in lists["destination"]
    assert "desk_keys" in lists["keys"]
    assert "desk_keys" not in lists["files"]


@pytest.mark.parametrize("path", ["/setup", CHANGE])
def test_who_is_no_administrator_may_look_and_is_told_no_connections(
    desk: Desk, ledger: SqlLedger, path: str
) -> None:
    seen = get(path, "vera")
    assert "ask to be named an administrator" in seen.text
    assert "desk_folder" not in seen.html.replace(json.dumps(filled(seen.html)), "").split("<datalist")[-1]
    assert re.search(r'data-what="try" disabled', seen.html)
    assert 'data-connections="[]"' in seen.html


def test_the_form_of_a_change_is_filled_with_the_version_that_it_changes(ledger: SqlLedger) -> None:
    seen = get(CHANGE)
    assert filled(seen.html) == MADE
    assert 'data-version="1"' in seen.html
    assert "<script>alert" not in seen.html
    assert "Version 1, made by ann" in seen.text


def test_a_connector_of_a_file_is_not_changed_here_and_the_file_is_named(desk: Desk) -> None:
    path = str(desk.root / "connectors" / "desk.yaml")
    seen = get("/connectors/desk_chat/change")
    assert (seen.status, path in seen.text) == (409, True)
    settings = get("/connectors/desk_chat/settings")
    assert f"Defined by the file {path}" in settings.text
    assert "/desk_chat/change" not in settings.html
    assert get("/connectors/none_such/change").status == 404


@pytest.mark.parametrize(("who", "may"), [("ada", True), ("olga", False)])
def test_only_an_administrator_is_offered_to_change_and_retire(
    ledger: SqlLedger, who: str, may: bool
) -> None:
    assert (CHANGE in get("/connectors/made_chat/settings", who).html) is may
    html = get("/connectors/made_chat", who).html
    button = re.search(r'<button type="button" data-opens="retire"( disabled)?>', html)
    assert button
    assert (button[1] is None) is may


def test_one_that_is_wrong_can_be_mended_and_retired(ledger: SqlLedger) -> None:
    ledger.put_connector("odd_chat", json.dumps(MADE | {"name": "odd_chat", "source": "telepathy"}), 0, "ann")
    seen = get("/connectors/odd_chat")
    assert "configuration error" in seen.text
    assert "Mend it" in seen.text
    assert "Retire it" in seen.text
    assert "there is no source `telepathy`" in get("/connectors/odd_chat/change").text


def test_a_pilot_is_said_with_the_way_to_widen_it(ledger: SqlLedger) -> None:
    assert "A pilot" not in get("/connectors/made_chat").text
    pilot = MADE | {"mapping": MADE["mapping"] | {"pilot": ["ann@firm.example"]}}
    ledger.put_connector("made_chat", json.dumps(pilot), 1, "ann")
    seen = get("/connectors/made_chat")
    assert "A pilot: only 1 custodian" in seen.text
    assert CHANGE in seen.html
    assert CHANGE not in get("/connectors/made_chat", "vera").html


def test_a_retired_connector_leaves_the_list_and_keeps_its_pages(ledger: SqlLedger) -> None:
    record = close_day(ledger, "made_chat", DAY, quarantined=1)
    ledger.retire_connector("made_chat", 1, "bob")
    assert "made_chat" not in get("/connectors").html
    listed = get("/connectors?status=retired").text
    assert "bob retired it" in listed
    for path in (
        "", f"?month={DAY:%Y-%m}", "/settings", "/people", "/keys", "/quarantine", f"/days/{DAY}",
        f"/imports/{record.seq}", f"/imports/{record.seq}/items",
    ):  # fmt: skip
        assert get(f"/connectors/made_chat{path}").status == 200, path
    seen = get("/connectors/made_chat")
    assert "Backfill" not in seen.text
    for path in (f"/days/{DAY}", "/quarantine"):
        asked = get(f"/connectors/made_chat{path}")
        assert "The connector is retired: bring it back first." in asked.text
        assert not re.search(
            r'<button type="submit"(?![^>]*disabled)[^>]*>(?:Archive|Rehearse|Replay)', asked.html
        )
    assert "Export evidence" in get("/connectors/made_chat/verification").text
    assert "Retire it" not in seen.text
    assert "2: " in get("/connectors/made_chat/settings").text
    assert "Bring back made_chat" in get(CHANGE).text


def test_no_day_is_missing_from_the_day_on_which_a_connector_was_retired(ledger: SqlLedger) -> None:
    long_ago = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=9)
    late = MADE | {"schedule": {"start": str(long_ago)}}
    ledger.put_connector("made_chat", json.dumps(late), 1, "ann")
    today = dt.datetime.now(dt.UTC).date()
    before, after = (f"/connectors/made_chat/days/{day}" for day in (today - dt.timedelta(days=1), today))
    ledger.retire_connector("made_chat", 2, "bob")
    assert "missing" in get(before).text
    assert "missing" not in get(after).text


def test_an_empty_system_with_retired_connectors_leads_to_them(desk: Desk, ledger: SqlLedger) -> None:
    (desk.root / "connectors" / "desk.yaml").unlink()
    ledger.retire_connector("made_chat", 1, "bob")
    seen = get("/connectors")
    assert "No connectors yet" in seen.text
    assert "1 retired" in seen.text
