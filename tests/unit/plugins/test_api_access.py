"""Who may call what: every route of the REST API, as everybody."""

from __future__ import annotations

import pytest
from commsarchive_airflow.web.api.app import api as app
from fastapi.routing import APIRoute

from tests.unit.plugins.api_desk import ROLES, Api, load_dags
from tests.unit.plugins.desk import NEW, definition

HELD = "0" * 32
KEY = "A" * 40
DAYS = {"first": "2024-03-11", "last": "2024-03-11"}

EVERYBODY = {"vera", "otto", "olga", "ada", "cora"}
OPERATORS = {"otto", "olga", "ada"}
ADMINS = {"ada"}
COMPLIANCE = {"cora"}
AUDITORS = {"ada", "cora"}

TABLE = {
    "GET /sources": EVERYBODY,
    "GET /connections": ADMINS,
    "GET /openapi.json": EVERYBODY,
    "GET /connectors": EVERYBODY,
    "POST /connectors": ADMINS,
    "POST /connectors/check": ADMINS,
    "GET /connectors/{name}": EVERYBODY,
    "PUT /connectors/{name}": ADMINS,
    "DELETE /connectors/{name}": ADMINS,
    "GET /connectors/{name}/versions": EVERYBODY,
    "GET /connectors/{name}/status": EVERYBODY,
    "GET /connectors/{name}/days": EVERYBODY,
    "POST /connectors/{name}/activation": ADMINS,
    "POST /connectors/{name}/runs": OPERATORS,
    "POST /connectors/{name}/replay": OPERATORS,
    "POST /connectors/{name}/rehearsals": OPERATORS,
    "GET /history": EVERYBODY,
    "GET /connectors/{name}/history": EVERYBODY,
    "GET /connectors/{name}/imports/{seq}": EVERYBODY,
    "GET /connectors/{name}/imports/{seq}/items": EVERYBODY,
    "GET /connectors/{name}/imports/{seq}/failures": EVERYBODY,
    "GET /connectors/{name}/imports/{seq}/copies": EVERYBODY,
    "GET /connectors/{name}/imports/{seq}/log.csv": EVERYBODY,
    "GET /connectors/{name}/imports/{seq}/log.json": EVERYBODY,
    "GET /connectors/{name}/people": EVERYBODY,
    "GET /connectors/{name}/people/unmapped": EVERYBODY,
    "GET /connectors/{name}/mapping": EVERYBODY,
    "GET /connectors/{name}/mapping/{version}.csv": EVERYBODY,
    "POST /mapping/preview": ADMINS,
    "POST /connectors/{name}/mapping/preview": ADMINS,
    "POST /connectors/{name}/mapping": ADMINS,
    "GET /connectors/{name}/keys": EVERYBODY,
    "GET /connectors/{name}/keys/{fingerprint}.asc": EVERYBODY,
    "POST /connectors/{name}/keys": ADMINS,
    "POST /connectors/{name}/keys/{fingerprint}/retirement": ADMINS,
    "GET /connectors/{name}/quarantine": EVERYBODY,
    "POST /connectors/{name}/quarantine/settlement": ADMINS,
    "GET /connectors/{name}/quarantine/{held_id}": COMPLIANCE,
    "GET /connectors/{name}/quarantine/{held_id}/bytes": COMPLIANCE,
    "GET /verification": AUDITORS,
    "GET /verifications": AUDITORS,
    "POST /verifications": AUDITORS,
    "GET /connectors/{name}/evidence.zip": AUDITORS,
    "GET /audit": AUDITORS,
    "GET /audit.csv": AUDITORS,
    "GET /audit.json": AUDITORS,
}
BODIES = {
    "POST /connectors": NEW,
    "POST /connectors/check": NEW,
    "PUT /connectors/{name}": definition(),
    "POST /connectors/{name}/activation": {"active": False},
    "POST /connectors/{name}/runs": DAYS,
    "POST /connectors/{name}/replay": DAYS,
    "POST /connectors/{name}/rehearsals": {"day": "2024-03-11"},
    "POST /connectors/{name}/quarantine/settlement": {"only": [HELD], "reason": "lost"},
    "POST /verifications": {"connector": "desk_chat"},
    "POST /connectors/{name}/keys": {"email": "archive@firm.example"},
}
CHANGES = [route for route in TABLE if not route.startswith("GET")]


