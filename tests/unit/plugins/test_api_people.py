"""Mapping, people and keys over REST."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from include.commsarchive.connector import Connector
from include.commsarchive.ledger.sql import connect
from include.commsarchive.pgp.keys import make_key
from include.commsarchive.stages.mapping import mapping_in_force
from tests.letters import make_held
from tests.unit.plugins.api_desk import Api, make_api
from tests.unit.plugins.desk import DAY, make_desk

HOME = "/connectors/desk_chat"
HEAD = "External User ID,Microsoft 365 User Mailbox\n"
GOOD = f"{HEAD}7,ann@firm.example\n8,bob@firm.example\n"


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, airflow_database: None) -> Api:
    desk = make_desk(tmp_path, monkeypatch)
    desk.write(mapping={"custom": "uploaded"})
    return make_api(desk, monkeypatch)


def test_an_upload_is_previewed_accepted_and_in_force_from_the_next_run_on(api: Api) -> None:
    before = api("vera", "GET", f"{HOME}/mapping")
    assert (before.json()["origin"], before.json()["versions"]) == ("uploaded", [])
    shown = api("ada", "POST", f"{HOME}/mapping/preview", content=GOOD)
    assert [row["mailbox"] for row in shown.json()["added"]] == ["ann@firm.example", "bob@firm.example"]
    assert api("vera", "GET", f"{HOME}/mapping").json() == before.json()
    tag = {"If-Match": before.headers["etag"]}
    accepted = api("ada", "POST", f"{HOME}/mapping", tag, content=GOOD)
    assert accepted.json() == shown.json()
    after = api("vera", "GET", f"{HOME}/mapping")
    assert (after.json()["rows"], after.headers["etag"]) == (2, accepted.headers["etag"])
    with connect(api.desk.ledger) as ledger:
        rules = mapping_in_force(Connector.model_validate(api.desk.definition), ledger)
    assert rules.versions["custom"] == accepted.json()["version"]
    assert rules.problems == ()


def test_until_a_mapping_is_uploaded_runs_say_that_it_is_missing(api: Api) -> None:
    with connect(api.desk.ledger) as ledger:
        rules = mapping_in_force(Connector.model_validate(api.desk.definition), ledger)
    assert "no mapping was uploaded yet" in rules.problems[0]


def test_every_bad_row_is_named_and_nothing_is_changed(api: Api) -> None:
    tag = {"If-Match": '"none"'}
    answer = api(
        "ada", "POST", f"{HOME}/mapping", tag, content=f"{HEAD}7,ann\n8,bob@firm.example\n,x@firm.example\n"
    )
    assert (answer.status_code, answer.json()["error"]) == (422, "bad-rows")
    assert [fault["key"] for fault in answer.json()["faults"]] == ["row 2", "row 4"]
    assert api("vera", "GET", f"{HOME}/mapping").json()["versions"] == []


def test_an_upload_over_a_version_that_nobody_looked_at_is_refused(api: Api) -> None:
    assert api("ada", "POST", f"{HOME}/mapping", content=GOOD).status_code == 428
    api("ada", "POST", f"{HOME}/mapping", {"If-Match": '"none"'}, content=GOOD)
    answer = api(
        "ada", "POST", f"{HOME}/mapping", {"If-Match": '"none"'}, content=f"{HEAD}9,cy@firm.example\n"
    )
    assert (answer.status_code, answer.json()["error"]) == (412, "outdated")


def test_a_mapping_that_is_read_from_a_file_is_not_uploaded(api: Api) -> None:
    api.desk.write(mapping={"custom": "/etc/archive/mapping.csv"})
    answer = api("ada", "POST", f"{HOME}/mapping", {"If-Match": '"none"'}, content=GOOD)
    assert (answer.status_code, answer.json()["error"]) == (409, "mapping-elsewhere")
    assert "uploaded" in answer.json()["remedy"]


def test_an_upload_without_end_is_cut_off(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commsarchive_airflow.web.api.people.LARGEST_UPLOAD", 100)
    answer = api("ada", "POST", f"{HOME}/mapping/preview", content="x" * 101)
    assert (answer.status_code, answer.json()["error"]) == (413, "too-large")


def test_a_version_is_downloaded_as_it_was(api: Api) -> None:
    accepted = api("ada", "POST", f"{HOME}/mapping", {"If-Match": '"none"'}, content=GOOD).json()
    loaded = api("vera", "GET", f"{HOME}/mapping/{accepted['version']}.csv")
    again = api("ada", "POST", f"{HOME}/mapping/preview", content=loaded.content).json()
    assert (again["version"], again["unchanged"]) == (accepted["version"], 2)


def test_a_change_of_the_mapping_is_in_the_trail_with_its_numbers(api: Api) -> None:
    api("ada", "POST", f"{HOME}/mapping", {"If-Match": '"none"'}, content=GOOD)
    done, asked = (entry["act"] for entry in api("ada", "GET", "/audit?what=change-mapping").json()["items"])
    assert (asked["outcome"], asked["detail"]["added"], done["outcome"]) == ("asked", 2, "done")


def test_who_has_no_mailbox_is_listed(api: Api) -> None:
    with connect(api.desk.ledger) as ledger:
        ledger.hold([make_held("a", connector="desk_chat", day=DAY, people=("uuid:7",))])
    assert api("vera", "GET", f"{HOME}/people/unmapped").json() == [
        {"person": "uuid:7", "since": DAY.isoformat(), "items": 1}
    ]
    assert api("vera", "GET", f"{HOME}/people").json() == {"items": [], "next": None}


def test_only_the_public_halves_of_keys_are_given(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = make_key("desk chat", "archive@firm.example", "a passphrase", days=30, algorithm="ed25519")
    extra = {"private_keys": [{"key": pair.private, "passphrase": "a passphrase"}]}
    monkeypatch.setenv("AIRFLOW_CONN_DESK_KEYS", json.dumps({"conn_type": "generic", "extra": extra}))
    api.desk.write(pgp={"connection": "desk_keys"})
    (key,) = api("vera", "GET", f"{HOME}/keys").json()
    assert (key["fingerprint"], key["ours"]) == (pair.fingerprint, True)
    assert "expires on" in key["warning"]
    armour = api("vera", "GET", f"{HOME}/keys/{pair.fingerprint}.asc").text
    assert "BEGIN PGP PUBLIC KEY BLOCK" in armour
    assert "PRIVATE" not in armour


def test_a_connector_without_encryption_has_no_keys(api: Api) -> None:
    assert api("vera", "GET", f"{HOME}/keys").json() == []
