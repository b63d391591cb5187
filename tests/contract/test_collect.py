"""What every collector promises, kept by each adapter; SFTP against a real OpenSSH server."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Iterator
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

import fsspec  # type: ignore[import-untyped]
import pytest
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]
from upath import UPath

from include.commsarchive.collect.base import Collector
from include.commsarchive.collect.folder import FolderCollector
from include.commsarchive.collect.memory import MemoryCollector
from include.commsarchive.collect.sftp import SftpCollector
from include.commsarchive.collect.sftp_settings import settings_from
from include.commsarchive.connector import load_connector
from include.commsarchive.doors import Connection, open_collector
from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.profile import PROJECT
from tests.servers.programs import HOST
from tests.servers.s3 import BUCKET, S3, running_s3
from tests.servers.sshd import Sshd, running_sshd

pytestmark = pytest.mark.anyio
CONNECTOR = load_connector(PROJECT / "include" / "connectors" / "eml.yaml.example")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Place(Protocol):
    """The vendor's side: writes files, and hands out collectors that read them."""

    def put(self, path: str, content: bytes, mtime: int = 1_700_000_000) -> None: ...

    def remove(self, path: str) -> None: ...

    def collector(self) -> Collector: ...


class MemoryPlace:
    def __init__(self) -> None:
        self.memory = MemoryCollector()

    def put(self, path: str, content: bytes, mtime: int = 1_700_000_000) -> None:
        self.memory.put(path, content, mtime)

    def remove(self, path: str) -> None:
        del self.memory.files[path]

    def collector(self) -> Collector:
        return self.memory


class FolderPlace:
    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, path: str, content: bytes, mtime: int = 1_700_000_000) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        os.utime(file, (mtime, mtime))

    def remove(self, path: str) -> None:
        (self.root / path).unlink()

    def collector(self) -> Collector:
        return FolderCollector(self.root)


class Bucket(MemoryFileSystem):  # type: ignore[misc]
    """An object store that remembers its listings, as S3's driver does, and knows when objects were put."""

    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    put_at: ClassVar[dict[str, int]] = {}
    cachable = True

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        path = self._strip_protocol(path)
        if path not in self.dircache:
            found = super().ls(path, detail=True)
            for one in found:
                at = self.put_at.get(one["name"], 0)
                one["LastModified"] = dt.datetime.fromtimestamp(at, dt.UTC)
            self.dircache[path] = found
        found = self.dircache[path]
        return found if detail else [one["name"] for one in found]

    def info(self, path: str, **options: Any) -> Any:
        told = super().info(path)
        at = self.put_at.get(self._strip_protocol(path), 0)
        return {**told, "LastModified": dt.datetime.fromtimestamp(at, dt.UTC)}

    def invalidate_cache(self, path: str | None = None) -> None:
        self.dircache.clear()


class BucketPlace:
    def __init__(self) -> None:
        self.root = UPath("memory://bucket/exports")

    def put(self, path: str, content: bytes, mtime: int = 1_700_000_000) -> None:
        Bucket.store.pop(f"/bucket/exports/{path}", None)
        Bucket().pipe_file(f"memory://bucket/exports/{path}", content)
        Bucket.put_at[f"/bucket/exports/{path}"] = mtime

    def remove(self, path: str) -> None:
        del Bucket.store[f"/bucket/exports/{path}"]

    def collector(self) -> Collector:
        return FolderCollector(self.root)


class S3Place:
    def __init__(self, server: S3, prefix: str) -> None:
        self.server, self.prefix = server, prefix
        self.options = server.options

    def put(self, path: str, content: bytes, mtime: int = 1_700_000_000) -> None:
        self.server.put(f"{self.prefix}/{path}", content, mtime)

    def remove(self, path: str) -> None:
        self.server.remove(f"{self.prefix}/{path}")

    def collector(self) -> Collector:
        extra = {"path": f"s3://{BUCKET}/{self.prefix}", "storage_options": self.options}
        return open_collector(Connection("store", "fs", extra=extra), CONNECTOR, dt.date(2024, 3, 13))


class SftpPlace(FolderPlace):
    def __init__(self, server: Sshd) -> None:
        super().__init__(server.folder)
        self.settings = settings_from(HOST, server.port, server.username, None, server.extra)

    def collector(self) -> Collector:
        return SftpCollector(self.settings)


class CollectorSuite:
    """The promises. An adapter's class adds the fixture ``place``."""

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


class TestMemory(CollectorSuite):
    @pytest.fixture
    def place(self) -> Place:
        return MemoryPlace()


