"""The vendor's SFTP server, embedded: on loopback, read-only.

``python -m include.commsarchive.demo.server --root DIR --state DIR --port-file FILE``, ended by SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NoReturn

import asyncssh

from include.commsarchive.demo.access import Access, land, make_access

HOST = "127.0.0.1"


@asynccontextmanager
async def serving(root: Path, access: Access, port: int = 0) -> AsyncIterator[int]:
    """Serve a folder while the ``async with`` block runs; give the port (0 asks for a free one).

    Raises:
        OSError: the port is taken.
    """
    server = await asyncssh.listen(
        HOST,
        port,
        server_factory=partial(_Login, access),
        server_host_keys=[asyncssh.import_private_key(access.host_private_key)],
        sftp_factory=partial(_ReadOnly, chroot=str(root).encode()),
        allow_scp=False,
        agent_forwarding=False,
        x11_forwarding=False,
    )
    try:
        yield server.get_port()
    finally:
        server.close()
        await server.wait_closed()


class _Login(asyncssh.SSHServer):
    """Lets one account in, by password or by key."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._key = asyncssh.import_public_key(access.public_key)

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return self._is(username) and hmac.compare_digest(password.encode(), self._access.password.encode())

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return self._is(username) and key == self._key

    def _is(self, username: str) -> bool:
        return username == self._access.login


class _ReadOnly(asyncssh.SFTPServer):
    """A folder that can be looked at and read, as the vendor's: we must never depend on more."""

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if pflags & ~asyncssh.FXF_READ:
            _refuse()
        return super().open(path, pflags, attrs)

    def _refuse(self, *_arguments: object, **_options: object) -> NoReturn:
        _refuse()

    open56 = write = setstat = lsetstat = fsetstat = _refuse
    remove = rename = posix_rename = mkdir = rmdir = link = symlink = _refuse


def _refuse() -> NoReturn:
    raise asyncssh.SFTPPermissionDenied("this server is read-only")


async def _serve(root: Path, state: Path, port: int, port_file: Path) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with serving(root, make_access(state), port) as chosen:
        land(port_file, f"{chosen}\n".encode())
        await ended.wait()


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="Serve a folder over SFTP on loopback, read-only.")
    parser.add_argument("--root", type=Path, required=True, help="folder to serve")
    parser.add_argument("--state", type=Path, required=True, help="folder that keeps the keys and password")
    parser.add_argument("--port-file", type=Path, required=True, help="receives the port once it listens")
    parser.add_argument("--port", type=int, default=0, help="port; a free one by default")
    options = parser.parse_args()
    asyncio.run(_serve(options.root, options.state, options.port, options.port_file))


if __name__ == "__main__":
    main()
