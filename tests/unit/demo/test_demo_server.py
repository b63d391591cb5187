from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import asyncssh
import pytest

from include.commsarchive.demo.access import Access, make_access
from include.commsarchive.demo.api import HOST
from include.commsarchive.demo.publish import ACCOUNT
from include.commsarchive.demo.server import serving

PROJECT = Path(__file__).resolve().parents[3]
Answer = TypeVar("Answer")
CONTENT = b"day" * 100_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What is served: two accounts' folders."""
    mine, other = (tmp_path / "served" / name for name in (ACCOUNT, "other"))
    for folder in (mine, other):
        folder.mkdir(parents=True)
    (mine / "a.xml.gpg").write_bytes(CONTENT)
    os.utime(mine / "a.xml.gpg", (1_710_194_400, 1_710_194_400))
    (other / "theirs").write_text("another account's")
    return mine.parent


@pytest.fixture
def access(tmp_path: Path) -> Access:
    return make_access(tmp_path / "state")


def known(access: Access, port: int) -> asyncssh.SSHKnownHosts:
    return asyncssh.import_known_hosts(f"[{HOST}]:{port} {access.host_key}\n")


def by_password(access: Access) -> dict[str, Any]:
    return {"username": ACCOUNT, "password": access.password, "client_keys": None}


def by_key(access: Access) -> dict[str, Any]:
    return {"username": ACCOUNT, "client_keys": [asyncssh.import_private_key(access.private_key)]}


@asynccontextmanager
async def logged_in(
    access: Access, port: int, how: dict[str, Any]
) -> AsyncIterator[tuple[asyncssh.SSHClientConnection, asyncssh.SFTPClient]]:
    options = {"known_hosts": known(access, port), "agent_path": None, "config": None}
    async with (
        asyncssh.connect(HOST, port, **options, **how) as connection,
        connection.start_sftp_client() as sftp,
    ):
        yield connection, sftp


def ask(
    root: Path,
    access: Access,
    question: Callable[[asyncssh.SFTPClient], Awaitable[Answer]],
    how: dict[str, Any],
) -> Answer:
    async def go() -> Answer:
        async with serving(root, access) as port, logged_in(access, port, how) as (_, sftp):
            return await question(sftp)

    return asyncio.run(go())


@pytest.mark.parametrize("way", [by_password, by_key])
def test_password_and_key_each_let_in_and_files_come_whole(
    root: Path, access: Access, way: Callable[[Access], dict[str, Any]]
) -> None:
    async def read(sftp: asyncssh.SFTPClient) -> tuple[bytes, int | None]:
        async with sftp.open("a.xml.gpg", "rb") as file:
            return await file.read(), (await sftp.stat("/a.xml.gpg")).mtime

    assert ask(root, access, read, way(access)) == (CONTENT, 1_710_194_400)


@pytest.mark.parametrize("wrong", ["password", "key", "login", "path"])
def test_nobody_else_is_let_in(root: Path, access: Access, wrong: str) -> None:
    how = {
        "password": {**by_password(access), "password": "guess"},
        "key": {**by_key(access), "client_keys": [asyncssh.generate_private_key("ssh-ed25519")]},
        "login": {**by_password(access), "username": "root"},
        "path": {**by_password(access), "username": f"{ACCOUNT}/../{ACCOUNT}"},
    }[wrong]
    with pytest.raises(asyncssh.PermissionDenied):
        ask(root, access, lambda sftp: sftp.listdir("."), how)


def test_another_host_key_is_noticed(root: Path, access: Access, tmp_path: Path) -> None:
    stranger = make_access(tmp_path / "other")

    async def go() -> None:
        async with serving(root, access) as port, logged_in(stranger, port, by_password(access)):
            pass

    with pytest.raises(asyncssh.HostKeyNotVerifiable):
        asyncio.run(go())


_CHANGES: dict[str, Callable[[asyncssh.SFTPClient], Awaitable[Any]]] = {
    "write": lambda sftp: sftp.open("new", "wb"),
    "append": lambda sftp: sftp.open("a.xml.gpg", "ab"),
    "update": lambda sftp: sftp.open("a.xml.gpg", "r+b"),
    "truncate": lambda sftp: sftp.truncate("a.xml.gpg", 0),
    "remove": lambda sftp: sftp.remove("a.xml.gpg"),
    "rename": lambda sftp: sftp.rename("a.xml.gpg", "b"),
    "posix_rename": lambda sftp: sftp.posix_rename("a.xml.gpg", "b"),
    "mkdir": lambda sftp: sftp.mkdir("folder"),
    "rmdir": lambda sftp: sftp.rmdir("empty"),
    "link": lambda sftp: sftp.link("a.xml.gpg", "b"),
    "symlink": lambda sftp: sftp.symlink("a.xml.gpg", "b"),
    "times": lambda sftp: sftp.utime("a.xml.gpg", (1, 1)),
    "mode": lambda sftp: sftp.chmod("a.xml.gpg", 0o777),
}


@pytest.mark.parametrize("change", _CHANGES)
def test_nothing_can_be_changed(root: Path, access: Access, change: str) -> None:
    mine = root / ACCOUNT
    (mine / "empty").mkdir()
    before = [(path.name, path.lstat().st_mtime, path.lstat().st_mode) for path in sorted(mine.iterdir())]
    with pytest.raises(asyncssh.SFTPPermissionDenied):
        ask(root, access, _CHANGES[change], by_key(access))
    after = [(path.name, path.lstat().st_mtime, path.lstat().st_mode) for path in sorted(mine.iterdir())]
    assert after == before


def test_what_is_another_account_s_is_not_served(root: Path, access: Access) -> None:
    with pytest.raises(asyncssh.SFTPNoSuchFile):
        ask(root, access, lambda sftp: sftp.open("../other/theirs", "rb"), by_key(access))
    theirs = by_key(access) | {"username": "other"}
    assert "theirs" in ask(root, access, lambda sftp: sftp.listdir("."), theirs)


def test_keys_and_password_are_private_and_kept(tmp_path: Path) -> None:
    first = make_access(tmp_path / "state")
    assert make_access(tmp_path / "state") == first
    assert make_access(tmp_path / "other").host_key != first.host_key
    files = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    for secret in (first.password, first.private_key, first.host_private_key):
        assert secret not in repr(first)


@pytest.fixture
def program(root: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    ports = tmp_path / "ports"
    where = ["--root", root, "--state", tmp_path / "state", "--records", tmp_path, "--ports", ports]
    process = subprocess.Popen(
        [sys.executable, "-m", "include.commsarchive.demo.server", *map(str, where)],
        cwd=PROJECT,
        stderr=subprocess.PIPE,
    )
    try:
        deadline = time.monotonic() + 30
        while not ports.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process, json.loads(ports.read_text())["sftp"]
    finally:
        process.kill()
        process.communicate()


def test_the_program_ends_cleanly_on_sigterm_even_with_a_client_connected(
    program: tuple[subprocess.Popen[bytes], int], tmp_path: Path
) -> None:
    process, port = program

    async def go() -> int | None:
        access = make_access(tmp_path / "state")
        async with logged_in(access, port, by_key(access)) as (connection, sftp):
            assert "a.xml.gpg" in await sftp.listdir(".")
            process.send_signal(signal.SIGTERM)
            await connection.wait_closed()
        return await asyncio.to_thread(process.wait, 20)

    assert asyncio.run(go()) == 0
    assert process.stderr is not None
    assert process.stderr.read() == b""
