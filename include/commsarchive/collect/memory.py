"""A collector for tests: files in a dictionary."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from include.commsarchive.collect.base import Fetched, RemoteFile, land, no_folder, too_large, vanished


class MemoryCollector:
    """Files by path. Change ``files`` as a vendor would: what is written again has a new mtime."""

    def __init__(self) -> None:
        """Start with an empty home folder, ``.``."""
        self.files: dict[str, tuple[bytes, int]] = {}

    def put(self, path: str, content: bytes, mtime: int = 0) -> None:
        """Write a file as the vendor."""
        self.files[posixpath.normpath(path)] = (content, mtime)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    async def listing(self, folder: str) -> list[RemoteFile]:
        """List files whose path begins with the folder."""
        home = posixpath.normpath(folder)
        if home != "." and not any(path.startswith(f"{home}/") for path in self.files):
            raise no_folder(folder)
        return [
            await self._state(path) for path in sorted(self.files) if (posixpath.dirname(path) or ".") == home
        ]

    async def read(self, path: str, limit: int) -> bytes:
        """Read a small file whole."""
        content = self._content(path)[0]
        if len(content) > limit:
            raise too_large(path, limit)
        return content

    async def fetch(self, file: RemoteFile, target: Path) -> Fetched:
        """Bring a file here."""
        return await land(file, target, self._state, self._pour)

    def _content(self, path: str) -> tuple[bytes, int]:
        try:
            return self.files[posixpath.normpath(path)]
        except KeyError:
            raise vanished(path) from None

    async def _state(self, path: str) -> RemoteFile:
        content, mtime = self._content(path)
        return RemoteFile(posixpath.basename(path), path, len(content), mtime)

    async def _pour(self, file: RemoteFile, write: Callable[[bytes], None]) -> None:
        write(self._content(file.path)[0])
