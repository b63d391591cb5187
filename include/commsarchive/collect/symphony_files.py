"""Collect content exports by Symphony's Files API 1.0.1 (finos/symphony-api-spec), as from a folder.

The hash that the pod states of a file is listed as a file beside it, ``<name>.sha256``: what does not have it
is set aside like any other file with a wrong checksum.
"""

from __future__ import annotations

import datetime as dt
import itertools
import logging
import re
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
from include.commsarchive.collect.base import (
    UNFINISHED,
    Fetched,
    RemoteFile,
    land,
    no_folder,
    too_large,
    vanished,
)
from include.commsarchive.collect.symphony_settings import SymphonySettings
from include.commsarchive.errors import Fatal, Retriable

PAGE = 100
"""Files of one answer; the API gives no more."""
_EARLIEST = dt.timedelta(days=1)
"""An export of a day is made that day or later; the pod's day may begin before ours."""
_HASH = "sha256 of "
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_PLAIN = str.maketrans("/\\\0", "___")
"""A name that leads elsewhere does not."""
_log = logging.getLogger(__name__)


class _File(msgspec.Struct, frozen=True, rename="camel"):
    """What the API says of a file. It need not state more than id and name, while a file is made."""

    id: str
    name: str
    size: int | None = None
    upload_time: dt.datetime | None = None
    integrity_hash: str | None = None

    @property
    def sha256(self) -> str:
        """The hash, where it is one that we know: which it is, is not specified."""
        stated = self.integrity_hash or ""
        return stated if _SHA256.fullmatch(stated) else ""


class _Leading(msgspec.Struct, rename="camel"):
    signed_url: str


class SymphonyFiles:
    """Exports that were uploaded since the day before ``day``. A file's path is its id."""

    def __init__(self, settings: SymphonySettings, day: dt.date, sleep: Sleep = pause) -> None:
        """Keep the settings; entering signs in."""
        self._settings, self._sleep = settings, sleep
        self._place = settings.at.place
        self._after = f"{day - _EARLIEST}T00:00:00Z"

    async def __aenter__(self) -> Self:
        """Sign in.

        Raises:
            Fatal: account or key is refused.
            Retriable: the pod cannot be reached.
        """
        told = self._settings
        self._session = await ApiSession.signed_in(told.at, {}, Token(told.renew, {}), self._sleep)
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
        found, pages = await self._all()
        if pages > 1 and (await self._all())[0] != found:  # what is deleted would hide what comes after it
            raise self._changed("is another one when it is read again")
        listed = [told for file in _once(found) for told in _seen(file)]
        if unchecked := sum(file.integrity_hash != file.sha256 for file in found if file.integrity_hash):
            _log.warning("%s: %d files with a hash that is no SHA-256", self._place, unchecked)
        return sorted(listed, key=lambda file: file.name)

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

    async def _all(self) -> tuple[list[_File], int]:
        """Give all files, oldest first so that new ones come last, and how many pages they were on."""
        found: dict[str, _File] = {}
        for number in itertools.count(1):
            page, total = await self._page(number)
            before = len(found)
            found |= {one.id: one for one in page}
            if len(page) < PAGE or len(found) == total:
                break
            if len(found) == before:
                raise self._changed(f"has the same files on pages {number - 1} and {number}")
        if total is not None and len(found) != total:
            raise self._changed(f"states {total} files and has {len(found)}")
        return list(found.values()), number

    async def _page(self, number: int) -> tuple[list[_File], int | None]:
        asked = {"sortBy": "uploadTime", "sortOrder": "asc", "upload-after": self._after}
        request = self._request("", **asked, page=str(number), pageSize=str(PAGE))
        try:
            answer = await self._session.page(request, lambda got: _as(list[_File], got) is not None)
        except Absent as error:
            raise Fatal(
                f"{self._place}: there is no Files API. Check that the host is the pod's, and ask Symphony "
                "to enable it"
            ) from error
        total = answer.headers.get("X-Total-Count", "")
        return self._understood(list[_File], answer), int(total) if total.isdecimal() else None

    def _changed(self, how: str) -> Retriable:
        return Retriable(f"{self._place}: its list {how}: it changed meanwhile. The next try reads it again")

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
            write((await self._metadata(file.path)).sha256.encode())
            return
        came = 0

        def bounded(block: bytes) -> None:
            nonlocal came
            came += len(block)
            if came > file.size:
                raise Retriable(f"{file.name}: larger than the {file.size} bytes that the pod states")
            write(block)

        def stated(answer: Answer) -> str:
            return answer.headers.get("Location") or self._understood(_Leading, answer).signed_url

        try:
            where = await self._session.lead(self._request(quote(file.path, safe="")), stated)
            await self._session.pour(Request(where, what=f"an export at {where.host}"), bounded)
        except Absent as error:
            raise vanished(file.path) from error

    def _request(self, path: str, **query: str) -> Request:
        url = URL(f"{self._settings.at.base}/files/v1/{path}", encoded=True)
        return Request(url.with_query(type="ContentExport", **query))

    def _understood(self, kind: type[Any], answer: Answer) -> Any:
        if (found := _as(kind, answer)) is not None:
            return found
        raise Fatal(
            f"{self._place}: does not answer as Symphony's Files API 1.0.1. Check that the host is the pod's"
        )


def _as(kind: type[Any], answer: Answer) -> Any:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except ValueError:
        return None


def _once(files: list[_File]) -> list[_File]:
    """Leave out what is there a second time by name, size and hash: the same bytes."""
    seen = {(one.name, one.size, one.sha256 or one.id): one for one in reversed(files)}
    return list(seen.values())


def _seen(file: _File) -> list[RemoteFile]:
    """Give a file and, where its hash is stated, the checksum beside it."""
    at, name = file.upload_time, file.name.translate(_PLAIN)
    if at is None or file.size is None:
        return [RemoteFile(name, file.id, UNFINISHED, 0)]
    changed = int((at if at.tzinfo else at.replace(tzinfo=dt.UTC)).timestamp())
    told = [RemoteFile(name, file.id, file.size, changed)]
    if file.sha256:
        told.append(RemoteFile(f"{name}.sha256", f"{_HASH}{file.id}", len(file.sha256), changed))
    return told
