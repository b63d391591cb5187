from __future__ import annotations

from typing import Any

import pytest

from include.commsarchive.errors import Fatal
from include.commsarchive.mailbox.imap.names import levels, modified_utf7, wire_name
from include.commsarchive.mailbox.imap.settings import ImapSettings, settings_from


def settings(
    host: str = "mail.example.com", port: int | None = None, login: str = "boss", **extra: Any
) -> ImapSettings:
    return settings_from("archive", host, port, login, "secret", extra)


def test_the_way_is_encrypted_from_the_first_byte_or_from_the_first_command() -> None:
    assert (settings().port, settings().security) == (993, "ssl")
    assert settings(port=143).security == "starttls"
    assert settings("127.0.0.1", 143, security="none").security == "none"


def test_a_password_is_never_sent_in_the_clear() -> None:
    with pytest.raises(Fatal, match="Use ssl or starttls for anything but loopback"):
        settings(security="none")
    assert "secret" not in repr(settings())


def test_an_administrator_acts_for_a_mailbox_by_sasl_or_by_a_name() -> None:
    assert settings().sasl_plain("ann@b.example") == b"ann@b.example\0boss\0secret"
    by_name = settings(login_format="{mailbox}*{login}")
    assert by_name.sasl_plain("ann@b.example") == b"\0ann@b.example*boss\0secret"
    assert settings(login="", login_format="{local}/x").sasl_plain("ann@b.example") == b"\0ann/x\0secret"


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"security": "tls"}, "must be one of: ssl, starttls, none"),
        ({"login_format": "boss"}, "must hold {mailbox} or {local}"),
        ({"login_format": "{user}*boss"}, "knows {mailbox}, {local} and {login} only"),
        ({"login_format": "{}*boss"}, "knows {mailbox}, {local} and {login} only"),
        ({"login_format": "{mailbox"}, "knows {mailbox}, {local} and {login} only"),
    ],
)
def test_what_is_of_no_use_is_named(extra: dict[str, Any], said: str) -> None:
    with pytest.raises(Fatal, match=r"^connection archive: ") as caught:
        settings(**extra)
    assert said in str(caught.value)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(Fatal, match="set host, password, and login"):
        settings("")
    with pytest.raises(Fatal, match="set host, password, and login"):
        settings(login="")


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("Archive", "Archive"),
        ("R&D", "R&-D"),
        ("日本語", "&ZeVnLIqe-"),
        ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501's own example
        ("Käse", "K&AOQ-se"),
        ("😀", "&2D3eAA-"),
    ],
)
def test_names_are_in_modified_utf7(text: str, encoded: str) -> None:
    assert modified_utf7(text) == encoded


def test_levels_are_the_servers_and_hold_nothing_that_it_cannot_have() -> None:
    assert levels("Archive/Chat 1.9", ".") == ["Archive", "Chat 1_9"]
    assert levels("Archive/Chat 1.9", "/") == ["Archive", "Chat 1.9"]
    assert levels('a*b%c"d\\e\r\nf', "/") == ["a_b_c_d_e__f"]
    assert levels("", "/") == levels("/", "/") == []
    assert wire_name(["Archive", "Käse"], ".") == '"INBOX.Archive.K&AOQ-se"'
    assert wire_name([], ".") == '"INBOX"'
