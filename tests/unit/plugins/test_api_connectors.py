"""Connectors over REST: made, changed and shown; every change is kept."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from commsarchive_airflow.catalogue import PROJECT, catalogue, find_connector

from include.commsarchive.errors import Fatal
from include.commsarchive.ledger.sql import connect
from tests.unit.plugins.api_desk import Api
from tests.unit.plugins.desk import NEW, Desk, definition


def changed(**changes: Any) -> dict[str, Any]:
    return NEW | changes


def test_a_connector_is_made_once_however_often_it_is_asked_for(api: Api) -> None:
    first = api("ada", "POST", "/connectors", json=NEW)
    again = api(
        "ada", "POST", "/connectors", json=changed(deliver=[{"connection": "desk_mail", "folder": ""}])
    )
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert (first.json()["version"], first.json()["who"], first.headers["etag"]) == (1, "ada", '"1"')
    assert first.json()["definition"]["schedule"]["cron"] == "0 5 * * *"


def test_another_connector_of_the_same_name_is_refused_with_the_version_there_is(api: Api) -> None:
    api("ada", "POST", "/connectors", json=NEW)
    answer = api("ada", "POST", "/connectors", json=changed(title="Other"))
    assert (answer.status_code, answer.json()["error"], answer.json()["version"]) == (409, "exists", 1)


@pytest.mark.parametrize(
    ("wrong", "key", "remedy"),
    [
        ({"sorce": "x"}, "body.sorce", "remove this key"),
        ({"deliver": []}, "body.deliver", "mend"),
        ({"schedule": {"start": "2024-03-11", "cron": "* * * * *"}}, "body.schedule.cron", "mend"),
        ({"name": "replay"}, "body.name", "mend"),
    ],
)
def test_a_wrong_definition_is_refused_key_by_key(
    api: Api, wrong: dict[str, Any], key: str, remedy: str
) -> None:
    answer = api("ada", "POST", "/connectors", json=changed(**wrong))
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid")
    faults = {fault["key"]: fault for fault in answer.json()["faults"]}
    assert remedy in faults[key]["remedy"]


def test_an_unknown_source_is_refused(api: Api) -> None:
    answer = api("ada", "POST", "/connectors", json=changed(source="telepathy"))
    assert answer.status_code == 422
    assert "telepathy" in answer.json()["message"]


def test_a_dry_run_checks_and_makes_nothing(api: Api) -> None:
    assert api("ada", "POST", "/connectors?dry_run=true", json=NEW).status_code == 200
    assert api("ada", "POST", "/connectors?dry_run=true", json=changed(source="x_y")).status_code == 422
    assert api("ada", "GET", "/connectors/new_chat").status_code == 404


def test_a_change_keeps_the_version_before_it(api: Api) -> None:
    api("ada", "POST", "/connectors", json=NEW)
    answer = api("ada", "PUT", "/connectors/new_chat", {"If-Match": '"1"'}, json=changed(title="Two"))
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    versions = api("vera", "GET", "/connectors/new_chat/versions").json()
    assert [(one["version"], one["definition"]["title"]) for one in versions] == [(2, "Two"), (1, "")]


def test_a_change_of_an_outdated_version_is_refused_with_the_one_there_is(api: Api) -> None:
    api("ada", "POST", "/connectors", json=NEW)
    api("ada", "PUT", "/connectors/new_chat", {"If-Match": '"1"'}, json=changed(title="Two"))
    answer = api("ada", "PUT", "/connectors/new_chat", {"If-Match": '"1"'}, json=changed(title="Three"))
    assert (answer.status_code, answer.json()["error"], answer.json()["version"]) == (412, "outdated", 2)
    blind = api("ada", "PUT", "/connectors/new_chat", json=changed(title="Three"))
    assert (blind.status_code, blind.json()["error"]) == (428, "no-version")


def test_a_dry_run_of_a_change_tells_that_it_would_come_too_late(api: Api) -> None:
    api("ada", "POST", "/connectors", json=NEW)
    path = "/connectors/new_chat?dry_run=true"
    for version, status in (('"1"', 200), ('"2"', 412), ("nonsense", 412)):
        assert api("ada", "PUT", path, {"If-Match": version}, json=changed(title="Two")).status_code == status
    assert len(api("vera", "GET", "/connectors/new_chat/versions").json()) == 1


def test_of_changes_at_once_one_wins_and_the_others_are_told(api: Api) -> None:
    api("ada", "POST", "/connectors", json=NEW)
    api.token("ada")

    def change(number: int) -> int:
        body = changed(title=f"by {number}")
        return api("ada", "PUT", "/connectors/new_chat", {"If-Match": '"1"'}, json=body).status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(change, range(6))) == [200, 412, 412, 412, 412, 412]


def test_a_connector_keeps_its_name(api: Api) -> None:
    api("ada", "POST", "/connectors", json=NEW)
    answer = api("ada", "PUT", "/connectors/new_chat", {"If-Match": '"1"'}, json=changed(name="other_chat"))
    assert (answer.status_code, answer.json()["error"]) == (422, "renamed")


@pytest.mark.parametrize("broken", [False, True])
def test_a_connector_of_a_file_is_shown_and_cannot_be_changed(api: Api, desk: Desk, broken: bool) -> None:
    if broken:
        desk.write(source="telepathy")
    shown = api("vera", "GET", "/connectors/desk_chat").json()
    assert (shown["origin"], shown["version"], bool(shown["wrong"])) == ("file", 0, broken)
    for method, path in (("PUT", "/connectors/desk_chat"), ("POST", "/connectors")):
        answer = api("ada", method, path, {"If-Match": '"1"'}, json=definition() | {"title": "mine"})
        assert (answer.status_code, answer.json()["error"]) == (409, "defined-by-file")
        assert answer.json()["remedy"]


def test_a_broken_file_is_a_configuration_error_in_the_list(api: Api, desk: Desk) -> None:
    desk.write(source="telepathy")
    (row,) = api("vera", "GET", "/connectors").json()["items"]
    assert row["standing"]["status"] == "configuration error"
    assert "telepathy" in row["standing"]["remarks"][0]["why"]


def test_the_list_comes_page_by_page_and_by_status(api: Api) -> None:
    for name in ("a_chat", "b_chat", "z_chat"):
        api("ada", "POST", "/connectors", json=changed(name=name))
    first = api("vera", "GET", "/connectors?limit=2").json()
    rest = api("vera", "GET", f"/connectors?limit=2&after={first['next']}").json()
    names = [[row["name"] for row in page["items"]] for page in (first, rest)]
    assert names == [["a_chat", "b_chat"], ["desk_chat", "z_chat"]]
    assert rest["next"] is None
    assert [row["origin"] for row in rest["items"]] == ["file", "api"]
    assert api("vera", "GET", "/connectors?status=running").json()["items"] == []
    assert api("vera", "GET", "/connectors?status=asleep").status_code == 422


def test_who_changed_what_is_in_the_audit_trail(api: Api) -> None:
    api("ada", "POST", "/connectors", json=NEW)
    api("ada", "PUT", "/connectors/new_chat", {"If-Match": '"1"'}, json=changed(title="Two"))
    acts = [entry["act"] for entry in api("cora", "GET", "/audit?connector=new_chat").json()["items"]]
    assert [(act["who"], act["what"], act["thing"]) for act in acts] == [
        ("ada", "change-connector", "version 2"),
        ("ada", "create-connector", "version 1"),
    ]
    assert api("ada", "GET", "/audit?who=otto").json()["items"] == []
    assert api("ada", "GET", "/audit?last=2020-01-01").json()["items"] == []


def test_the_ledger_that_is_away_is_said_so(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMSARCHIVE_LEDGER", "postgresql://nobody@127.0.0.1:1/none")
    answer = api("vera", "GET", "/connectors")
    assert (answer.status_code, answer.json()["error"]) == (503, "try-again")
    assert answer.headers["retry-after"]


class TestDags:
    def test_a_connector_made_by_hand_becomes_a_dag(self, api: Api) -> None:
        api("ada", "POST", "/connectors", json=NEW)
        bag = DagBag(PROJECT / "dags")
        assert bag.import_errors == {}
        assert {"new_chat", "desk_chat"} <= bag.dags.keys()
        assert find_connector("new_chat").name == "new_chat"

    def test_it_waits_to_be_activated_whatever_airflow_does_with_new_dags(self, api: Api) -> None:
        api("ada", "POST", "/connectors", json=NEW)
        dags = DagBag(PROJECT / "dags").dags
        paused = {name: dags[name].is_paused_upon_creation for name in ("new_chat", "desk_chat")}
        assert paused == {"new_chat": True, "desk_chat": None}

    def test_a_file_of_the_same_name_counts_and_the_clash_is_an_import_error(
        self, api: Api, desk: Desk
    ) -> None:
        api("ada", "POST", "/connectors", json=changed(title="by hand"))
        desk.write(name="new_chat", title="by file")
        assert find_connector("new_chat").title == "by file"
        bag = DagBag(PROJECT / "dags")
        assert "new_chat" in bag.dags
        ((place, text),) = bag.import_errors.items()
        assert place.endswith("connector_errors.py")
        assert "the file counts" in text

    def test_one_that_no_longer_fits_takes_no_other_down(self, api: Api, desk: Desk) -> None:
        with connect(desk.ledger) as ledger:
            ledger.put_connector("old_chat", json.dumps(changed(name="old_chat", sorce="x")), 0, "ada")
        found = catalogue()
        assert list(found.connectors) == ["desk_chat"]
        assert "`sorce`" in found.wrong["old_chat"]
        with pytest.raises(Fatal, match="sorce"):
            find_connector("old_chat")

    def test_without_the_ledger_the_files_still_work_and_the_fault_shows(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COMMSARCHIVE_LEDGER", "postgresql://nobody:secret@127.0.0.1:1/none")
        bag = DagBag(PROJECT / "dags")
        assert "desk_chat" in bag.dags
        ((place, text),) = bag.import_errors.items()
        assert place.endswith("connector_errors.py")
        assert "cannot be read now" in text
        assert "secret" not in text

    def test_looking_for_connectors_makes_no_ledger(self, desk: Desk) -> None:
        assert catalogue().faults == ()
        assert not Path(desk.ledger.removeprefix("sqlite:///")).exists()
