"""What every `Collector` promises. Adapters inherit the suite and provide the fixture ``place``."""

from __future__ import annotations

import hashlib
import os
from dataclasses import astuple, replace
from pathlib import Path
from typing import Protocol

import pytest

from include.commsarchive.collect.base import Collector
from include.commsarchive.errors import Fatal, Retriable


class Place(Protocol):
    """The vendor's side: writes files, and hands out collectors that read them."""

    def put(self, path: str, content: bytes, mtime: int = 1_700_000_000) -> None: ...

    def remove(self, path: str) -> None: ...

    def collector(self) -> Collector: ...


class CollectorContract:
    async def test_lists_files_by_name_with_size_and_time(self, place: Place) -> None:
        place.put("b.xml", b"12345", mtime=1_700_000_005)
        place.put("a.xml", b"", mtime=1_700_000_000)
        async with place.collector() as collector:
            listing = await collector.listing(".")
        assert [(file.name, file.size, file.mtime) for file in listing] == [
            ("a.xml", 0, 1_700_000_000),
            ("b.xml", 5, 1_700_000_005),
        ]

    async def test_lists_a_folder_without_what_lies_beneath_or_beside(self, place: Place) -> None:
        place.put("in/a.xml", b"1")
        place.put("in/deeper/b.xml", b"2")
        place.put("beside.xml", b"3")
        async with place.collector() as collector:
            assert [file.name for file in await collector.listing("in")] == ["a.xml"]

    async def test_a_listed_file_can_be_fetched_by_what_the_listing_says(self, place: Place) -> None:
        place.put("in/a.xml", b"content")
        async with place.collector() as collector:
            (file,) = await collector.listing("in")
            assert await collector.read(file.path, 100) == b"content"

    async def test_a_missing_folder_is_for_a_person_to_mend(self, place: Place) -> None:
        async with place.collector() as collector:
            with pytest.raises(Fatal, match="nowhere"):
                await collector.listing("nowhere")

    async def test_reads_a_small_file_but_no_larger_one(self, place: Place) -> None:
        place.put("manifest.txt", b"x" * 100)
        async with place.collector() as collector:
            assert await collector.read("manifest.txt", 100) == b"x" * 100
            with pytest.raises(Fatal, match=r"manifest\.txt"):
                await collector.read("manifest.txt", 99)

    async def test_reading_what_is_not_there_may_succeed_later(self, place: Place) -> None:
        async with place.collector() as collector:
            with pytest.raises(Retriable, match=r"manifest\.txt"):
                await collector.read("manifest.txt", 99)

    @pytest.mark.parametrize("size", [0, 1, 262_144, 3_000_001])
    async def test_fetches_every_byte_and_says_their_hash(
        self, place: Place, tmp_path: Path, size: int
    ) -> None:
        content = os.urandom(size)
        place.put("a.xml", content)
        target = tmp_path / "new" / "a.xml"
        async with place.collector() as collector:
            (file,) = await collector.listing(".")
            fetched = await collector.fetch(file, target)
        assert target.read_bytes() == content
        assert astuple(fetched) == (size, hashlib.sha256(content).hexdigest())
        assert list(target.parent.iterdir()) == [target]

    async def test_a_file_that_changed_since_it_was_listed_is_left_for_later(
        self, place: Place, tmp_path: Path
    ) -> None:
        place.put("a.xml", b"first", mtime=1_700_000_000)
        async with place.collector() as collector:
            (file,) = await collector.listing(".")
            place.put("a.xml", b"2econd", mtime=1_700_000_000)
            with pytest.raises(Retriable, match="changed"):
                await collector.fetch(file, tmp_path / "here" / "a.xml")
            place.put("a.xml", b"third", mtime=1_700_000_009)
            with pytest.raises(Retriable, match="changed"):
                await collector.fetch(file, tmp_path / "here" / "a.xml")
        assert list((tmp_path / "here").iterdir()) == []

    async def test_a_file_that_vanished_is_left_for_later(self, place: Place, tmp_path: Path) -> None:
        place.put("a.xml", b"first")
        async with place.collector() as collector:
            (file,) = await collector.listing(".")
            place.remove("a.xml")
            with pytest.raises(Retriable, match=r"a\.xml"):
                await collector.fetch(file, tmp_path / "here" / "a.xml")
        assert list((tmp_path / "here").iterdir()) == []

    async def test_fetching_starts_afresh_after_a_try_that_was_killed(
        self, place: Place, tmp_path: Path
    ) -> None:
        place.put("a.xml", b"whole")
        here = tmp_path / "here"
        here.mkdir()
        (here / ".a.xml.x1y2.part").write_bytes(b"who")
        (here / "a.xml").write_bytes(b"of an earlier run")
        async with place.collector() as collector:
            (file,) = await collector.listing(".")
            await collector.fetch(file, here / "a.xml")
        assert {path.name: path.read_bytes() for path in here.iterdir()} == {"a.xml": b"whole"}

    async def test_leaves_the_place_as_it_was(self, place: Place, tmp_path: Path) -> None:
        place.put("a.xml", b"content")
        place.put("b.xml", b"more")
        async with place.collector() as collector:
            before = await collector.listing(".")
            await collector.fetch(before[0], tmp_path / "here" / "a.xml")
            await collector.read("b.xml", 10)
            assert await collector.listing(".") == before

    async def test_a_listing_that_lies_about_a_size_is_found_out(self, place: Place, tmp_path: Path) -> None:
        place.put("a.xml", b"content")
        async with place.collector() as collector:
            (file,) = await collector.listing(".")
            with pytest.raises(Retriable):
                await collector.fetch(replace(file, size=6), tmp_path / "here" / "a.xml")
        assert list((tmp_path / "here").iterdir()) == []
