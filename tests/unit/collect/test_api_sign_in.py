"""How an API knows us: addresses, tokens, passwords and secret headers."""

from __future__ import annotations

from typing import Any

import pytest

from include.commsarchive.collect.api_rules import Api
from include.commsarchive.collect.api_settings import settings_from
from include.commsarchive.errors import Fatal
from tests.servers.paged_api import CLIENT, SECRET
from tests.unit.collect.api_feed import KEYED, Feed

pytestmark = pytest.mark.anyio


async def test_a_token_that_ends_in_mid_paging_is_renewed(feed: Feed) -> None:
    feed.server.uses = 1
    assert await feed.fetch(feed.signing_in()) == [0, 1, 2, 3, 4]
    assert feed.server.tokens == 3


async def test_a_token_about_to_end_is_renewed_before_it_is_refused(feed: Feed) -> None:
    feed.server.expires_in = 60
    assert await feed.fetch(feed.signing_in()) == [0, 1, 2, 3, 4]
    assert feed.server.tokens == 4
    assert len(feed.server.asked) == 3


@pytest.mark.parametrize("how", ["header", "body"])
async def test_a_token_is_asked_for_as_the_vendor_wants_it(feed: Feed, how: str) -> None:
    form = {"grant_type": "account_credentials", "account_id": 7}
    await feed.fetch(feed.signing_in(token_auth=how, token_form=form))
    stated = {"client_id": CLIENT, "client_secret": SECRET} if how == "body" else {}
    assert feed.server.token_form == {"grant_type": "account_credentials", "account_id": "7", **stated}


async def test_a_refused_secret_is_for_a_person_to_mend_and_is_not_told(feed: Feed) -> None:
    collector = feed.collector(login=CLIENT, password="wr0ng", token_url=f"{feed.server.url}/token")
    with pytest.raises(Fatal, match="connection vendor: signing in: answers 401") as caught:
        await feed.fetch(collector)
    assert "wr0ng" not in str(caught.value)
    with pytest.raises(Fatal, match="answers 401"):
        await feed.fetch(feed.collector(password="stale"))
    assert feed.left() == []


async def test_login_and_password_serve_as_well(feed: Feed) -> None:
    assert len(await feed.fetch(feed.collector(login="me"))) == 5


@pytest.mark.parametrize(
    ("host", "login", "password", "extra", "remedy"),
    [
        ("http://api.example", "", "x", {}, "must be https"),
        ("https://me:x@api.example", "", "x", {}, "must be https"),
        ("", "", "x", {}, "must be https"),
        ("api.example", "id", "x", {"token_url": "http://api.example/token"}, "must be https"),
        ("api.example", "id", "", {}, "no way to sign in"),
        ("api.example", "", "x", {"token_url": "https://api.example/token"}, "no way to sign in"),
        ("api.example", "id", "x", {"token_form": "scope"}, "object of form fields"),
        ("api.example", "id", "x", {"token_auth": "query"}, "header or body"),
    ],
)
def test_a_connection_that_cannot_work_is_refused_with_a_remedy(
    host: str, login: str, password: str, extra: dict[str, Any], remedy: str
) -> None:
    with pytest.raises(Fatal, match=f"connection vendor: .*{remedy}"):
        settings_from("vendor", (host, None, ""), login, password, extra)


@pytest.mark.parametrize(
    ("address", "base"),
    [
        (("api.example", None, ""), "https://api.example"),
        (("https://api.example/v2/", 8443, "https"), "https://api.example:8443/v2"),
        (("https://api.example:1/v2", 2, ""), "https://api.example:1/v2"),
        (("127.0.0.1", 8080, "http"), "http://127.0.0.1:8080"),
    ],
)
def test_host_port_and_schema_make_an_address(address: tuple[str, int | None, str], base: str) -> None:
    settings = settings_from("vendor", address, "", "s3cret", {})
    assert settings.base == base
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize("content", [None, b"", b"\x30\x82 DER"])
async def test_a_file_that_is_no_pem_of_certificates_is_named(feed: Feed, content: bytes | None) -> None:
    path = feed.folder / "ca.cer"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Fatal, match=r"connection vendor: extra `verify` .*ca\.cer is no PEM file"):
        await feed.fetch(feed.collector(verify=str(path)))


async def test_a_secret_header_proves_who_we_are(feed: Feed) -> None:
    feed.server.wants = {"x-api-key": "k3y"}
    collector = feed.collector(password="", rules=KEYED, headers={"x-api-key": "k3y", "X-Other": "no"})
    assert await feed.fetch(collector) == [0, 1, 2, 3, 4]
    assert "authorization" not in feed.server.headers[0]
    assert "x-other" not in feed.server.headers[0], "only what the connector names is sent"


async def test_a_secret_header_without_value_is_named_and_no_value_is_told(feed: Feed) -> None:
    with pytest.raises(Fatal, match="extra `headers` lacks X-Api-Key") as caught:
        await feed.fetch(feed.collector(rules=KEYED, headers={"Other": "h1dden"}))
    assert "h1dden" not in str(caught.value)
    settings = settings_from(
        "vendor", ("api.example", None, ""), "", "", {"headers": {"X-Api-Key": "h1dden"}}
    )
    assert "h1dden" not in repr(settings)


def test_a_header_is_secret_or_not() -> None:
    told = {"path": "/{day}", "paging": {"kind": "none"}}
    with pytest.raises(ValueError, match="not in both"):
        Api.model_validate({**told, "headers": {"x-key": "1"}, "secret_headers": ["X-Key"]})
    with pytest.raises(ValueError, match="name this header in `secret_headers`"):
        Api.model_validate({**told, "headers": {"Cookie": "1"}})
