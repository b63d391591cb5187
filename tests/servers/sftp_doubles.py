"""SFTP servers that do what OpenSSH cannot be made to do in a test: passwords, oddities, broken wires.

`running_server` runs in a thread of its own and serves anybody; the rest is for tests on one event loop.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from tests.servers.programs import HOST

USER = "f1000001"
PASSWORD = "correct horse: 50% 'battery'"


@dataclass
class PasswordServer:
    """One running server; log in as `USER` with `PASSWORD`. ``tried`` are the passwords it was offered."""

    folder: Path
    host_key: str
    port: int = 0
    tried: list[str] = field(default_factory=list)


class _Door(asyncssh.SSHServer):
    def __init__(self, server: PasswordServer) -> None:
        self._server = server

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        self._server.tried.append(password)
        return (username, password) == (USER, PASSWORD)


@contextmanager
def running_server(
    folder: Path, sftp: type[asyncssh.SFTPServer] = asyncssh.SFTPServer
) -> Iterator[PasswordServer]:
    """Serve a folder to who knows the password, with the habits of an SFTP server class."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = PasswordServer(folder, key.export_public_key().decode().strip())
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            HOST,
            0,
            server_host_keys=[key],
            server_factory=lambda: _Door(server),
            sftp_factory=lambda channel: sftp(channel, chroot=str(folder).encode()),
        )

    async def stop() -> None:
        acceptor.close()
        await acceptor.wait_closed()

    acceptor = asyncio.run_coroutine_threadsafe(start(), loop).result()
    server.port = acceptor.get_port()
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """Accept connections and never say a word; yields the port."""

    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.append(writer)

    ends: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(hold, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        await _close(server, ends)


@asynccontextmanager
async def wire(port: int, breaks_after: int, *, hangs: bool = False) -> AsyncIterator[int]:
    """Pass bytes to and from a server until it has sent so many, then cut the line, or let it hang."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: float) -> None:
        passed = 0
        with suppress(ConnectionError):
            while passed < limit and (block := await reader.read(65536)):
                writer.write(block)
                await writer.drain()
                passed += len(block)
        if not hangs:
            writer.transport.abort()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(HOST, port)
        ends.extend([writer, far_writer])
        await asyncio.gather(pump(reader, far_writer, math.inf), pump(far_reader, writer, breaks_after))

    ends: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(connect, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        await _close(server, ends)


async def _close(server: asyncio.Server, ends: list[asyncio.StreamWriter]) -> None:
    """Stop listening and hang up, and let the loop notice."""
    server.close()
    for end in ends:
        end.transport.abort()
    for end in ends:
        with suppress(ConnectionError):
            await end.wait_closed()
    await asyncio.sleep(0.01)