class FilesystemSuite(CollectorSuite):
    """What only places with real folders can show."""

    async def test_folders_and_links_are_no_files_whatever_their_names(self, place: FolderPlace) -> None:
        place.put("a.xml", b"1")
        (place.root / "b.xml").mkdir()
        (place.root / "c.xml").symlink_to(place.root / "a.xml")
        os.mkfifo(place.root / "d.xml")
        async with place.collector() as collector:
            assert [file.name for file in await collector.listing(".")] == ["a.xml"]

    async def test_names_come_through_as_they_are(self, place: FolderPlace, tmp_path: Path) -> None:
        names = sorted(["with space.xml", "ümläut.xml", "[x]*?.xml", "-rf.xml"])
        for name in names:
            place.put(name, name.encode())
        async with place.collector() as collector:
            listing = await collector.listing(".")
            for file in listing:
                await collector.fetch(file, tmp_path / "here" / file.name)
        assert [file.name for file in listing] == names
        assert [(tmp_path / "here" / name).read_bytes() for name in names] == [n.encode() for n in names]

    async def test_a_name_that_is_no_unicode_does_not_hide_the_others(self, place: FolderPlace) -> None:
        place.put("a.xml", b"1")
        place.put(os.fsdecode(b"latin-\xe4.xml"), b"2")
        async with place.collector() as collector:
            assert [file.size for file in await collector.listing(".")] == [1, 1]

    async def test_a_thousand_files_are_listed(self, place: FolderPlace) -> None:
        for number in range(1000):
            place.put(f"{number:04}.xml", b"x")
        async with place.collector() as collector:
            listing = await collector.listing(".")
        assert [file.name for file in listing] == [f"{number:04}.xml" for number in range(1000)]


class TestFolder(FilesystemSuite):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        (tmp_path / "remote").mkdir()
        return FolderPlace(tmp_path / "remote")


class StoreSuite(CollectorSuite):
    """What a prefix of an object store promises beside."""

    async def test_a_missing_folder_is_for_a_person_to_mend(self, place: Place) -> None:
        """A prefix is there as soon as something has it."""
        async with place.collector() as collector:
            assert await collector.listing("nowhere") == []

    async def test_what_was_put_since_the_last_look_is_seen(self, place: Place) -> None:
        place.put("in/a.xml", b"1")
        async with place.collector() as first:
            assert len(await first.listing("in")) == 1
        place.put("in/b.xml", b"2")
        async with place.collector() as second:
            assert len(await second.listing("in")) == 2


class TestMemoryStore(StoreSuite):
    @pytest.fixture
    def place(self) -> Iterator[Place]:
        fsspec.register_implementation("memory", Bucket, clobber=True)
        Bucket.clear_instance_cache()
        Bucket.store.clear()
        yield BucketPlace()
        Bucket.clear_instance_cache()
        fsspec.register_implementation("memory", MemoryFileSystem, clobber=True)


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with running_s3() as server:
        yield server


@pytest.mark.system
class TestS3(StoreSuite):
    @pytest.fixture
    def place(self, s3: S3, tmp_path: Path) -> S3Place:
        return S3Place(s3, f"from vendor/{tmp_path.name}")

    async def test_a_large_file_comes_whole(self, place: S3Place, tmp_path: Path) -> None:
        content = os.urandom(1024) * 20_000
        place.put("large.xml", content)
        async with place.collector() as collector:
            (file,) = await collector.listing(".")
            fetched = await collector.fetch(file, tmp_path / "large.xml")
        assert fetched.sha256 == hashlib.sha256(content).hexdigest()

    async def test_a_store_that_does_not_answer_is_tried_later(self, place: S3Place) -> None:
        place.options = place.options | {
            "endpoint_url": f"http://{HOST}:1",
            "config_kwargs": {"retries": {"max_attempts": 0}},
        }
        async with place.collector() as collector:
            with pytest.raises(Retriable, match="EndpointConnectionError"):
                await collector.listing(".")

    async def test_a_bucket_that_is_not_there_is_waited_for_as_a_prefix_is(self, place: S3Place) -> None:
        place.prefix = "../elsewhere"
        async with place.collector() as collector:
            assert await collector.listing(".") == []

    async def test_a_connection_without_credentials_is_for_a_person_to_mend(
        self, place: S3Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
        place.options = {"endpoint_url": place.options["endpoint_url"]}
        async with place.collector() as collector:
            with pytest.raises(Fatal, match=r"NoCredentialsError.*storage_options"):
                await collector.listing(".")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.mark.system
class TestSftp(FilesystemSuite):
    @pytest.fixture
    def place(self, server: Sshd) -> Place:
        for path in sorted(server.folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        return SftpPlace(server)
