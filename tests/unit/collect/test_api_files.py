"""Files that records of an API name: kept whole, or said to be missing."""

from __future__ import annotations

import hashlib
import json
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from include.commsarchive.collect.pages import unfold
from include.commsarchive.errors import Fatal, Retriable
from tests.servers.answering import Said
from tests.servers.paged_api import PagedApi, running_api
from tests.unit.collect.api_feed import KEYED, Feed

pytestmark = pytest.mark.anyio
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
