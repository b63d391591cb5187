"""What the fields of an Airflow connection mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.commsarchive.collect.sftp_settings import FAST_CIPHERS, settings_from
from include.commsarchive.errors import Fatal


def test_a_plain_connection_checks_the_host_key_and_offers_only_the_password() -> None:
    settings = settings_from("sftp.example.com", None, "f100", "secret", {})
    assert (settings.port, settings.password, settings.private_keys) == (22, "secret", ())
    assert settings.verify_host_key
    assert settings.ciphers == FAST_CIPHERS


def test_every_extra_of_the_provider_has_its_effect(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("KEY FILE")
    extra = {
        "private_key": "KEY TEXT",
        "key_file": str(tmp_path / "id"),
        "private_key_passphrase": "open",
        "host_key": "ssh-ed25519 AAAA comment\n\nBBBB\n",
        "known_hosts": "/etc/known",
        "conn_timeout": "7",
        "cmd_timeout": 8,
        "ciphers": ["aes256-ctr"],
        "no_host_key_check": "false",
    }
    settings = settings_from("h", 30206, "f100", None, extra)
    assert settings.private_keys == ("KEY TEXT", "KEY FILE")
    assert settings.passphrase == "open"
    assert settings.host_keys == ("ssh-ed25519 AAAA", "ssh-rsa BBBB")
    assert settings.known_hosts == Path("/etc/known")
    assert (settings.connect_timeout, settings.call_timeout) == (7.0, 8.0)
    assert settings.ciphers == ("aes256-ctr",)
    assert settings.place == "h:30206"


@pytest.mark.parametrize("extra", [{"no_host_key_check": True}, {"ignore_hostkey_verification": "True"}])
def test_the_host_key_check_is_left_out_only_on_request(extra: dict[str, object]) -> None:
    assert not settings_from("h", 22, "u", "p", extra).verify_host_key


@pytest.mark.parametrize(
    ("host", "login", "password", "extra", "remedy"),
    [
        (None, "u", "p", {}, "host and login"),
        ("h", "", "p", {}, "host and login"),
        ("h", "u", None, {}, "no way to log in"),
        ("h", "u", "p", {"host_key": "ssh-rsa AA", "no_host_key_check": True}, "contradict"),
        ("h", "u", "p", {"conn_timeout": "soon"}, "conn_timeout"),
        ("h", "u", "p", {"cmd_timeout": -1}, "cmd_timeout"),
        ("h", "u", None, {"key_file": "/no/such/file"}, "/no/such/file"),
    ],
)
def test_what_cannot_work_is_refused_with_a_remedy(
    host: str | None, login: str, password: str | None, extra: dict[str, object], remedy: str
) -> None:
    with pytest.raises(Fatal, match=remedy):
        settings_from(host, 22, login, password, extra)


def test_settings_do_not_show_secrets() -> None:
    extra = {"private_key": "KEY TEXT", "passphrase": "sesame"}
    shown = repr(settings_from("h", 22, "u", "hunter2", extra))
    assert not any(secret in shown for secret in ("hunter2", "KEY TEXT", "sesame"))
