"""A prefix of an object store keeps the promises of every collector: in memory, and on a real S3 server."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import fsspec  # type: ignore[import-untyped]
import pytest
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]
from upath import UPath

from include.commsarchive.collect.base import Collector
from include.commsarchive.collect.folder import FolderCollector
from include.commsarchive.connector import load_connector
from include.commsarchive.doors import Connection, open_collector
from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.profile import PROJECT
from tests.contract.collector_contract import CollectorContract, Place
from tests.servers.programs import HOST
from tests.servers.s3 import BUCKET, S3, running_s3

pytestmark = pytest.mark.anyio
CONNECTOR = load_connector(PROJECT / "include" / "connectors" / "eml.yaml.example")


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


class StoreContract(CollectorContract):
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


class TestMemoryStore(StoreContract):
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
class TestS3(StoreContract):
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
