"""A connection to Graph says what is missing from it, and never its secrets."""

from __future__ import annotations

from typing import Any

import pytest

from include.commsarchive.errors import Fatal
from include.commsarchive.mailbox.graph.settings import GraphSettings, settings_from

MIB = 1024 * 1024


def settings(host: str = "", **extra: Any) -> GraphSettings:
    return settings_from("cloud", host, "app", "s3cret", {"tenant_id": "t", **extra})


def test_what_is_not_said_is_as_microsofts_own() -> None:
    found = settings()
    assert found.application.graph == "https://graph.microsoft.com"
    assert (found.concurrency, found.message_size) == (32, 35 * MIB)
    assert (found.budget.requests, found.budget.upload) == (10_000, 150_000_000)


def test_what_is_said_counts() -> None:
    found = settings("graph.microsoft.us", concurrency="8", message_mib=150)
    assert found.application.graph == "https://graph.microsoft.us"
    assert (found.concurrency, found.message_size) == (8, 150 * MIB)


@pytest.mark.parametrize("host", ["http://127.0.0.1:80", "http://localhost:8080", "https://graph.example"])
def test_plain_http_is_for_this_host_alone(host: str) -> None:
    assert settings(host).application.graph == host


@pytest.mark.parametrize(
    "host", ["http://graph.example", "ftp://127.0.0.1", "https://u:p@graph.example", "http://"]
)
def test_a_token_is_never_sent_in_the_clear(host: str) -> None:
    with pytest.raises(Fatal, match=r"connection cloud: host is no https address\. Leave it empty"):
        settings(host)


@pytest.mark.parametrize(
    ("key", "value"), [("concurrency", 0), ("concurrency", "many"), ("message_mib", 151)]
)
def test_numbers_have_bounds(key: str, value: Any) -> None:
    with pytest.raises(Fatal, match=f"connection cloud: extra `{key}` must be a number from 1 to"):
        settings_from("cloud", "", "app", "s3cret", {"tenant_id": "t", key: value})


def test_certificates_to_trust_must_be_there() -> None:
    with pytest.raises(Fatal, match="connection cloud: extra `verify` names no file"):
        settings(verify="/no/such/file.pem")


def test_secrets_do_not_show() -> None:
    assert "s3cret" not in repr(settings())
