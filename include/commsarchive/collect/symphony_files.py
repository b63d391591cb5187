"""Collect content exports by Symphony's Files API 1.0.1 (finos/symphony-api-spec), as from a folder.

The hash that the pod states of a file is listed as a file beside it, ``<name>.sha256``: what does not have it
is set aside like any other file with a wrong checksum.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import msgspec
from yarl import URL

from include.commsarchive.collect.api_errors import Absent
from include.commsarchive.collect.api_proof import Token
from include.commsarchive.collect.api_session import Answer, ApiSession, Request, Sleep, pause
from include.commsarchive.collect.base import Fetched, RemoteFile, land, no_folder, too_large, vanished
from include.commsarchive.collect.symphony_settings import SymphonySettings
from include.commsarchive.errors import Fatal, Retriable

PAGE = 100
"""Files of one answer; the API gives no more."""
_EARLIEST = dt.timedelta(days=1)
"""An export of a day is made that day or later; the pod's day may begin before ours."""
_HASH = "sha256 of "


class _File(msgspec.Struct, rename="camel"):
    id: str
    name: str
    size: int
    upload_time: dt.datetime
    integrity_hash: str = ""


class _Leading(msgspec.Struct, rename="camel"):
    signed_url: str


class SymphonyFiles:
    """Exports that were uploaded since the day before ``day``. A file's path is its id."""

    def __init__(self, settings: SymphonySettings, day: dt.date, sleep: Sleep = pause) -> None:
        """Keep the settings; entering signs in."""
        self._settings, self._sleep = settings, sleep
        self._after = f"{day - _EARLIEST}T00:00:00Z"

    async def __aenter__(self) -> Self:
        """Sign in.

        Raises:
            Fatal: account or key is refused.
            Retriable: the pod cannot be reached.
        """
        told = self._settings
        self._session = ApiSession(told.at, {}, Token(told.renew, {}), self._sleep)
        try:
            await self._session.sign_in()
        except BaseException:
            await self._session.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        await self._session.close()

    async def listing(self, folder: str) -> list[RemoteFile]:
        """List the exports and what is stated of their hashes, by name; there are no folders but ``.``.

        Raises:
            Retriable: the list changed while it was read.
        """
        if folder != ".":
            raise no_folder(folder)
        found: dict[str, _File] = {}
        for number in itertools.count(1):
            page, total = await self._page(number)
            found |= {one.id: one for one in page}
            if not page:
                break
        if total and len(found) != total:
            raise Retriable(
                f"{self._settings.at.place}: states {total} files and lists {len(found)}: the list changed "
                "while it was read. It is read again on the next try"
            )
        return sorted(self._told(list(found.values())), key=lambda file: file.name)

    async def read(self, path: str, limit: int) -> bytes:
        """Read a small file whole."""
        blocks: list[bytes] = []
        file = await self._state(path)
        if file.size > limit:
            raise too_large(path, limit)
        await self._pour(file, blocks.append)
        return b"".join(blocks)

    async def fetch(self, file: RemoteFile, target: Path) -> Fetched:
        """Bring a file here."""
        return await land(file, target, self._state, self._pour)

    async def _page(self, number: int) -> tuple[list[_File], int]:
        """Give a page, oldest first so that new files come last, and how many files there are in all."""
        asked = {"sortBy": "uploadTime", "sortOrder": "asc", "upload-after": self._after}
        request = self._request("", **asked, page=str(number), pageSize=str(PAGE))
        answer = await self._session.page(request, lambda got: _as(list[_File], got) is not None)
        total = answer.headers.get("X-Total-Count", "")
        return self._understood(list[_File], answer), int(total) if total.isdecimal() else 0

    def _told(self, files: list[_File]) -> list[RemoteFile]:
        named: dict[str, _File] = {}
        for file in files:
            if Path(file.name).name != file.name or "\0" in file.name:
                raise Fatal(f"{self._settings.at.place}: file {file.id} has a path for a name. Ask Symphony")
            other = named.setdefault(file.name, file)
            if (other.size, other.integrity_hash) != (file.size, file.integrity_hash):
                raise Fatal(
                    f"{self._settings.at.place}: {file.name} is there twice, as {other.id} and {file.id}, "
                    "with different content. Ask Symphony which one is right, and to delete the other"
                )
        return [told for file in named.values() for told in _seen(file)]

    async def _state(self, path: str) -> RemoteFile:
        for one in _seen(await self._metadata(path)):
            if one.path == path:
                return one
        raise vanished(path)

    async def _metadata(self, path: str) -> _File:
        request = self._request(f"{quote(path.removeprefix(_HASH), safe='')}/metadata")
        try:
            answer = await self._session.page(request, lambda got: _as(_File, got) is not None)
        except Absent as error:
            raise vanished(path) from error
        file: _File = self._understood(_File, answer)
        return file

    async def _pour(self, file: RemoteFile, write: Callable[[bytes], None]) -> None:
        if file.path.startswith(_HASH):
            write((await self._metadata(file.path)).integrity_hash.encode())
            return

        def stated(answer: Answer) -> str:
            return answer.headers.get("Location") or self._understood(_Leading, answer).signed_url

        try:
            where = await self._session.lead(self._request(quote(file.path, safe="")), stated)
            await self._session.pour(Request(where, what="an export"), write)
        except Absent as error:
            raise vanished(file.path) from error

    def _request(self, path: str, **query: str) -> Request:
        url = URL(f"{self._settings.at.base}/files/v1/{path}", encoded=True)
        return Request(url.with_query(type="ContentExport", **query))

    def _understood(self, kind: type[Any], answer: Answer) -> Any:
        if (found := _as(kind, answer)) is not None:
            return found
        raise Fatal(
            f"{self._settings.at.place}: does not answer as Symphony's Files API 1.0.1, with id, name, size "
            "and time of each file. Check that the host is the pod's"
        )


def _as(kind: type[Any], answer: Answer) -> Any:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except ValueError:
        return None


def _seen(file: _File) -> list[RemoteFile]:
    """Give a file and, where its hash is stated, the checksum beside it."""
    at = file.upload_time
    changed = int((at if at.tzinfo else at.replace(tzinfo=dt.UTC)).timestamp())
    told = [RemoteFile(file.name, file.id, file.size, changed)]
    if file.integrity_hash:
        size = len(file.integrity_hash.encode())
        told.append(RemoteFile(f"{file.name}.sha256", f"{_HASH}{file.id}", size, changed))
    return told
