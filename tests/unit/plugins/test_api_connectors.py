"""Connectors over REST: made, changed and shown; every change is kept."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from commsarchive_airflow.catalogue import PROJECT, catalogue, find_connector

from include.commsarchive.errors import Fatal
from include.commsarchive.ledger.alerts import AlertKind, Finding
from include.commsarchive.ledger.sql import connect
from tests.unit.plugins.api_desk import Api, load_dags
from tests.unit.plugins.desk import DAY, Desk, definition
from tests.unit.plugins.past_days import close_day

NEW = definition() | {"name": "new_chat"}


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


def paused(name: str) -> bool:
    with create_session() as session:
        return session.get_one(DagModel, name).is_paused


class TestRetired:
    def retire(self, api: Api, version: str = '"1"') -> httpx.Response:
        return api("ada", "DELETE", "/connectors/new_chat", {"If-Match": version})

    def test_a_retired_connector_leaves_the_list_and_the_dags_and_keeps_its_versions(
        self, api: Api, airflow_database: None
    ) -> None:
        api("ada", "POST", "/connectors", json=NEW)
        gone = self.retire(api).json()
        assert (gone["retired"], gone["version"], gone["who"]) == (True, 2, "ada")
        assert gone["definition"]["source"] == "instant_bloomberg"
        assert [row["name"] for row in api("vera", "GET", "/connectors").json()["items"]] == ["desk_chat"]
        (row,) = api("vera", "GET", "/connectors?status=retired").json()["items"]
        assert (row["name"], row["source"]) == ("new_chat", "instant_bloomberg")
        assert "ada retired it on " in row["standing"]["remarks"][0]["why"]
        versions = api("vera", "GET", "/connectors/new_chat/versions").json()
        assert [(one["version"], one["retired"]) for one in versions] == [(2, True), (1, False)]
        assert "new_chat" not in catalogue().connectors
        assert "new_chat" not in DagBag(PROJECT / "dags").dags
        assert self.retire(api, '"2"').json() == gone

    def test_its_history_stays_readable_and_nothing_can_be_done_with_it(self, api: Api, desk: Desk) -> None:
        api("ada", "POST", "/connectors", json=NEW)
        with connect(desk.ledger) as ledger:
            record = close_day(ledger, "new_chat", DAY, quarantined=1)
        self.retire(api)
        span = f"?first={DAY}&last={DAY}"
        for path in (
            "", "/status", f"/days{span}", "/history",
            f"/imports/{record.seq}", f"/imports/{record.seq}/log.json",
            "/people", "/people/unmapped", "/mapping", "/quarantine", f"/evidence.zip{span}",
        ):  # fmt: skip
            assert api("ada", "GET", f"/connectors/new_chat{path}").status_code == 200, path
        days = {"first": str(DAY), "last": str(DAY)}
        for path, body in (
            ("runs", days),
            ("replay", days),
            ("rehearsals", {"day": str(DAY)}),
            ("activation", {"active": True}),
            ("mapping", None),
        ):
            answer = api("ada", "POST", f"/connectors/new_chat/{path}", json=body)
            assert (answer.status_code, answer.json()["error"]) == (409, "retired"), path

    def test_its_alerts_are_cleared_and_others_stay(self, api: Api, desk: Desk) -> None:
        api("ada", "POST", "/connectors", json=NEW)
        found = [
            Finding(AlertKind.EXPIRING, name, "ends", "renew it", ("x",))
            for name in ("new_chat", "desk_chat")
        ]
        with connect(desk.ledger) as ledger:
            ledger.take([(one.kind, one.connector) for one in found], found, lambda _: [])
            self.retire(api)
            assert [one.finding.connector for one in ledger.alerts()] == ["desk_chat"]

    def test_its_name_is_not_given_to_another_and_it_can_be_brought_back(self, api: Api) -> None:
        api("ada", "POST", "/connectors", json=NEW)
        self.retire(api)
        taken = api("ada", "POST", "/connectors", json=NEW)
        assert (taken.status_code, taken.json()["error"], taken.json()["version"]) == (409, "exists", 2)
        back = api("ada", "PUT", "/connectors/new_chat", {"If-Match": '"2"'}, json=NEW).json()
        assert (back["version"], back["retired"]) == (3, False)
        assert "new_chat" in catalogue().connectors
        acts = [one["act"] for one in api("cora", "GET", "/audit?connector=new_chat").json()["items"]]
        assert [act["what"] for act in acts] == ["restore-connector", "retire-connector", "create-connector"]

    def test_only_the_version_that_was_read_is_retired(self, api: Api) -> None:
        api("ada", "POST", "/connectors", json=NEW)
        api("ada", "PUT", "/connectors/new_chat", {"If-Match": '"1"'}, json=changed(title="Two"))
        late = self.retire(api)
        assert (late.status_code, late.json()["error"], late.json()["version"]) == (412, "outdated", 2)
        assert api("ada", "DELETE", "/connectors/new_chat").status_code == 428
        assert api("ada", "DELETE", "/connectors/none_such", {"If-Match": '"1"'}).status_code == 404

    def test_one_of_a_file_is_not_retired_here_and_the_file_is_named(self, api: Api, desk: Desk) -> None:
        answer = api("ada", "DELETE", "/connectors/desk_chat", {"If-Match": '"1"'})
        assert (answer.status_code, answer.json()["error"]) == (409, "defined-by-file")
        path = str(desk.root / "connectors" / "desk.yaml")
        assert path in answer.json()["message"]
        assert api("vera", "GET", "/connectors/desk_chat").json()["file"] == path

    def test_one_whose_run_is_under_way_is_not_retired(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, no_runs: None
    ) -> None:
        api("ada", "POST", "/connectors", json=NEW)
        load_dags()
        body = {"first": "2024-03-11", "last": "2024-03-11"}
        run = api("ada", "POST", "/connectors/new_chat/runs", json=body).json()["run_id"]
        answer = self.retire(api)
        assert (answer.status_code, answer.json()["error"]) == (409, "not-possible")
        assert run in answer.json()["message"]
        assert api("vera", "GET", "/connectors/new_chat").json()["retired"] is False

    @pytest.mark.parametrize(
        ("path", "body"),
        [("replay", {"first": str(DAY), "last": str(DAY)}), ("rehearsals", {"day": str(DAY)})],
    )
    def test_one_that_is_replayed_or_rehearsed_is_not_retired_and_another_is(
        self, api: Api, no_runs: None, path: str, body: dict[str, str]
    ) -> None:
        for name in ("new_chat", "other_chat"):
            api("ada", "POST", "/connectors", json=changed(name=name))
        load_dags()
        run = api("ada", "POST", f"/connectors/new_chat/{path}", json=body).json()["run_id"]
        answer = self.retire(api)
        assert (answer.status_code, answer.json()["error"]) == (409, "not-possible")
        assert run in answer.json()["message"]
        other = api("ada", "DELETE", "/connectors/other_chat", {"If-Match": '"1"'})
        assert (other.status_code, other.json()["retired"]) == (200, True)

    @pytest.mark.parametrize("active", [True, False])
    def test_no_run_starts_while_it_is_looked_for_runs_and_a_refusal_leaves_the_dag_as_it_was(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, no_runs: None, active: bool
    ) -> None:
        api("ada", "POST", "/connectors", json=NEW)
        load_dags()
        api("ada", "POST", "/connectors/new_chat/activation", json={"active": active})
        while_looking = []

        def under_way(name: str) -> list[str]:
            while_looking.append(paused(name))
            return ["scheduled__1"]

        monkeypatch.setattr("commsarchive_airflow.scheduler.under_way", under_way)
        assert self.retire(api).status_code == 409
        assert while_looking == [True]
        assert paused("new_chat") is not active

    def test_its_dag_is_paused_at_once(self, api: Api, no_runs: None) -> None:
        api("ada", "POST", "/connectors", json=NEW)
        load_dags()
        api("ada", "POST", "/connectors/new_chat/activation", json={"active": True})
        self.retire(api)
        assert paused("new_chat")


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
