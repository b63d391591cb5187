"""A key is rotated over REST and on its page; the alert clears when it is done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.models.connection import Connection
from airflow.utils.session import create_session
from commsarchive_airflow import auth
from commsarchive_airflow.operators.watch import CheckExpiryOperator
from sqlalchemy import delete

from include.commsarchive.ledger.alerts import AlertKind
from include.commsarchive.ledger.sql import connect
from include.commsarchive.pgp.keys import KeyPair, make_key
from tests.unit.plugins.api_desk import Api, make_api
from tests.unit.plugins.desk import make_desk
from tests.unit.plugins.pages_desk import add_connectors, get

HOME = "/connectors/desk_chat"
NEXT = {"email": "archive@firm.example", "algorithm": "ed25519"}


@pytest.fixture(scope="module")
def old() -> KeyPair:
    return make_key("Quillbrook", "archive@firm.example", "a passphrase", days=30, algorithm="ed25519")


@pytest.fixture
def api(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, airflow_database: None, no_runs: None, old: KeyPair
) -> Iterator[Api]:
    """A desk whose key lies in Airflow's database."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")  # as Airflow's web server sets it
    desk = make_desk(tmp_path, monkeypatch)
    desk.write(pgp={"connection": "desk_keys", "require_signature": False})
    extra = {"private_keys": [old.private], "note": "kept"}
    with create_session() as session:
        session.add(
            Connection("desk_keys", conn_type="generic", password="a passphrase", extra=json.dumps(extra))
        )
    yield make_api(desk, monkeypatch)
    with create_session() as session:
        session.execute(delete(Connection).where(Connection.conn_id == "desk_keys"))


def keys(api: Api) -> dict[str, Any]:
    return {one["fingerprint"]: one for one in api("vera", "GET", f"{HOME}/keys").json()}


def test_a_rotation_from_its_start_to_its_end(api: Api, old: KeyPair) -> None:
    answer = api("ada", "POST", f"{HOME}/keys", json=NEXT)
    assert answer.status_code == 201
    (made,) = [one for one in answer.json() if one["state"] == "next"]
    assert "a passphrase" not in answer.text
    assert old.fingerprint[-4:] in made["letter"]
    assert {one["state"] for one in keys(api).values()} == {"in force", "next"}
    assert api("ada", "POST", f"{HOME}/keys", json=NEXT).json()["error"] == "not-possible"

    armour = api("vera", "GET", f"{HOME}/keys/{made['fingerprint']}.asc").text
    assert armour.startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----")

    for _ in range(2):
        answer = api("ada", "POST", f"{HOME}/keys/{old.fingerprint}/retirement")
        assert answer.status_code == 200
    assert {one["fingerprint"]: one["state"] for one in answer.json()} == {
        old.fingerprint: "retired",
        made["fingerprint"]: "in force",
    }
    assert keys(api)[old.fingerprint]["warning"] == ""
    with create_session() as session:
        assert session.query(Connection).filter_by(conn_id="desk_keys").one().extra_dejson["note"] == "kept"


def test_who_rotates_is_in_the_trail_and_secrets_are_not(api: Api, old: KeyPair) -> None:
    made = api("ada", "POST", f"{HOME}/keys", json=NEXT).json()
    api("ada", "POST", f"{HOME}/keys/{old.fingerprint}/retirement")
    trail = api("ada", "GET", "/audit")
    acts = [entry["act"] for entry in trail.json()["items"]]
    assert [(act["who"], act["what"], act["outcome"]) for act in acts] == [
        ("ada", "retire-key", "done"),
        ("ada", "retire-key", "asked"),
        ("ada", "rotate-key", "done"),
        ("ada", "rotate-key", "asked"),
    ]
    (new,) = {one["fingerprint"] for one in made} - {old.fingerprint}
    assert acts[2]["detail"]["fingerprint"] == new
    with create_session() as session:
        extra = session.query(Connection).filter_by(conn_id="desk_keys").one().extra_dejson
    assert extra["private_keys"][1]["passphrase"] not in trail.text
    assert "PRIVATE" not in trail.text


def test_the_alert_of_an_old_key_clears_when_it_is_retired(api: Api, old: KeyPair) -> None:
    CheckExpiryOperator(task_id="check_expiry").execute(api.desk.context())
    with connect(api.desk.ledger) as ledger:
        assert [one.finding.kind for one in ledger.alerts()] == [AlertKind.EXPIRING]
        api("ada", "POST", f"{HOME}/keys", json=NEXT)
        assert len(ledger.alerts()) == 1
        api("ada", "POST", f"{HOME}/keys/{old.fingerprint}/retirement")
        assert ledger.alerts() == []


