"""A connection to Graph says what is missing from it, and never its secrets."""

from __future__ import annotations

from pathlib import Path
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


def test_certificates_to_trust_must_be_there_and_be_some(tmp_path: Path) -> None:
    der = tmp_path / "ca.der"
    der.write_bytes(b"0\x82\x01\x0a")
    for name in (der, tmp_path, "/no/such/file.pem"):
        with pytest.raises(
            Fatal, match=r"connection cloud: extra `verify` .* is no PEM file of certificates"
        ):
            settings(verify=str(name))


def test_secrets_do_not_show() -> None:
    assert "s3cret" not in repr(settings())
