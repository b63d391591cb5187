"""Collect from a folder of this machine, or from a prefix of an object store: any `upath.UPath`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
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
        try:
            self._forget()  # what a store keeps of earlier listings would hide new files
            inside = sorted(
                entry.name for entry in home.iterdir() if entry.is_file() and not entry.is_symlink()
            )
            return [self._stat(f"{folder}/{name}") for name in inside]
        except (FileNotFoundError, NotADirectoryError) as error:
            if not self._is_local:
                return []
            raise no_folder(str(home)) from error
        except OSError as error:
            raise _explain(error, str(home)) from error

    def _read(self, path: str, limit: int) -> bytes:
        try:
            with self._at(path).open("rb") as stream:
                content: bytes = stream.read(limit + 1)
        except OSError as error:
            raise _explain(error, path) from error
        if len(content) > limit:
            raise too_large(path, limit)
        return content

    def _stat(self, path: str) -> RemoteFile:
        found = self._at(path)
        try:
            status = found.stat()
        except OSError as error:
            raise _explain(error, path) from error
        return RemoteFile(found.name, path, status.st_size, int(status.st_mtime))

    async def _state(self, path: str) -> RemoteFile:
        self._forget()
        return await asyncio.to_thread(self._stat, path)

    async def _pour(self, file: RemoteFile, write: Callable[[bytes], None]) -> None:
        def copy() -> None:
            try:
                with self._at(file.path).open("rb") as stream:
                    while block := stream.read(BLOCK_BYTES):
                        write(block)
            except OSError as error:
                raise _explain(error, file.path) from error

        await asyncio.to_thread(copy)


def _explain(error: OSError, path: str) -> CommsArchiveError:
    """Say who must act when a file cannot be read."""
    if isinstance(error, FileNotFoundError):
        return vanished(path)
    if isinstance(error, PermissionError):
        return Fatal(f"{path}: permission denied. Let this user read it")
    return Retriable(f"{path}: cannot be read: {error.strerror or error}. Check the disk or mount")
