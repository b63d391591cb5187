"""Memory, a folder and SFTP on a real OpenSSH server keep the promises of every collector."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.commsarchive.collect.base import Collector
from include.commsarchive.collect.folder import FolderCollector
from include.commsarchive.collect.memory import MemoryCollector
from include.commsarchive.collect.sftp import SftpCollector
from include.commsarchive.collect.sftp_settings import settings_from
from tests.contract.collector_contract import CollectorContract, Place
from tests.servers.programs import HOST
from tests.servers.sshd import Sshd, running_sshd

pytestmark = pytest.mark.anyio


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


class SftpPlace(FolderPlace):
    def __init__(self, server: Sshd) -> None:
        super().__init__(server.folder)
        self.settings = settings_from(HOST, server.port, server.username, None, server.extra)

    def collector(self) -> Collector:
        return SftpCollector(self.settings)


class TestMemory(CollectorContract):
    @pytest.fixture
    def place(self) -> Place:
        return MemoryPlace()


class FilesystemContract(CollectorContract):
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


class TestFolder(FilesystemContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        (tmp_path / "remote").mkdir()
        return FolderPlace(tmp_path / "remote")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.mark.system
class TestSftp(FilesystemContract):
    @pytest.fixture
    def place(self, server: Sshd) -> Place:
        for path in sorted(server.folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        return SftpPlace(server)
