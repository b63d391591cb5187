"""What there is to choose from when a connector is made."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from airflow.models.connection import Connection
from airflow.utils.session import create_session

from tests.unit.plugins.api_desk import Api


@pytest.fixture
def kept(airflow_database: None) -> Iterator[None]:
    """A connection in Airflow's database."""
    with create_session() as session:
        session.add(
            Connection(conn_id="vendor_site", conn_type="sftp", password="hush", extra='{"private_key": "x"}')
        )
    yield
    with create_session() as session:
        session.query(Connection).filter(Connection.conn_id == "vendor_site").delete()


def test_connections_are_listed_with_what_they_are_fit_for_and_without_what_they_say(
    api: Api, monkeypatch: pytest.MonkeyPatch, kept: None
) -> None:
    for name, connection in {
        "keys": {"conn_type": "generic", "extra": {"private_keys": ["secret"]}},
        "api": {"conn_type": "https", "password": "hush"},
        "rows": {"conn_type": "postgres"},
        "people": {"conn_type": "msgraph", "extra": {"destination": "msgraph"}},
        "fax": {"conn_type": "fax"},
    }.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_X_{name.upper()}", json.dumps(connection))
    monkeypatch.setenv("AIRFLOW_CONN_X_BROKEN", "{")
    answer = api("ada", "GET", "/connections")
    uses = {one["name"]: (one["kind"], one["uses"]) for one in answer.json()}
    assert uses == {
        "desk_folder": ("fs", ["files", "directory"]),
        "desk_mail": ("generic", ["destination"]),
        "vendor_site": ("sftp", ["files"]),
        "x_api": ("https", ["api"]),
        "x_keys": ("generic", ["keys"]),
        "x_people": ("msgraph", ["directory", "destination"]),
        "x_rows": ("postgres", ["query"]),
    }
    assert not any(word in answer.text for word in ("hush", "secret", "private"))


def test_sources_say_whether_they_need_a_profile(api: Api) -> None:
    profiled = {one["name"] for one in api("vera", "GET", "/sources").json() if one["profiled"]}
    assert profiled == {"own_files"}
