"""A connection to Exchange is understood, or refused with what to mend."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import certifi
import pytest

from include.commsarchive.errors import Fatal
from include.commsarchive.mailbox.ews.settings import Access, Auth, EwsSettings, settings_from


def settings(host: str = "mail.firm.example", port: int | None = None, **extra: Any) -> EwsSettings:
    return settings_from(host, port, "FIRM\\svc", "secret", extra)


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("mail.firm.example", None, "https://mail.firm.example/EWS/Exchange.asmx"),
        ("mail.firm.example", 8443, "https://mail.firm.example:8443/EWS/Exchange.asmx"),
        ("https://mail.firm.example", None, "https://mail.firm.example/EWS/Exchange.asmx"),
        ("https://mail.firm.example/ews/x.asmx", None, "https://mail.firm.example/ews/x.asmx"),
        ("http://127.0.0.1:8080", None, "http://127.0.0.1:8080/EWS/Exchange.asmx"),
    ],
)
def test_a_host_or_a_url_names_the_server(host: str, port: int | None, url: str) -> None:
    assert settings(host, port).url == url


def test_a_password_means_ntlm_and_impersonation() -> None:
    found = settings()
    assert (found.auth, found.access, found.verify) == (Auth.NTLM, Access.IMPERSONATION, True)


def test_a_tenant_means_an_application_and_its_sign_in() -> None:
    found = settings(tenant_id="firm.example")
    assert found.auth is Auth.OAUTH
    assert found.token_url == "https://login.microsoftonline.com/firm.example/oauth2/v2.0/token"


def test_other_clouds_have_another_sign_in_and_scope() -> None:
    found = settings(
        tenant_id="t", token_url="https://login.example/token", scope="https://mail.example/.default"
    )
    assert (found.token_url, found.scope) == ("https://login.example/token", "https://mail.example/.default")


def test_authorities_of_the_house_are_trusted(tmp_path: Path) -> None:
    shutil.copy(certifi.where(), tmp_path / "ca.pem")
    assert settings(ca_file=str(tmp_path / "ca.pem")).verify == str(tmp_path / "ca.pem")


def test_authorities_that_are_no_pem_are_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("x")
    with pytest.raises(Fatal, match=r"extra `ca_file` .*ca\.pem is no PEM file of certificates"):
        settings(ca_file=str(tmp_path / "ca.pem"))


def test_bounds_can_be_set() -> None:
    found = settings(width="12", max_connections=2, max_request_mib=10, timeout_seconds=30)
    assert (found.width, found.max_connections, found.max_request, found.timeout) == (12, 2, 10 << 20, 30.0)


def test_the_secret_does_not_show() -> None:
    assert "secret" not in repr(settings())


@pytest.mark.parametrize(
    ("host", "extra", "text"),
    [
        ("", {}, "host, login and password are needed"),
        ("http://mail.firm.example", {}, "the host is not encrypted. Write https://"),
        ("ftp://mail.firm.example", {}, "the host is no address"),
        ("https://[::1", {}, "the host is no address"),
        ("h.example", {"auth": "kerberos"}, "extra `auth` must be one of: ntlm, basic, oauth"),
        (
            "h.example",
            {"access_type": "owner"},
            "extra `access_type` must be one of: impersonation, delegate",
        ),
        ("h.example", {"auth": "oauth"}, "extra `tenant_id` is not set"),
        ("h.example", {"tenant_id": "t", "access_type": "delegate"}, "can only impersonate"),
        ("h.example", {"tenant_id": "t", "token_url": "http://h.example"}, "`token_url` is not encrypted"),
        ("h.example", {"width": 0.5}, "extra `width` is no number from 1 on"),
        ("h.example", {"max_connections": "many"}, "extra `max_connections` is no number from 1 on"),
        ("h.example", {"timeout_seconds": "inf"}, "extra `timeout_seconds` is no number from 1 on"),
        ("h.example", {"ca_file": "/no/such.pem"}, "extra `ca_file` /no/such.pem is no file"),
    ],
)
def test_what_cannot_work_is_refused_with_a_remedy(host: str, extra: dict[str, Any], text: str) -> None:
    with pytest.raises(Fatal, match=r"\. [A-Z][^.]+") as caught:
        settings(host, **extra)
    assert text in str(caught.value)
