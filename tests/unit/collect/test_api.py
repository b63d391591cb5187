"""Paging, pace, tokens and broken pages of APIs."""

from __future__ import annotations

import datetime as dt
import json
import tarfile
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from include.commsarchive.collect.api import ApiCollector
from include.commsarchive.collect.api_rules import Api
from include.commsarchive.collect.api_settings import settings_from
from include.commsarchive.collect.drawn import Draft
from include.commsarchive.collect.pages import pages_into, unfold
from include.commsarchive.collect.window import window_of
from include.commsarchive.errors import Fatal, Quarantine, Retriable
from tests.servers.paged_api import CLIENT, SECRET, PagedApi, Said, running_api

pytestmark = pytest.mark.anyio
WINDOW = window_of(dt.date(2024, 3, 13), "UTC")
TOKEN = "good"
CURSOR = {"kind": "cursor", "field": "meta/cursor", "parameter": "cursor"}
NUMBER = {"kind": "page_number", "parameter": "page"}
PAGINGS: list[dict[str, Any]] = [
    CURSOR,
    NUMBER,
    {"kind": "next_url", "field": "meta/next"},
    {"kind": "link_header"},
]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Feed:
    """An API with five messages, and what it takes to collect them. ``waits`` are the pauses made."""

    server: PagedApi
    folder: Path
    waits: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server.records = [{"id": number, "sent": f"2024-03-13T0{number}:30"} for number in range(5)]

    def collector(
        self, paging: dict[str, Any] | None = None, login: str = "", password: str = TOKEN, **extra: Any
    ) -> ApiCollector:
        api = Api.model_validate(
            {
                "path": "/v1/messages",
                "query": {"since": "{from}", "until": "{to}"},
                "items": "data/rows",
                "paging": paging or CURSOR,
            }
        )

        async def wait(seconds: float) -> None:
            self.waits.append(seconds)

        settings = settings_from("vendor", (self.server.url, None, ""), login, password, extra)
        return ApiCollector(settings, api, Draft("feed", WINDOW), wait)

    def signing_in(self, **extra: Any) -> ApiCollector:
        return self.collector(login=CLIENT, password=SECRET, token_url=f"{self.server.url}/token", **extra)

    async def fetch(self, collector: ApiCollector) -> list[int]:
        async with collector as place:
            (file,) = await place.listing(".")
            await place.fetch(file, self.folder / "raw")
        return self.ids()

    def ids(self) -> list[int]:
        unfold(self.folder / "raw", self.folder / "clear", "data/rows")
        return [json.loads(line)["id"] for line in (self.folder / "clear").read_bytes().splitlines()]

    def left(self) -> list[str]:
        return [path.name for path in self.folder.iterdir()]


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[Feed]:
    with running_api() as server:
        yield Feed(server, tmp_path)


def tar_of(*pages: bytes) -> bytes:
    blocks: list[bytes] = []
    with pages_into(blocks.append, {}) as add:
        for page in pages:
            add(page)
    return b"".join(blocks)


@pytest.mark.parametrize("paging", PAGINGS, ids=lambda paging: str(paging["kind"]))
async def test_every_way_of_paging_leads_through_all_pages(feed: Feed, paging: dict[str, Any]) -> None:
    assert await feed.fetch(feed.collector(paging)) == [0, 1, 2, 3, 4]
    assert len(feed.server.asked) == (4 if paging is NUMBER else 3)


async def test_without_paging_the_first_page_is_all(feed: Feed) -> None:
    assert await feed.fetch(feed.collector({"kind": "none"})) == [0, 1]


async def test_pages_are_kept_byte_for_byte_beside_a_list_of_their_hashes(feed: Feed) -> None:
    await feed.fetch(feed.collector())
    with tarfile.open(feed.folder / "raw") as tar:
        kept = {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]
    manifest = json.loads(kept.pop("manifest.json"))
    assert list(kept.values()) == feed.server.pages
    assert manifest["asked"] == {
        "from": "2024-03-13T00:00:00Z",
        "to": "2024-03-14T00:00:00Z",
        "path": "/v1/messages",
    }
    assert [page["size"] for page in manifest["pages"]] == [len(page) for page in feed.server.pages]


async def test_a_record_comes_through_as_it_was_written(tmp_path: Path) -> None:
    page = b'{"data": {"rows": [{"a": 1.10,\r\n "a": "\\u00e4",\n"big": 123456789012345678901234567890}]}}'
    (tmp_path / "raw").write_bytes(tar_of(page))
    unfold(tmp_path / "raw", tmp_path / "clear", "data/rows")
    assert (tmp_path / "clear").read_bytes() == (
        b'{"a": 1.10,   "a": "\\u00e4", "big": 123456789012345678901234567890}\n'
    )


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


async def test_a_short_wait_that_the_api_asks_for_is_made(feed: Feed) -> None:
    feed.server.said = {2: Said(429, headers={"Retry-After": "7"}), 3: Said(503)}
    assert await feed.fetch(feed.collector()) == [0, 1, 2, 3, 4]
    assert feed.waits == [7, 2]


async def test_a_long_wait_is_left_to_the_scheduler(feed: Feed) -> None:
    feed.server.said = {2: Said(429, headers={"Retry-After": "3600"})}
    with pytest.raises(Retriable, match="answers 429") as caught:
        await feed.fetch(feed.collector())
    assert caught.value.retry_after == 3600
    assert feed.waits == []
    assert feed.left() == [], "half a day must not be taken for a whole one"
    assert await feed.fetch(feed.collector()) == [0, 1, 2, 3, 4]


