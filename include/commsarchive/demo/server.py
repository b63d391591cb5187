"""The vendors' servers, embedded, on loopback: SFTP, read-only, with a folder for each account; and an API.

``python -m include.commsarchive.demo.server --root DIR --state DIR --ports FILE``, ended by SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import json
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NoReturn

import asyncssh

from include.commsarchive.demo.access import Access, land, make_access
from include.commsarchive.demo.api import HOST, serving_api

_ACCOUNT = re.compile(r"[a-z][a-z0-9_]*")


@asynccontextmanager
async def serving(root: Path, access: Access, port: int = 0) -> AsyncIterator[int]:
    """Serve the folders in ``root``, each to the account of its name, while the ``async with`` block runs.

    Gives the port (0 asks for a free one).

    Raises:
        OSError: the port is taken.
    """
    server = await asyncssh.listen(
        HOST,
        port,
        server_factory=partial(_Login, root, access),
        server_host_keys=[asyncssh.import_private_key(access.host_private_key)],
        sftp_factory=partial(_ReadOnly, root),
        allow_scp=False,
        agent_forwarding=False,
        x11_forwarding=False,
    )
    try:
        yield server.get_port()
    finally:
        server.close()  # from Python 3.12 on, to wait for it is to wait for the clients


class _Login(asyncssh.SSHServer):
    """Lets those in who have a folder, by password or by key."""

    def __init__(self, root: Path, access: Access) -> None:
        self._root, self._access = root, access
        self._key = asyncssh.import_public_key(access.public_key)

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return self._has(username) and hmac.compare_digest(password.encode(), self._access.password.encode())

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return self._has(username) and key == self._key

    def _has(self, username: str) -> bool:
        return bool(_ACCOUNT.fullmatch(username)) and (self._root / username).is_dir()


class _ReadOnly(asyncssh.SFTPServer):
    """A folder that can be looked at and read, as the vendor's: we must never depend on more."""

    def __init__(self, root: Path, channel: asyncssh.SSHServerChannel[bytes]) -> None:
        account = channel.get_extra_info("username")
        super().__init__(channel, chroot=str(root / account).encode())

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


async def _serve(root: Path, state: Path, records: Path, ports: Path) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    access = make_access(state)
    with serving_api(records, access.password) as api:
        async with serving(root, access) as sftp:
            land(ports, json.dumps({"sftp": sftp, "api": api}).encode())
            await ended.wait()


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="Serve samples on loopback: by SFTP, and by an API.")
    parser.add_argument("--root", type=Path, required=True, help="holds a folder for each SFTP account")
    parser.add_argument("--state", type=Path, required=True, help="folder that keeps the keys and password")
    parser.add_argument("--records", type=Path, required=True, help="folder of what the API answers with")
    parser.add_argument("--ports", type=Path, required=True, help="receives the ports once it listens")
    options = parser.parse_args()
    asyncio.run(_serve(options.root, options.state, options.records, options.ports))


if __name__ == "__main__":
    main()
