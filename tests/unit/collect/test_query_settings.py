"""How a database is reached, and what a query may name."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

from include.commsarchive.collect.query_rules import check_query
from include.commsarchive.collect.query_settings import settings_from
from include.commsarchive.collect.window import window_of
from include.commsarchive.connector import Collect
from include.commsarchive.errors import Fatal

AWAY = "postgresql://reader:s3cret@db.example/chats"
API = {"path": "/m/{day}", "paging": {"kind": "none"}}


def settled(url: str, /, **extra: Any) -> sa.URL:
    return settings_from("db", sa.make_url(url), extra).url


def test_postgresql_elsewhere_is_reached_by_tls_with_a_known_certificate() -> None:
    assert settled(AWAY).query == {"sslmode": "verify-full", "sslrootcert": "system"}
    assert settled(AWAY, sslrootcert="/ca.pem").query == {"sslmode": "verify-full", "sslrootcert": "/ca.pem"}
    assert settled(AWAY, sslmode="require").query == {"sslmode": "require"}
    assert settled("postgresql://reader@127.0.0.1/chats").query == {}


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_postgresql_is_not_spoken_to_in_clear(mode: str) -> None:
    with pytest.raises(Fatal, match="clear text"):
        settled(AWAY, sslmode=mode)
    with pytest.raises(Fatal, match="clear text"):
        settled("sqlite:///x", url=f"{AWAY}?sslmode={mode}")


@pytest.mark.parametrize(
    "url", ["postgresql://reader@/chats?host=db.example", "postgresql:///chats?host=db.example"]
)
def test_a_host_among_the_parameters_is_elsewhere_too(url: str) -> None:
    assert settled(url).query["sslmode"] == "verify-full"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("not a url s3cret", "cannot be read"),
        ("nosuch://reader:s3cret@db/x", "driver is not installed"),
        ("sqlite://", "names no file"),
    ],
)
def test_a_url_that_cannot_work_is_refused_without_its_secrets(url: str, told: str) -> None:
    with pytest.raises(Fatal, match=told) as caught:
        settled("sqlite:///x", url=url)
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(settings_from("db", sa.make_url(AWAY), {}))


def test_a_query_names_the_window_whole() -> None:
    for bounds in ("> :from AND < :to", ":from_ms :to_ms", "= :day", "a::text '12:30' :from\n:to"):
        assert check_query(bounds) == bounds
    for query in ("SELECT 1", "> :from", "> :from AND < :to_ms"):
        with pytest.raises(ValueError, match="window"):
            check_query(query)
    with pytest.raises(ValueError, match=r":since stands for nothing"):
        check_query(":from :to :since")


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ({"query": ":day", "api": API}, "state `api`, or `query`"),
        ({"query": ":day", "files": ["x{yymmdd}"]}, "or where files are"),
        ({"api": {**API, "path": "/m"}}, "must name the day's window"),
        ({"api": {**API, "query": {"a": "{since}"}}}, r"{since} stands for nothing"),
        ({"api": {**API, "path": "m/{day}"}}, "pattern"),
        ({"api": {**API, "headers": {"authorization": "x"}}}, "belong to the connection"),
        ({"api": {**API, "paging": {"kind": "cursor", "field": "x"}}}, "takes `field` and `parameter`"),
        ({"api": {**API, "paging": {"kind": "none", "field": "x"}}}, "takes neither"),
        ({"api": {**API, "paging": {"kind": "offset"}}}, "Input should be"),
    ],
)
def test_what_a_connector_asks_for_is_checked(rules: dict[str, Any], told: str) -> None:
    assert Collect.model_validate({"connection": "db", "api": API}).drawn
    with pytest.raises(ValueError, match=told):
        Collect.model_validate({"connection": "db", **rules})


def test_a_window_is_a_day_of_its_zone_also_when_clocks_change() -> None:
    window = window_of(dt.date(2024, 3, 31), "Europe/London")
    assert window.texts() == {
        "from": "2024-03-31T00:00:00Z",
        "to": "2024-03-31T23:00:00Z",
        "from_epoch": "1711843200",
        "to_epoch": "1711926000",
        "from_ms": "1711843200000",
        "to_ms": "1711926000000",
        "day": "2024-03-31",
    }
