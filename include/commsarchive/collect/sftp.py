"""Collect from an SFTP server, with asyncssh.

Several reads of the largest size that the server allows are on their way at any time: on loopback
about ten times the throughput of the Airflow provider's hook (``bench/`` measures both).
"""

from __future__ import annotations

import asyncio
import posixpath
import stat
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncssh

from include.commsarchive.collect.base import Fetched, RemoteFile, land, no_folder, too_large, vanished
from include.commsarchive.collect.sftp_errors import explain
from include.commsarchive.collect.sftp_settings import SftpSettings
from include.commsarchive.errors import CommsArchiveError, Fatal

READ_BYTES = 256 * 1024
"""Largest read we ask for; OpenSSH answers at most 255 KiB and says so in its limits."""
SAFE_READ_BYTES = 32 * 1024
"""What every server should answer, also one that states no limits (draft-ietf-secsh-filexfer-02, 3)."""
AHEAD_BYTES = 4 * 1024 * 1024
"""Asked for and not yet here: enough for 100 MB/s over 20 ms of round trip."""
_GOODBYE = 2.0
"""Seconds that a server has to take leave."""

_KnownHosts = (
    asyncssh.SSHKnownHosts | tuple[list[asyncssh.SSHKey], list[asyncssh.SSHKey], list[asyncssh.SSHKey]] | None
)

_HOST_KEY_TYPES = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"]
_HOST_KEY_TYPES += ["rsa-sha2-512", "rsa-sha2-256"]


class SftpCollector:
    """An SFTP account, by settings. One connection from entering to leaving."""

    def __init__(self, settings: SftpSettings) -> None:
        """Keep the settings; entering connects."""
        self._settings = settings
        self._greeter = _Greeter()

    async def __aenter__(self) -> Self:
        """Log in.

        Raises:
            Fatal: host key, password or key refused; a key or known_hosts file is unusable.
            Retriable: no connection within ``connect_timeout``.
        """
        with self._explained("connecting"):
            async with asyncio.timeout(self._settings.connect_timeout):
                self._connection = await self._connect()
                try:
                    self._sftp = await self._connection.start_sftp_client(path_errors="surrogateescape")
                except BaseException:
                    self._connection.abort()
                    raise
        return self

    async def _connect(self) -> asyncssh.SSHClientConnection:
        settings = self._settings
        keys = await asyncio.to_thread(_client_keys, settings)
        trusted, host_key_types = _trusted(settings)
        try:
            return await asyncssh.connect(
                settings.host,
                settings.port,
                username=settings.username,
                password=settings.password or None,
                client_keys=keys or None,
                known_hosts=trusted,
                server_host_key_algs=host_key_types or (),
                client_factory=lambda: self._greeter,
                encryption_algs=list(settings.ciphers),
                compression_algs=["none"],
                agent_path=None,
                config=None,
            )
        except ValueError as error:  # asyncssh's word for settings that make no sense
            raise Fatal(f"{settings.place}: {error}. Mend the extras of the connection") from error

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up; a server that does not answer is cut off."""
        self._sftp.exit()
        self._connection.close()
        with suppress(TimeoutError, OSError, asyncssh.Error):
            async with asyncio.timeout(_GOODBYE):
                await self._connection.wait_closed()
        self._connection.abort()

    async def listing(self, folder: str) -> list[RemoteFile]:
        """List regular files. A server that does not say what an entry is, is taken to mean a file."""
        with self._explained(folder, missing=no_folder):
            async with asyncio.timeout(self._settings.call_timeout):
                entries = await self._sftp.readdir(folder)
        files = [
            _remote_file(posixpath.join(folder, str(entry.filename)), entry.attrs)
            for entry in entries
            if _is_file(entry.attrs) and entry.filename not in {".", ".."}
        ]
        return sorted(files, key=lambda file: file.name)

    async def read(self, path: str, limit: int) -> bytes:
        """Read a small file whole."""
        with self._explained(path):
            async with self._opened(path) as remote, asyncio.timeout(self._settings.call_timeout):
                content = await self._read_fully(remote, 0, limit + 1)
        if len(content) > limit:
            raise too_large(path, limit)
        return content

    async def fetch(self, file: RemoteFile, target: Path) -> Fetched:
        """Bring a file here."""
        return await land(file, target, self._state, self._pour)

    async def _state(self, path: str) -> RemoteFile:
        with self._explained(path):
            async with asyncio.timeout(self._settings.call_timeout):
                return _remote_file(path, await self._sftp.stat(path))

    async def _pour(self, file: RemoteFile, write: Callable[[bytes], None]) -> None:
        """Read a file in order with several reads on their way."""
        size = min(READ_BYTES, max(SAFE_READ_BYTES, self._sftp.limits.max_read_len))
        with self._explained(file.path):
            async with self._opened(file.path) as remote:
                reads = (
                    asyncio.create_task(self._read_fully(remote, offset, min(size, file.size - offset)))
                    for offset in range(0, file.size, size)
                )
                ahead = deque(islice(reads, AHEAD_BYTES // size))
                try:
                    while ahead:
                        async with asyncio.timeout(self._settings.call_timeout):
                            block = await ahead.popleft()
                        ahead.extend(islice(reads, 1))
                        write(block)
                finally:
                    for task in ahead:
                        task.cancel()
                    await asyncio.gather(*ahead, return_exceptions=True)

    @asynccontextmanager
    async def _opened(self, path: str) -> AsyncIterator[asyncssh.SFTPClientFile]:
        """Open a file to read it; nothing is lost if the server does not answer when it is closed."""
        async with asyncio.timeout(self._settings.call_timeout):
            remote = await self._sftp.open(path, "rb", block_size=0)
        try:
            yield remote
        finally:
            with suppress(TimeoutError, OSError, asyncssh.Error):
                async with asyncio.timeout(_GOODBYE):
                    await remote.close()

    @staticmethod
    async def _read_fully(remote: asyncssh.SFTPClientFile, offset: int, length: int) -> bytes:
        """Read ``length`` bytes, or up to the file's end: servers may answer with less than asked."""
        content = b""
        while len(content) < length:
            block: Any = await remote.read(length - len(content), offset + len(content))
            if not block:
                break
            content = content + block if content else block
        return content

    @contextmanager
    def _explained(self, what: str, missing: Callable[[str], CommsArchiveError] = vanished) -> Iterator[None]:
        """Say who must act when a call failed."""
        try:
            yield
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath) as error:
            raise missing(f"{self._settings.place}: {what}") from error
        except (OSError, asyncssh.Error) as error:
            raise explain(error, self._settings.place, what, self._greeter.offered) from error


