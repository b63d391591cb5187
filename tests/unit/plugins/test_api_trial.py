"""A definition tried over REST: every step for real, nothing filed or kept."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from commsarchive_airflow.catalogue import PROJECT

from include.commsarchive.pgp.home import Home
from include.commsarchive.pgp.keyring import open_gpg
from include.commsarchive.pgp.keys import make_key
from include.commsarchive.stages.trial import _Trial, try_connector
from tests.unit.plugins.api_desk import Api
from tests.unit.plugins.desk import NEW, definition

SAMPLE = PROJECT / "include" / "samples" / "instant_bloomberg" / "2024-03-11"
CATCH_ALL = "catch-all@firm.example"
HEAD = "External User ID,Microsoft 365 User Mailbox"


def tried(api: Api, **changes: Any) -> dict[str, tuple[bool, str]]:
    """Try a new connector as its administrator; give how each step went."""
    body = NEW | changes
    answer = api("ada", "POST", "/connectors/check?day=2024-03-11", json=body)
    assert answer.status_code == 200, answer.text
    return {one["step"]: (one["good"], one["says"]) for one in answer.json()}


def mapping(**more: str) -> dict[str, str]:
    return {"third_party_mailbox": CATCH_ALL, **more}


def test_every_step_is_tried_and_nothing_is_kept(api: Api) -> None:
    (api.desk.exports / "other.txt").write_text("x", encoding="utf-8")
    steps = tried(api)
    assert list(steps) == [
        "log in and list",
        "keys",
        "fetch and decrypt",
        "read",
        "mapping",
        "map people",
        "reach mailboxes",
    ]
    assert all(good for good, _ in steps.values())
    assert steps["log in and list"][1].startswith("1 file in ")
    assert steps["reach mailboxes"][1] == f"desk_mail takes mail for {CATCH_ALL}"
    assert not api.desk.mail.exists()
    assert api("ada", "GET", "/connectors/new_chat").status_code == 404


def test_a_shut_door_is_told_and_the_others_are_tried(api: Api) -> None:
    steps = tried(api, deliver={"connection": "nowhere"}, mapping=mapping(custom="uploaded"))
    assert [name for name, (good, _) in steps.items() if not good] == ["mapping", "reach mailboxes"]
    assert "no Airflow connection nowhere. Add it" in steps["reach mailboxes"][1]
    assert "upload one" in steps["mapping"][1]


def test_a_mapping_is_read_and_its_bad_rows_are_told_without_the_people(api: Api) -> None:
    path = api.desk.root / "mapping.csv"
    path.write_text(f"{HEAD}\n7,ann@firm.example\n8,bob at firm\n", encoding="utf-8")
    good, says = tried(api, mapping=mapping(custom=str(path)))["mapping"]
    assert (good, f"{path}: row 3: " in says) == (False, True)
    assert "ann" not in says
    assert "bob" not in says
    path.write_text(f"{HEAD}\n7,ann@firm.example\n", encoding="utf-8")
    assert tried(api, mapping=mapping(custom=str(path)))["mapping"] == (True, f"1 good rows are in {path}")
    scope = tried(api, mapping=mapping(scope=str(api.desk.root / "none.csv")))["mapping"]
    assert (scope[0], "cannot be read" in scope[1]) == (False, True)


def test_keys_are_told_by_fingerprint_and_never_given(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = make_key("desk chat", "archive@firm.example", "a passphrase", days=300, algorithm="ed25519")
    extra = {"private_keys": [{"key": pair.private, "passphrase": "a passphrase"}]}
    monkeypatch.setenv("AIRFLOW_CONN_DESK_KEYS", json.dumps({"conn_type": "generic", "extra": extra}))
    steps = tried(api, pgp={"connection": "desk_keys", "require_signature": False})
    assert steps["keys"] == (True, f"1 of ours ({pair.fingerprint}), 0 of signers")
    assert not any(word in str(steps) for word in ("PRIVATE", "a passphrase", "archive@firm.example"))


def test_the_smallest_file_of_the_day_is_fetched_and_decrypted(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = make_key("desk chat", "archive@firm.example", "a passphrase", days=300, algorithm="ed25519")
    extra = {"private_keys": [{"key": pair.private, "passphrase": "a passphrase"}]}
    monkeypatch.setenv("AIRFLOW_CONN_DESK_KEYS", json.dumps({"conn_type": "generic", "extra": extra}))
    name = "f855501.ib.240311.xml"
    clear = (SAMPLE / name).read_bytes()
    with Home() as home:
        gpg = open_gpg(home.path)
        gpg.import_keys(pair.public)
        (api.desk.exports / f"{name}.gpg").write_bytes(gpg.encrypt(clear, pair.fingerprint, armor=False).data)
    pgp = {"connection": "desk_keys", "require_signature": False}
    good, says = tried(api, pgp=pgp)["fetch and decrypt"]
    assert (good, says) == (True, f"{name}.gpg, {len(clear):,} bytes, signed by nobody we know")
    (api.desk.exports / f"{name}.gpg").write_bytes(b"nonsense")
    assert tried(api, pgp=pgp)["fetch and decrypt"][0] is False


def test_a_file_of_the_day_is_read_and_its_people_mapped_to_mailboxes(api: Api) -> None:
    name = "f855501.ib.240311.xml"
    (api.desk.exports / name).write_bytes((SAMPLE / name).read_bytes())
    rules = mapping(custom="uploaded", scope="all")
    mapped = (PROJECT / "include" / "samples" / "mapping.csv").read_text(encoding="utf-8")
    steps = tried(api, mapping={**rules, "domains": ["quillbrook.example"]}, upload=mapped)
    assert steps["fetch and decrypt"] == (
        True,
        f"{name}, {len((SAMPLE / name).read_bytes()):,} bytes, not encrypted",
    )
    assert re.fullmatch(rf"{name}: \d+ items, \d+ people in them, nothing set aside", steps["read"][1])
    assert steps["mapping"][1].endswith("good rows were uploaded")
    custodians = re.search(r"custodians who get copies: (\d+)", steps["map people"][1])
    assert custodians
    assert int(custodians[1]) > 1
    said = f"desk_mail takes mail for {CATCH_ALL} and for {custodians[1]} of {custodians[1]} custodians"
    assert steps["reach mailboxes"][1].startswith(said)
    assert "@quillbrook" not in str(steps)
    pilot = {**rules, "pilot": ["nobody@quillbrook.example"], "domains": ["quillbrook.example"]}
    steps = tried(api, mapping=pilot, upload=mapped)
    assert "custodians who get copies: 0" in steps["map people"][1]
    assert "items out of scope: " in steps["map people"][1]
    assert api("ada", "GET", "/connectors/new_chat").status_code == 404


def test_what_cannot_be_read_is_told_with_its_reason(api: Api) -> None:
    (api.desk.exports / "f855501.ib.240311.xml").write_text("<Other/>", encoding="utf-8")
    steps = tried(api)
    assert steps["read"][0] is False
    assert "set aside: 1 " in steps["read"][1]
    assert " | f855501.ib.240311.xml: this is no Instant Bloomberg export: " in steps["read"][1]
    assert steps["map people"] == (True, "no file was read, or no mapping")


def test_custodians_without_a_mailbox_are_counted_by_reason(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "f855501.ib.240311.xml"
    (api.desk.exports / name).write_bytes((SAMPLE / name).read_bytes())
    for part in ("cur", "new", "tmp"):
        (api.desk.mail / CATCH_ALL / part).mkdir(parents=True)
    extra = {"destination": "maildir", "path": str(api.desk.mail), "create": False}
    monkeypatch.setenv("AIRFLOW_CONN_DESK_MAIL", json.dumps({"conn_type": "generic", "extra": extra}))
    good, says = tried(api)["reach mailboxes"]
    assert not good
    assert re.search(
        r"for 0 of (\d+) custodians of the file: \1 no-such-mailbox\. .* go to third-party", says
    )


def test_an_upload_with_bad_rows_is_refused_row_by_row(api: Api) -> None:
    body = NEW | {"mapping": mapping(custom="uploaded")}
    answer = api("ada", "POST", "/connectors/check", json=body | {"upload": f"{HEAD}\n7,ann\n"})
    assert (answer.status_code, answer.json()["error"]) == (422, "bad-rows")
    assert answer.json()["faults"][0]["key"] == "row 2"


def test_a_definition_that_is_wrong_is_not_tried(api: Api) -> None:
    answer = api("ada", "POST", "/connectors/check", json=definition() | {"source": "telepathy"})
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid")
    assert api("ada", "GET", "/audit?what=check-connector").json()["items"] == []


class DriverError(Exception):
    """What no code of ours foresees."""


def test_an_error_that_nobody_foresaw_ends_its_step_alone_and_is_told_without_its_text(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "hunter2"

    def broken(_: object) -> str:
        raise DriverError(secret)

    monkeypatch.setattr(_Trial, "collect", broken)
    steps = tried(api)
    assert steps["log in and list"] == (False, "DriverError. Look at the web server's log")
    assert steps["reach mailboxes"][0]
    (told,) = [one.getMessage() for one in caplog.records if "DriverError" in one.getMessage()]
    assert "in broken" in told
    assert secret not in caplog.text


def test_a_trial_that_breaks_has_its_end_in_the_trail(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{try_connector.__module__}._tried", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tried(api)
    acts = [one["act"] for one in api("ada", "GET", "/audit?what=check-connector").json()["items"]]
    assert [act["outcome"] for act in acts] == ["failed", "asked"]


def test_the_trail_says_who_tried_what_and_how_it_went(api: Api) -> None:
    tried(api, deliver={"connection": "nowhere"})
    tried(api)
    acts = [one["act"] for one in api("ada", "GET", "/audit?what=check-connector").json()["items"]]
    assert [act["outcome"] for act in acts] == ["done", "asked", "failed", "asked"]
    assert {(act["who"], act["connector"], act["thing"]) for act in acts} == {
        ("ada", "new_chat", "2024-03-11")
    }
    assert acts[2]["detail"] == {"wrong": ["reach mailboxes"]}
