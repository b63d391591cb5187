"""Collect from a folder of this machine, or from a prefix of an object store: any `upath.UPath`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from upath import UPath

from include.commsarchive.collect.base import Fetched, RemoteFile, land, no_folder, too_large, vanished
from include.commsarchive.errors import CommsArchiveError, Fatal, Retriable

BLOCK_BYTES = 1024 * 1024


class FolderCollector:
    """Files below ``root``; paths are relative to it."""

    def __init__(self, root: UPath | Path) -> None:
        """Keep the root; nothing is asked yet.

        Raises:
            ImportError: the object store's driver is not installed.
        """
        self._root = UPath(root)
        self._is_local = self._root.protocol in {"", "file", "local"}
        self._forget = self._root.fs.invalidate_cache

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    async def listing(self, folder: str) -> list[RemoteFile]:
        """List regular files. In an object store a prefix is there when something has it."""
        return await asyncio.to_thread(self._list, folder)

    async def read(self, path: str, limit: int) -> bytes:
        """Read a small file whole."""
        return await asyncio.to_thread(self._read, path, limit)

    async def fetch(self, file: RemoteFile, target: Path) -> Fetched:
        """Bring a file here."""
        return await land(file, target, self._state, self._pour)

    def _at(self, path: str) -> UPath:
        """Find a path; to an object store ``.`` would be a name as any other."""
        return self._root.joinpath(*PurePosixPath(path).parts)

    def _list(self, folder: str) -> list[RemoteFile]:
        home = self._at(folder)
        with _explained(str(home)):
            try:
                self._forget()  # what a store keeps of earlier listings would hide new files
                inside = sorted(
                    entry.name for entry in home.iterdir() if entry.is_file() and not entry.is_symlink()
                )
            except (FileNotFoundError, NotADirectoryError) as error:
                if not self._is_local:
                    return []
                raise no_folder(str(home)) from error
            return [self._stat(f"{folder}/{name}") for name in inside]

    def _read(self, path: str, limit: int) -> bytes:
        with _explained(path), self._at(path).open("rb") as stream:
            content: bytes = stream.read(limit + 1)
        if len(content) > limit:
            raise too_large(path, limit)
        return content

    def _stat(self, path: str) -> RemoteFile:
        found = self._at(path)
        with _explained(path):
            status = found.stat()
        return RemoteFile(found.name, path, status.st_size, int(status.st_mtime))

    async def _state(self, path: str) -> RemoteFile:
        self._forget()
        return await asyncio.to_thread(self._stat, path)

    async def _pour(self, file: RemoteFile, write: Callable[[bytes], None]) -> None:
        def copy() -> None:
            with _explained(file.path), self._at(file.path).open("rb") as stream:
                while block := stream.read(BLOCK_BYTES):
                    write(block)

        await asyncio.to_thread(copy)


@contextmanager
def _explained(path: str) -> Iterator[None]:
    """Say who must act when a file cannot be read. Drivers of object stores have errors of their own."""
    try:
        yield
    except CommsArchiveError:
        raise
    except FileNotFoundError as error:
        raise vanished(path) from error
    except PermissionError as error:
        raise Fatal(f"{path}: permission denied. Let this user read it") from error
    except OSError as error:
        why = error.strerror or error
        raise Retriable(f"{path}: cannot be read: {why}. Check the disk, mount or store") from error
    except Exception as error:
        name = type(error).__name__
        refused = getattr(error, "status_code", 0) in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
        if refused or "Credentials" in name or "Authentication" in name:
            raise Fatal(f"{path}: {name}. Mend extra `storage_options` of the connection") from error
        raise Retriable(f"{path}: {name}. Check the store's address and that it answers") from error
