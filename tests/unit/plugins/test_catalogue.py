from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from commsarchive_airflow.catalogue import catalogue, find_connector

from include.commsarchive.errors import Fatal

GOOD = {
    "name": "desk_chat",
    "source": "instant_bloomberg",
    "collect": {"connection": "desk_sftp"},
    "mapping": {"third_party_mailbox": "catch-all@firm.example"},
    "deliver": {"connection": "archive"},
    "schedule": {"start": "2026-01-05"},
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COMMSARCHIVE_CONNECTORS", str(tmp_path))
    write(tmp_path / "desk.yaml", GOOD)
    return tmp_path


def write(path: Path, content: object) -> None:
    path.write_text(yaml.safe_dump(content), encoding="utf-8")


@pytest.mark.parametrize(
    ("wrong", "key", "remedy"),
    [
        ({"collect": {"conection": "desk_sftp"}}, "collect.conection", "did you mean `connection`?"),
        ({"deliver": {}}, "deliver.connection", "add this key"),
        ({"source": "telepathy"}, "source", "instant_bloomberg"),
        ({"schedule": {"start": "2026-01-05", "cron": "every day"}}, "schedule.cron", "minute and hour"),
        ({"schedule": {"start": "2026-01-05", "cron": "61 5 * * *"}}, "schedule.cron", "minute and hour"),
        (
            {"schedule": {"start": "2026-01-05", "timezone": "Mars/Base"}},
            "schedule.timezone",
            "Europe/London",
        ),
        ({"schedule": {"start": "2026-01-05", "cron": "0 5 * * 2-6"}}, "schedule.cron", "allow_missing"),
        ({"schedule": {"start": "2026-01-05", "end": "2026-01-04"}}, "schedule", "before `start`"),
        ({"collect": {"connection": "desk_sftp", "files": ["*.xml"]}}, "collect.files", "{yymmdd}"),
        ({"name": "replay"}, "name", "choose another"),
        ({"name": "desk_chat"}, "name", "choose another"),
    ],
)
def test_a_wrong_file_is_named_with_key_and_remedy_and_takes_no_other_down(
    folder: Path, wrong: dict[str, object], key: str, remedy: str
) -> None:
    write(folder / "wrong.yaml", {**GOOD, "name": "other_chat", **wrong})
    found = catalogue()
    assert list(found.connectors) == ["desk_chat"]
    (fault,) = found.faults
    assert str(folder / "wrong.yaml") in fault
    assert f"`{key}`" in fault
    assert remedy in fault


def test_a_mended_file_is_read_anew(folder: Path) -> None:
    path = folder / "desk.yaml"
    assert find_connector("desk_chat").title == ""
    write(path, {**GOOD, "title": "Desk chat"})
    assert find_connector("desk_chat").title == "Desk chat"


def test_an_unknown_connector_is_refused_with_the_reasons_at_hand(folder: Path) -> None:
    (folder / "broken.yaml").write_text("name: [", encoding="utf-8")
    with pytest.raises(Fatal, match=r"no connector fx_chat.*broken\.yaml"):
        find_connector("fx_chat")
