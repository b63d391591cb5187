"""Connectors that are retired over REST, and brought back."""

from __future__ import annotations

import httpx
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from commsarchive_airflow.catalogue import PROJECT, catalogue

from include.commsarchive.ledger.alerts import AlertKind, Finding
from include.commsarchive.ledger.sql import connect
from tests.unit.plugins.api_desk import Api, load_dags
from tests.unit.plugins.desk import DAY, NEW, Desk
from tests.unit.plugins.past_days import close_day


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
            ("quarantine/settlement", {"only": ["0" * 32], "reason": "lost"}),
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
        api("ada", "PUT", "/connectors/new_chat", {"If-Match": '"1"'}, json=NEW | {"title": "Two"})
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
            api("ada", "POST", "/connectors", json=NEW | {"name": name})
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