class _Greeter(asyncssh.SSHClient):
    """Hears which host key a server offers when we do not know it."""

    offered = ""

    def validate_host_public_key(self, _host: str, _addr: str, _port: int, key: asyncssh.SSHKey) -> bool:
        """Note the key for the error text, and refuse it."""
        self.offered = f"{key.get_algorithm()} {key.get_fingerprint()}"
        return False


def _client_keys(settings: SftpSettings) -> list[asyncssh.SSHKey]:
    """Open the private keys; slow where a passphrase protects them."""
    try:
        return [
            asyncssh.import_private_key(text, settings.passphrase or None) for text in settings.private_keys
        ]
    except (asyncssh.KeyEncryptionError, asyncssh.KeyImportError) as error:
        raise Fatal(
            f"{settings.place}: the SSH private key does not open: {error}. Check its passphrase and that "
            "all of it is there with its BEGIN and END lines"
        ) from error


def _trusted(settings: SftpSettings) -> tuple[_KnownHosts, list[str]]:
    """The host keys that we trust, None for any, and the key types to ask for, trusted ones first.

    Other types are asked for too: a server that has none of ours then says which key it does have.
    """
    if not settings.verify_host_key:
        return None, _HOST_KEY_TYPES
    path = settings.known_hosts.expanduser()
    try:
        if path.exists() and not settings.host_keys:
            return asyncssh.read_known_hosts(str(path)), []
        keys = [asyncssh.import_public_key(line) for line in settings.host_keys]
    except (asyncssh.KeyImportError, ValueError, OSError) as error:
        source = "the extra `host_key`" if settings.host_keys else path
        raise Fatal(
            f"{settings.place}: {source} holds no readable host key. Paste it as `ssh-ed25519 AAAA…`"
        ) from error
    return (keys, [], []), [name.decode() for key in keys for name in key.sig_algorithms] + _HOST_KEY_TYPES


def _is_file(attrs: asyncssh.SFTPAttrs) -> bool:
    """Tell files by their mode, as SFTP 3 servers send it; one that sends none is believed to mean a file."""
    return attrs.permissions is None or stat.S_ISREG(attrs.permissions)


def _remote_file(path: str, attrs: asyncssh.SFTPAttrs) -> RemoteFile:
    return RemoteFile(posixpath.basename(path), path, attrs.size or 0, int(attrs.mtime or 0))
