"""Paging, pace, searches and broken pages of APIs."""

from __future__ import annotations

import json
import tarfile
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from include.commsarchive.collect.api_rules import Api
from include.commsarchive.collect.pages import pages_into, unfold
from include.commsarchive.errors import Fatal, Quarantine, Retriable
from tests.servers.answering import Said
from tests.unit.collect.api_feed import CURSOR, Feed

pytestmark = pytest.mark.anyio
NUMBER = {"kind": "page_number", "parameter": "page"}
PAGINGS: list[dict[str, Any]] = [
    CURSOR,
    NUMBER,
    {"kind": "next_url", "field": "meta/next"},
    {"kind": "link_header"},
]


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


async def test_a_short_wait_that_the_api_asks_for_is_made(feed: Feed) -> None:
    feed.server.said = {2: Said(429, headers={"Retry-After": "7"}), 3: Said(503)}
    assert await feed.fetch(feed.collector()) == [0, 1, 2, 3, 4]
    assert feed.waits == [7, 2]


async def test_how_often_it_was_asked_is_told(feed: Feed, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    feed.server.uses = 2
    feed.server.said = {2: Said(500), 3: Said(500)}
    await feed.fetch(feed.signing_in())
    said = [line.getMessage() for line in caplog.records if line.name.endswith("collect.api")]
    assert said == ["feed: 3 pages, by 6 requests; 3 of them asked again"]
    assert len(feed.server.asked) == 6


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
