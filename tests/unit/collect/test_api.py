"""Paging, pace, tokens and broken pages of APIs."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import tarfile
import tracemalloc
import zipfile
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
from tests.servers.answering import Said
from tests.servers.paged_api import CLIENT, SECRET, PagedApi, running_api

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
        self,
        paging: dict[str, Any] | None = None,
        login: str = "",
        password: str = TOKEN,
        rules: dict[str, Any] | None = None,
        **extra: Any,
    ) -> ApiCollector:
        asked = {
            "path": "/v1/messages",
            "query": {"since": "{from}", "until": "{to}"},
            "items": "data/rows",
            "paging": paging or CURSOR,
        }
        api = Api.model_validate(asked | (rules or {}))

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
    with pages_into(blocks.append, {}) as evidence:
        for page in pages:
            evidence.page(page)
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


@pytest.mark.parametrize("content", [None, b"", b"\x30\x82 DER"])
async def test_a_file_that_is_no_pem_of_certificates_is_named(feed: Feed, content: bytes | None) -> None:
    path = feed.folder / "ca.cer"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Fatal, match=r"connection vendor: extra `verify` .*ca\.cer is no PEM file"):
        await feed.fetch(feed.collector(verify=str(path)))


def test_a_damaged_tar_of_pages_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(tar_of(b"[1]" * 2000)[:700])
    with pytest.raises(Quarantine, match="Run the day anew"):
        unfold(tmp_path / "raw", tmp_path / "clear", "")


SEARCH = {"search": {"since": "{from}", "until": "{to}", "ms": "{from_ms}", "of": ["{day}"]}, "size": 2}
POSTED: dict[str, Any] = {"path": "/v1/search", "query": {}, "body": SEARCH}


@pytest.mark.parametrize(
    "paging",
    [
        {**CURSOR, "parameter": "search/cursor"},
        {**NUMBER, "parameter": "search/page"},
        {"kind": "next_url", "field": "meta/next"},
        {"kind": "link_header"},
    ],
    ids=lambda paging: str(paging["kind"]),
)
async def test_a_search_is_posted_with_the_window_in_its_body_for_every_page(
    feed: Feed, paging: dict[str, Any]
) -> None:
    assert await feed.fetch(feed.collector(paging, rules=POSTED)) == [0, 1, 2, 3, 4]
    first = {"since": "2024-03-13T00:00:00Z", "until": "2024-03-14T00:00:00Z", "ms": 1_710_288_000_000}
    assert feed.server.bodies[0]["search"].items() >= {**first, "of": ["2024-03-13"]}.items()
    assert len(feed.server.bodies) == len(feed.server.asked)
    assert feed.server.headers[0]["content-type"] == "application/json"


@pytest.mark.parametrize("cursor", [0, 42, 2**70, "42"])
async def test_a_cursor_comes_back_in_a_body_as_it_was_stated(feed: Feed, cursor: int | str) -> None:
    first = {"data": {"rows": []}, "meta": {"cursor": cursor}}
    feed.server.said = {1: Said(200, json.dumps(first).encode())}
    feed.server.records = []
    await feed.fetch(feed.collector({**CURSOR, "parameter": "search/after/cursor"}, rules=POSTED))
    assert feed.server.bodies[1]["search"]["after"] == {"cursor": cursor}


@pytest.mark.parametrize(("parameter", "key"), [("size/page", "size"), ("search/of/page/2", "search/of")])
def test_a_cursor_has_no_place_in_what_is_no_object(parameter: str, key: str) -> None:
    told = {**POSTED, "paging": {**CURSOR, "parameter": parameter}}
    with pytest.raises(ValueError, match=f"`paging.parameter` leads through `{key}`, no object in `body`"):
        Api.model_validate(told)


async def test_a_search_that_never_moves_on_is_stopped(feed: Feed) -> None:
    feed.server.numbers_matter = False
    collector = feed.collector({**NUMBER, "parameter": "search/page"}, rules=POSTED)
    with pytest.raises(Fatal, match="in a circle"):
        await feed.fetch(collector)


KEYED: dict[str, Any] = {"secret_headers": ["X-Api-Key"]}


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


WITH_FILES: dict[str, Any] = {"attachments": {"links": "files/url", "max_mib": 1}}
AXES = b"%PDF axes \x00\xff" * 1000


def shared(feed: Feed, *links: str) -> None:
    feed.server.records[1]["files"] = [{"url": one} for one in links]


def evidence(feed: Feed) -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    with tarfile.open(feed.folder / "raw") as tar:
        kept = {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]
    files = json.loads(kept.pop("manifest.json"))["files"]
    return {name: content for name, content in kept.items() if name.startswith("file")}, files


async def collected(feed: Feed, rules: dict[str, Any] | None = None, **more: Any) -> dict[str, bytes]:
    async with feed.collector(rules=rules or WITH_FILES, **more) as place:
        (file,) = await place.listing(".")
        await place.fetch(file, feed.folder / "raw")
    unfold(feed.folder / "raw", feed.folder / "clear", "data/rows", with_files=True)
    with zipfile.ZipFile(feed.folder / "clear") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


async def test_files_that_records_name_are_kept_byte_for_byte_and_go_by_their_links(feed: Feed) -> None:
    feed.server.files = {"/v1/files/1?v=2": Said(200, AXES), "/v1/files/two": Said(200, b"")}
    here = f"{feed.server.url}/v1/files/two"
    shared(feed, "/v1/files/1?v=2", here, "/v1/files/1?v=2")
    found = await collected(feed)
    assert [json.loads(line)["id"] for line in found.pop("drawn/records.jsonl").splitlines()] == [
        0,
        1,
        2,
        3,
        4,
    ]
    assert found == {"v1/files/1?v=2": AXES, here: b""}
    kept, told = evidence(feed)
    assert list(kept.values()) == [AXES, b""]
    assert told[0] == {
        "link": "/v1/files/1?v=2",
        "name": "file-000001",
        "size": len(AXES),
        "sha256": hashlib.sha256(AXES).hexdigest(),
    }


async def test_no_file_takes_the_place_of_another_or_of_the_records(feed: Feed) -> None:
    shared(feed, "/v1/files/1", "v1/files/1", "drawn/records.jsonl")
    feed.server.said = {2: Said(200, AXES), 3: Said(200, b"other"), 4: Said(200, b"no rows")}
    found = await collected(feed)
    assert len(found.pop("drawn/records.jsonl").splitlines()) == len(feed.server.records)
    assert found == {"v1/files/1": AXES, "./v1/files/1": b"other", "./drawn/records.jsonl": b"no rows"}


async def test_an_id_is_asked_for_at_the_address_of_files(feed: Feed) -> None:
    feed.server.files = {"/v1/files/a%2Fb/content": Said(200, AXES)}
    feed.server.records[0]["files"] = "a/b"
    rules = {"attachments": {"links": "files", "address": "/v1/files/{link}/content"}}
    assert (await collected(feed, rules))["a/b"] == AXES


@pytest.mark.parametrize(
    ("link", "answer", "why"),
    [
        ("/v1/files/none", Said(404), "answers 404"),
        ("/v1/files/1", Said(410), "answers 410"),
        ("/v1/files/1", Said(400), "answers 400"),
        ("/v1/files/1", Said(403), "answers 403"),
        ("/v1/files/1", Said(422), "answers 422"),
        ("/v1/files/1", Said(200, b"x" * (1024 * 1024 + 1)), "larger than 1,048,576 bytes"),
        ("https://elsewhere.example/f", Said(), "is on another host, where our token does not go"),
        ("ftp:[", Said(), "is on another host, where our token does not go"),
    ],
)
async def test_a_file_that_is_not_to_be_had_is_told_and_the_records_are_kept(
    feed: Feed, link: str, answer: Said, why: str
) -> None:
    feed.server.files = {"/v1/files/1": answer}
    shared(feed, link)
    assert list(await collected(feed)) == ["drawn/records.jsonl"]
    assert evidence(feed) == ({}, [{"link": link, "missing": why}])


async def test_a_file_that_breaks_off_or_must_wait_is_asked_for_again(feed: Feed) -> None:
    feed.server.files = {"/v1/files/1": Said(200, AXES)}
    shared(feed, "/v1/files/1")
    feed.server.said = {
        2: Said(429, headers={"Retry-After": "7"}),
        3: Said(200, b"half", hang_up=True),
        4: Said(408),
    }
    assert (await collected(feed))["v1/files/1"] == AXES
    assert feed.waits == [7.0, 2.0, 4.0]


async def test_a_file_that_stays_broken_leaves_nothing_and_is_tried_later(feed: Feed) -> None:
    feed.server.files = {"/v1/files/1": Said(200, b"half", hang_up=True)}
    shared(feed, "/v1/files/1")
    with pytest.raises(Retriable, match="GET a file"):
        await collected(feed)
    assert feed.left() == []


async def test_a_proof_that_is_not_good_for_files_is_for_a_person_to_mend(feed: Feed) -> None:
    feed.server.files = {"/v1/files/1": Said(401)}
    shared(feed, "/v1/files/1")
    with pytest.raises(Fatal, match="answers 401"):
        await collected(feed)


async def test_a_day_of_which_no_file_may_be_read_is_kept_and_warned_of_in_counts(
    feed: Feed, caplog: pytest.LogCaptureFixture
) -> None:
    links = [f"/v1/files/{name}" for name in ("nina", "zoe")]
    feed.server.files = dict.fromkeys(links, Said(403))
    shared(feed, *links)
    assert list(await collected(feed)) == ["drawn/records.jsonl"]
    assert [line.getMessage() for line in caplog.records if line.levelname == "WARNING"] == [
        "feed: 2 of 2 files that records name are missing (answers 403: 2); the manifest says which"
    ]


async def test_a_day_with_all_its_files_is_not_warned_of(
    feed: Feed, caplog: pytest.LogCaptureFixture
) -> None:
    feed.server.files = {"/v1/files/1": Said(200, AXES)}
    shared(feed, "/v1/files/1")
    await collected(feed)
    assert not [line for line in caplog.records if line.levelname == "WARNING"]


def leading_to(address: str) -> dict[str, Said]:
    return {"/v1/files/1": Said(302, headers={"Location": address})}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[PagedApi]:
    with running_api(tmp_path / "elsewhere.pem") as server:
        yield server


async def test_no_proof_goes_to_another_host_that_the_api_leads_to_for_a_file(
    feed: Feed, elsewhere: PagedApi
) -> None:
    elsewhere.files = {"/open/signed?x=1": Said(200, AXES)}
    feed.server.files = leading_to(f"{elsewhere.url}/open/signed?x=1")
    shared(feed, "/v1/files/1")
    verify = str(feed.folder / "elsewhere.pem")
    rules = {**WITH_FILES, **KEYED}
    found = await collected(feed, rules, headers={"X-Api-Key": "k3y"}, verify=verify)
    assert found["v1/files/1"] == AXES
    (told,) = elsewhere.headers
    assert not {"authorization", "x-api-key"} & told.keys()


async def test_a_file_that_another_host_refuses_is_missing(feed: Feed, elsewhere: PagedApi) -> None:
    feed.server.files = leading_to(f"{elsewhere.url}/v1/files/ours")
    shared(feed, "/v1/files/1")
    await collected(feed, verify=str(feed.folder / "elsewhere.pem"))
    assert evidence(feed) == ({}, [{"link": "/v1/files/1", "missing": "answers 401"}])


async def test_our_proof_goes_where_the_api_leads_to_on_its_own_host(feed: Feed) -> None:
    feed.server.files = {**leading_to("/v1/files/moved"), "/v1/files/moved": Said(200, AXES)}
    shared(feed, "/v1/files/1")
    assert (await collected(feed))["v1/files/1"] == AXES


async def test_a_redirect_to_our_own_machine_is_not_followed(feed: Feed) -> None:
    with running_api() as inside:
        inside.files = {"/open/admin": Said(200, b"inside")}
        feed.server.files = leading_to(f"{inside.url}/open/admin")
        shared(feed, "/v1/files/1")
        with pytest.raises(Fatal, match="answers 302"):
            await collected(feed)
        assert inside.asked == []


async def test_a_file_in_clear_is_not_followed(feed: Feed) -> None:
    feed.server.files = leading_to("http://elsewhere.example/f")
    shared(feed, "/v1/files/1")
    with pytest.raises(Fatal, match="answers 302"):
        await collected(feed)


async def test_a_day_without_records_is_empty_even_with_files(feed: Feed) -> None:
    feed.server.records = []
    async with feed.collector(rules=WITH_FILES) as place:
        (file,) = await place.listing(".")
        await place.fetch(file, feed.folder / "raw")
    assert unfold(feed.folder / "raw", feed.folder / "clear", "data/rows", with_files=True).size == 0
