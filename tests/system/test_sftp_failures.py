"""What goes wrong at and on the way to an SFTP server, made to happen."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import pytest

from include.commsarchive.collect.base import RemoteFile
from include.commsarchive.collect.sftp import SftpCollector
from include.commsarchive.collect.sftp_settings import SftpSettings, settings_from
from include.commsarchive.errors import Fatal, Retriable
from tests.servers.programs import HOST, free_port
from tests.servers.sftp_doubles import PASSWORD, USER, running_server, silent_server, wire
from tests.servers.sshd import Sshd, running_sshd

pytestmark = [pytest.mark.anyio, pytest.mark.system]
CONTENT = os.urandom(8_000_000)


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        (server.folder / "big.gpg").write_bytes(CONTENT)
        yield server


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "here" / "big.gpg"


def reach(server: Sshd, port: int | None = None, **extra: object) -> SftpSettings:
    return settings_from(HOST, port or server.port, server.username, None, {**server.extra, **extra})


def left_at(target: Path) -> list[Path]:
    return list(target.parent.iterdir())


def is_whole(target: Path) -> bool:
    return target.read_bytes() == CONTENT


async def fetch_first(settings: SftpSettings, target: Path) -> RemoteFile:
    async with SftpCollector(settings) as collector:
        (file, *_) = await collector.listing(".")
        await collector.fetch(file, target)
        return file


async def test_a_server_that_refuses_may_be_up_later(sshd: Sshd, target: Path) -> None:
    with pytest.raises(Retriable, match="Check host, port"):
        await fetch_first(reach(sshd, free_port()), target)


async def test_a_host_name_that_does_not_resolve_may_do_so_later(sshd: Sshd, target: Path) -> None:
    settings = settings_from("no-such-host.invalid", 22, "x", "y", {"host_key": sshd.host_key})
    with pytest.raises(Retriable, match=r"no-such-host\.invalid"):
        await fetch_first(settings, target)


async def test_a_server_that_never_speaks_is_left_at_the_deadline(sshd: Sshd, target: Path) -> None:
    async with silent_server() as port:
        with pytest.raises(Retriable, match="no answer in time"):
            await fetch_first(reach(sshd, port, conn_timeout="0.2"), target)


async def test_a_line_that_hangs_mid_file_is_left_at_the_deadline(sshd: Sshd, target: Path) -> None:
    async with wire(sshd.port, 4_000_000, hangs=True) as port:
        with pytest.raises(Retriable, match=r"big\.gpg: no answer in time"):
            await fetch_first(reach(sshd, port, cmd_timeout="0.5"), target)
    assert left_at(target) == []


async def test_a_line_that_drops_mid_file_leaves_nothing_and_the_next_try_has_it_all(
    sshd: Sshd, target: Path
) -> None:
    async with wire(sshd.port, 4_000_000) as port:
        with pytest.raises(Retriable, match=r"big\.gpg"):
            await fetch_first(reach(sshd, port), target)
    assert left_at(target) == []
    await fetch_first(reach(sshd), target)
    assert is_whole(target)


async def test_a_listing_that_is_cut_short_is_no_listing(tmp_path: Path) -> None:
    with running_sshd(tmp_path) as server:
        for number in range(2000):
            (server.folder / f"f1.ib19.240314.xml{number}").touch()
        async with wire(server.port, 50_000) as port:
            with pytest.raises(Retriable):
                await fetch_first(reach(server, port), tmp_path / "never")


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(CONTENT + b"more"),
        lambda path: path.write_bytes(CONTENT[:-1]),
        lambda path: os.utime(path, (1, 1)),
        lambda path: path.unlink(),
    ],
    ids=["grows", "shrinks", "is written again", "is deleted"],
)
async def test_a_file_that_changes_while_it_is_read_is_left_for_later(
    tmp_path: Path, target: Path, change: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_sshd(tmp_path) as server:
        remote = server.folder / "big.gpg"
        remote.write_bytes(CONTENT)
        async with SftpCollector(reach(server)) as collector:
            (file,) = await collector.listing(".")
            read = collector._read_fully

            async def disturbed(handle: asyncssh.SFTPClientFile, offset: int, length: int) -> bytes:
                if offset > 4_000_000 and remote.exists() and remote.stat().st_mtime > 1:
                    change(remote)
                return await read(handle, offset, length)

            monkeypatch.setattr(collector, "_read_fully", disturbed)
            with pytest.raises(Retriable, match=r"big\.gpg"):
                await collector.fetch(file, target)
    assert left_at(target) == []


async def test_leaving_a_dead_connection_does_not_wait_for_it(sshd: Sshd) -> None:
    async with (
        asyncio.timeout(30),
        wire(sshd.port, 4_000_000, hangs=True) as port,
        SftpCollector(reach(sshd, port, cmd_timeout="0.5")) as collector,
    ):
        with pytest.raises(Retriable, match="no answer in time"):
            await collector.read("big.gpg", len(CONTENT))


class _SmallBites(asyncssh.SFTPServer):
    """Answers each read with less than asked, as a server may."""

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        return bytes(super().read(file_obj, offset, min(size, 100_000)))  # type: ignore[arg-type]


async def test_a_server_that_answers_in_small_bites_is_read_to_the_end(tmp_path: Path, target: Path) -> None:
    (tmp_path / "big.gpg").write_bytes(CONTENT)
    with running_server(tmp_path, _SmallBites) as server:
        await fetch_first(
            settings_from(HOST, server.port, USER, PASSWORD, {"host_key": server.host_key}), target
        )
    assert is_whole(target)


class _Forbidding(asyncssh.SFTPServer):
    """Shows files that it does not give."""

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        raise asyncssh.SFTPPermissionDenied("no")


async def test_a_file_that_we_may_not_read_is_for_a_person_to_mend(tmp_path: Path, target: Path) -> None:
    (tmp_path / "big.gpg").write_bytes(CONTENT)
    with running_server(tmp_path, _Forbidding) as server:
        settings = settings_from(HOST, server.port, USER, PASSWORD, {"host_key": server.host_key})
        with pytest.raises(Fatal, match=r"big\.gpg: permission denied"):
            await fetch_first(settings, target)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one mebibyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root can make a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


async def test_a_full_disk_leaves_nothing_and_asks_for_space(sshd: Sshd, small_disk: Path) -> None:
    with pytest.raises(Retriable, match="Free space"):
        await fetch_first(reach(sshd), small_disk / "big.gpg")
    assert left_at(small_disk / "big.gpg") == []