def test_keys_that_lie_elsewhere_are_not_touched(
    api: Api, old: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = {"private_keys": [{"key": old.private, "passphrase": "a passphrase"}]}
    monkeypatch.setenv("AIRFLOW_CONN_DESK_KEYS", json.dumps({"conn_type": "generic", "extra": extra}))
    answer = api("ada", "POST", f"{HOME}/keys", json=NEXT)
    assert answer.status_code == 409
    assert "`keys next`" in answer.json()["message"]
    assert [one["state"] for one in keys(api).values()] == ["in force"]


def test_a_key_that_is_not_ours_or_the_only_one_is_not_retired(api: Api, old: KeyPair) -> None:
    for fingerprint in ("A" * 40, old.fingerprint):
        answer = api("ada", "POST", f"{HOME}/keys/{fingerprint}/retirement")
        assert (answer.status_code, answer.json()["error"]) == (409, "not-possible")
    del api.desk.definition["pgp"]
    api.desk.write(collect={"allow_unencrypted": True})
    assert api("ada", "POST", f"{HOME}/keys", json=NEXT).status_code == 409


def test_a_shared_key_is_changed_in_the_trail_of_each_connector(api: Api, old: KeyPair) -> None:
    add_connectors(api.desk, ["other_chat"], pgp={"connection": "desk_keys", "require_signature": False})
    made = api("ada", "POST", f"{HOME}/keys", json=NEXT).json()
    (new,) = {one["fingerprint"] for one in made} - {old.fingerprint}
    api("ada", "POST", f"{HOME}/keys/{old.fingerprint}/retirement")
    for name in ("desk_chat", "other_chat"):
        entries = api("ada", "GET", f"/audit?connector={name}").json()["items"]
        acts = [(entry["act"]["what"], entry["act"]["outcome"]) for entry in entries]
        assert acts == [
            ("retire-key", "done"),
            ("retire-key", "asked"),
            ("rotate-key", "done"),
            ("rotate-key", "asked"),
        ]
        assert entries[2]["act"]["detail"]["fingerprint"] == new


def test_a_key_shared_with_a_hidden_connector_is_not_changed_nor_is_that_one_named(
    api: Api, old: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_connectors(api.desk, ["other_chat"], pgp={"connection": "desk_keys", "require_signature": False})
    monkeypatch.setattr(auth, "readable", lambda _, names: set(names) - {"other_chat"})
    answers = [
        api("ada", "POST", f"{HOME}/keys", json=NEXT),
        api("ada", "POST", f"{HOME}/keys/{old.fingerprint}/retirement"),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["error"]) == (403, "not-allowed")
        assert "other_chat" not in answer.text
    assert [one["state"] for one in keys(api).values()] == ["in force"]
    acts = [entry["act"] for entry in api("ada", "GET", "/audit").json()["items"]]
    assert [(act["what"], act["outcome"]) for act in acts] == [
        ("retire-key", "refused"),
        ("rotate-key", "refused"),
    ]
    seen = get(f"{HOME}/keys")
    assert "the Airflow connection desk_keys . Private" in seen.text
    assert "other_chat" not in seen.html


def test_the_page_leads_through_a_rotation(api: Api, old: KeyPair) -> None:
    add_connectors(api.desk, ["other_chat"], pgp={"connection": "desk_keys", "require_signature": False})
    seen = get(f"{HOME}/keys")
    assert "Make the next key" in seen.text
    assert "the Airflow connection desk_keys , which other_chat shares" in seen.text
    assert "Ask to be named" not in seen.text
    assert "You may not: ask to be named an administrator" in get(f"{HOME}/keys", "olga").text
    made = api("ada", "POST", f"{HOME}/keys", json=NEXT).json()
    (new,) = [one["fingerprint"] for one in made if one["state"] == "next"]
    seen = get(f"{HOME}/keys")
    assert "A rotation is under way" in seen.text
    assert "compare the fingerprint with us by telephone" in seen.text
    assert f"/keys/{new}.asc" in seen.html
    assert f"Retire {old.fingerprint[-16:]}" in seen.text
    assert "Make the next key" not in seen.text
    api("ada", "POST", f"{HOME}/keys/{old.fingerprint}/retirement")
    seen = get(f"{HOME}/keys")
    assert "retired only opens old files" in seen.text
    assert "soon or over" not in seen.text
    assert "Make the next key" in seen.text