async def test_an_api_that_is_down_is_asked_some_times(feed: Feed) -> None:
    feed.server.said = dict.fromkeys(range(1, 99), Said(500, b"a secret detail"))
    with pytest.raises(Retriable, match="answers 500") as caught:
        await feed.fetch(feed.collector())
    assert feed.waits == [1, 2, 4, 8]
    assert "secret" not in str(caught.value)


async def test_a_page_that_breaks_off_is_asked_for_again(feed: Feed) -> None:
    feed.server.said = {2: Said(200, b'{"data": {"ro', hang_up=True), 3: Said(200, b'{"data": {"ro')}
    assert await feed.fetch(feed.collector()) == [0, 1, 2, 3, 4]
    assert feed.waits == [1, 2]


@pytest.mark.parametrize(
    "body",
    [
        b"<html>busy</html>",
        b"",
        b'{"error": "quota"}',
        b'{"data": {"rows": {"id": 1}}}',
        b'{"data": {"rows": []}, "meta": {"cursor": {}}}\xff',
        b'{"data": 7}',
    ],
)
async def test_a_page_that_stays_broken_is_kept_and_stops_the_file(feed: Feed, body: bytes) -> None:
    feed.server.said = dict.fromkeys(range(2, 99), Said(200, body))
    with pytest.raises(Quarantine, match=r"raw, page-000002\.json: no list of records") as caught:
        await feed.fetch(feed.collector())
    assert caught.value.reason == "broken-page"
    assert "quota" not in str(caught.value)
    with tarfile.open(feed.folder / "raw") as tar:
        assert tar.extractfile("page-000002.json").read() == body  # type: ignore[union-attr]
    assert feed.left() == ["raw"]


@pytest.mark.parametrize(("status", "remedy"), [(403, "allowed to read"), (404, "Mend"), (302, "leads to")])
async def test_a_refusal_is_for_a_person_to_mend(feed: Feed, status: int, remedy: str) -> None:
    feed.server.said = {1: Said(status, b"x", {"Location": "https://elsewhere.example/"})}
    with pytest.raises(Fatal, match=f"GET /v1/messages: answers {status}.*{remedy}"):
        await feed.fetch(feed.collector())
    assert len(feed.server.asked) == 1


@pytest.mark.parametrize("paging", PAGINGS[2:], ids=lambda paging: str(paging["kind"]))
async def test_our_token_is_not_shown_to_another_host(feed: Feed, paging: dict[str, Any]) -> None:
    away = "http://127.0.0.2:9/v1/messages"
    page = json.dumps({"data": {"rows": []}, "meta": {"next": away}}).encode()
    feed.server.said = {1: Said(200, page, {"Link": f'<{away}>; rel="next"'})}
    with pytest.raises(Fatal, match=r"said to be at 127\.0\.0\.2"):
        await feed.fetch(feed.collector(paging))


@pytest.mark.parametrize("paging", [CURSOR, NUMBER], ids=lambda paging: str(paging["kind"]))
async def test_pages_that_go_round_in_a_circle_end(feed: Feed, paging: dict[str, Any]) -> None:
    page = b'{"data": {"rows": [{"id": 1}]}, "meta": {"cursor": "again"}}'
    feed.server.said = dict.fromkeys(range(1, 99), Said(200, page))
    with pytest.raises(Fatal, match="circle"):
        await feed.fetch(feed.collector(paging))


async def test_a_page_larger_than_we_hold_is_refused(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.commsarchive.collect.api_session.MAX_PAGE", 100)
    with pytest.raises(Fatal, match="smaller pages"):
        await feed.fetch(feed.collector())


async def test_nobody_there_may_be_there_later(feed: Feed) -> None:
    feed.server.port = 1
    with pytest.raises(Retriable, match="Check host, port and firewall"):
        await feed.fetch(feed.collector())


async def test_memory_stays_flat_however_many_pages_there_are(feed: Feed) -> None:
    rows = json.dumps([{"id": number, "text": "x" * 1000} for number in range(1000)])

    def page(_: object) -> bytes:
        cursor = len(feed.server.asked) % 60 or "null"
        return f'{{"data": {{"rows": {rows}}}, "meta": {{"cursor": {cursor}}}}}'.encode()

    feed.server.make = page
    feed.server.pages = _Forgetful()
    tracemalloc.start()
    try:
        async with feed.collector() as place:
            (file,) = await place.listing(".")
            fetched = await place.fetch(file, feed.folder / "raw")
        made = unfold(feed.folder / "raw", feed.folder / "clear", "data/rows")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert min(fetched.size, made.size) > 60_000_000
    assert peak < 20_000_000


class _Forgetful(list[bytes]):
    def append(self, one: bytes, /) -> None:
        pass


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


def test_certificates_that_are_not_there_are_named() -> None:
    settings = settings_from("vendor", ("api.example", None, ""), "", "x", {"verify": "/nowhere.pem"})
    with pytest.raises(Fatal, match="`verify` names no file"):
        settings.trust()


def test_a_damaged_tar_of_pages_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(tar_of(b"[1]" * 2000)[:700])
    with pytest.raises(Quarantine, match="Run the day anew"):
        unfold(tmp_path / "raw", tmp_path / "clear", "")