def where(route: str) -> tuple[str, str]:
    method, path = route.split(" ")
    names = {"name": "desk_chat", "seq": "1", "version": "v", "fingerprint": KEY, "held_id": HELD}
    query = "?first=2024-03-11&last=2024-03-12" if path.endswith(("/days", "/evidence.zip")) else ""
    return method, path.format(**names) + query


def test_every_route_is_in_the_table() -> None:
    routes = {
        f"{method} {route.path}"
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    assert routes == TABLE.keys()
    assert all(isinstance(route, APIRoute) for route in app.routes)


@pytest.mark.parametrize("route", TABLE)
def test_nobody_passes_without_a_token(api: Api, route: str) -> None:
    answer = api("", *where(route), json=BODIES.get(route))
    assert (answer.status_code, answer.json()["error"]) == (401, "not-signed-in")


@pytest.mark.parametrize("route", TABLE)
def test_only_those_pass_who_may(api: Api, route: str) -> None:
    answers = {who: api(who, *where(route), json=BODIES.get(route)) for who in ROLES}
    assert 401 not in {answer.status_code for answer in answers.values()}
    assert {who for who, answer in answers.items() if answer.status_code != 403} == TABLE[route]
    refused = [answer.json() for who, answer in answers.items() if who not in TABLE[route]]
    assert all(body["error"] == "not-allowed" and body["remedy"] for body in refused)


@pytest.mark.parametrize("route", CHANGES)
def test_a_change_with_a_cookie_must_come_from_our_own_pages(api: Api, route: str) -> None:
    method, path = where(route)
    for headers in (
        {},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
    ):
        answer = api.with_cookie("ada", method, path, headers)
        assert (answer.status_code, answer.json()["error"]) == (403, "cross-site")
    for headers in ({"Origin": "http://airflow.example"}, {"Sec-Fetch-Site": "same-origin"}):
        assert api.with_cookie("ada", method, path, headers).status_code != 403


def test_a_read_with_a_cookie_is_allowed(api: Api) -> None:
    assert api.with_cookie("vera", "GET", "/connectors", {}).status_code == 200


def test_a_forged_token_is_refused(api: Api) -> None:
    forged = {"Authorization": "Bearer " + api.token("ada")[:-4] + "AAAA"}
    assert api.plain("GET", "/connectors", headers=forged).status_code == 403


def test_a_refusal_is_in_the_audit_trail(api: Api) -> None:
    api("vera", *where("GET /connectors/{name}/quarantine/{held_id}"))
    api("otto", "POST", "/connectors", json=NEW)
    acts = [entry["act"] for entry in api("cora", "GET", "/audit").json()["items"]]
    assert [(act["who"], act["what"], act["outcome"]) for act in acts] == [
        ("otto", "administer", "refused"),
        ("vera", "open-content", "refused"),
    ]


@pytest.mark.parametrize(
    ("setting", "admins"),
    [
        ("otto", {"otto"}),
        ("role:user, ada", {"otto", "ada"}),
        ("ROLE:admin", set()),
        ("role:Admin", {"ada"}),
        ("", set()),
    ],
)
def test_administrators_are_who_is_named(
    api: Api, monkeypatch: pytest.MonkeyPatch, setting: str, admins: set[str]
) -> None:
    monkeypatch.setenv("COMMSARCHIVE_ADMINS", setting)
    answers = {who: api(who, "POST", "/connectors?dry_run=true", json=NEW) for who in ROLES}
    assert {who for who, answer in answers.items() if answer.status_code == 200} == admins


def test_nobody_opens_content_by_default(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMMSARCHIVE_COMPLIANCE")
    route = where("GET /connectors/{name}/quarantine/{held_id}")
    assert {api(who, *route).status_code for who in ROLES} == {403}


def test_connectors_that_airflow_hides_from_somebody_are_hidden(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_dags()
    manager = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"

    def hidden(self: object, *, details: object = None, **_: object) -> bool:
        return getattr(details, "id", "") != "desk_chat"

    monkeypatch.setattr(f"{manager}.is_authorized_dag", hidden)
    assert api("vera", "GET", "/connectors").json()["items"] == []
    assert api("vera", "GET", "/connectors/desk_chat/status").status_code == 403
    assert api("ada", "PUT", "/connectors/desk_chat", json=definition()).status_code == 403
