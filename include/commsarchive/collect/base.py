"""What a collector is: a place where exports lie, and three verbs to get them. It changes nothing there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.landing import Landing

UNFINISHED = -1
"""The size of a file that the place itself says is still being made."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A regular file as a listing shows it: size in bytes, mtime in whole seconds since 1970 (UTC).

    Plain values only: ``dataclasses.asdict`` gives JSON, ``RemoteFile(**value)`` takes it back.
    """

    name: str
    path: str
    size: int
    mtime: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """What arrived: bytes and their SHA-256."""

    size: int
    sha256: str


class Collector(Protocol):
    """An open door to one place. An async context manager: entering logs in, leaving hangs up.

    Every verb, entering included, raises Retriable when the place does not answer within the
    adapter's own deadline or the connection breaks, and Fatal when it refuses us.
    """

    async def __aenter__(self) -> Self:
        """Open the door."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it, also after a failure, without waiting for a place that hangs."""

    async def listing(self, folder: str) -> list[RemoteFile]:
        """List the regular files directly in a folder, by name; no folders, links or devices.

        Raises:
            Fatal: the folder does not exist or may not be read.
        """

    async def read(self, path: str, limit: int) -> bytes:
        """Read a small file of at most ``limit`` bytes whole.

        Raises:
            Retriable: the file is not there (any more).
            Fatal: it is larger than the limit, or may not be read.
        """

    async def fetch(self, file: RemoteFile, target: Path) -> Fetched:
        """Bring a file here, to ``target``, which then is complete and durable, or not there.

        Size and mtime are compared with the listing before and after the transfer. A fetch that
        broke off starts again from nothing: exports are written once, and a resumed file could not
        be told from a mixture of two versions.

        Raises:
            Retriable: the file changed, grew or vanished while it was read; our disk is full.
            Fatal: the file may not be read; our folder may not be written.
        """


async def land(
    file: RemoteFile,
    target: Path,
    state: Callable[[str], Awaitable[RemoteFile]],
    pour: Callable[[RemoteFile, Callable[[bytes], None]], Awaitable[None]],
) -> Fetched:
    """`Collector.fetch` for an adapter that can ask a file's ``state`` and ``pour`` its bytes in order."""
    with Landing(target) as landing:
        _same(file, await state(file.path))
        await pour(file, landing.write)
        _same(file, await state(file.path))
        if landing.size != file.size:
            raise Retriable(
                f"{file.path}: {landing.size} bytes arrived, the listing says {file.size}. "
                "It is fetched again on the next try"
            )
        landing.settle()
        return Fetched(landing.size, landing.sha256)


def _same(listed: RemoteFile, now: RemoteFile) -> None:
    if (now.size, now.mtime) != (listed.size, listed.mtime):
        raise Retriable(
            f"{listed.path}: changed since it was listed (size {listed.size}, now {now.size}; "
            f"mtime {listed.mtime}, now {now.mtime}). It was still being written: clear `wait_for_export`"
        )


def vanished(path: str) -> Retriable:
    """Say that a file is not there."""
    return Retriable(f"{path}: is not there any more. Look again; it may have been replaced or deleted")


def no_folder(folder: str) -> Fatal:
    """Say that a folder is not there."""
    return Fatal(f"{folder}: no such folder. Mend `folder` of the connector, or ask the vendor for the path")


def too_large(path: str, limit: int) -> Fatal:
    """Say that a small file is none."""
    return Fatal(f"{path}: larger than {limit} bytes, so not what it is taken for. Mend its name or pattern")
