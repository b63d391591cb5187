"""A day of an API or a database as a collector sees it: one file, which is made when it is fetched."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from include.commsarchive.collect.base import RemoteFile, vanished
from include.commsarchive.collect.window import Window


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def drawn_name(connector: str, day: dt.date, *, with_files: bool = False) -> str:
    """Name the clear file that a day's records are in, alone or with the files that they name."""
    return f"{connector}.{day:%y%m%d}.{'zip' if with_files else 'jsonl'}"


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be drawn: the file's name and the window that it covers.

    A ``sample`` is its beginning only: an API's first page without files, or so many rows of a database.
    """

    name: str
    window: Window
    now: Callable[[], dt.datetime] = _now
    sample: bool = False


class DrawnCollector:
    """A collector whose one file is there as soon as its window is over. It has no size before it is made."""

    def __init__(self, draft: Draft) -> None:
        """Keep what is to be drawn."""
        self._draft = draft

    async def __aenter__(self) -> Self:
        return self

    async def listing(self, folder: str) -> list[RemoteFile]:
        """List the day's file once the day is over, as changed at the window's end; there are no folders."""
        del folder
        draft = self._draft
        if draft.now() < draft.window.end:
            return []
        return [RemoteFile(draft.name, draft.name, 0, int(draft.window.end.timestamp()))]

    async def read(self, path: str, limit: int) -> bytes:
        """Read a small file: there is none.

        Raises:
            Retriable: always.
        """
        del limit
        raise vanished(path)

    async def _check(self, file: RemoteFile) -> None:
        """Refuse another day's file.

        Raises:
            Retriable: it is not the one that is listed.
        """
        if file not in await self.listing("."):
            raise vanished(file.path)
