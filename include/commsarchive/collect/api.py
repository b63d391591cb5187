"""Collect from an HTTPS API: all pages of a day's window, kept as they came (see `pages`)."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import msgspec
from yarl import URL

from include.commsarchive.collect.api_proof import proof_of
from include.commsarchive.collect.api_rules import Api, Attachments, filled, filled_body
from include.commsarchive.collect.api_session import Answer, ApiSession, Request, Sleep, pause
from include.commsarchive.collect.api_settings import ApiSettings
from include.commsarchive.collect.base import Fetched, RemoteFile
from include.commsarchive.collect.drawn import Draft, DrawnCollector
from include.commsarchive.collect.pages import Evidence, links_of, pages_into, records_of, value_at
from include.commsarchive.errors import Fatal
from include.commsarchive.landing import Landing

MIB = 1024 * 1024
_log = logging.getLogger(__name__)


class ApiCollector(DrawnCollector):
    """An API's pages of one window. A fetch that broke off starts again from nothing: cursors expire."""

    def __init__(self, settings: ApiSettings, api: Api, draft: Draft, sleep: Sleep = pause) -> None:
        """Keep the settings; entering signs in."""
        super().__init__(draft)
        self._settings, self._api, self._sleep = settings, api, sleep
        self._number = 0

    async def __aenter__(self) -> Self:
        """Sign in, where there is a sign-in.

        Raises:
            Fatal: id or secret is refused.
            Retriable: the sign-in cannot be reached.
        """
        api = self._api
        proof = proof_of(self._settings, api.secret_headers)
        self._session = await ApiSession.signed_in(self._settings, api.headers, proof, self._sleep)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        await self._session.close()

    async def fetch(self, file: RemoteFile, target: Path) -> Fetched:
        """Get all pages and the files that their records name; of a sample the first page alone.

        A page that stays unreadable is the last, and is kept for whoever unfolds them.

        Raises:
            Retriable: the API cannot be reached, or asks for a long wait.
            Fatal: it refuses us, or its pages go round in a circle.
        """
        await self._check(file)
        texts = self._draft.window.texts()
        asked = {"from": texts["from"], "to": texts["to"], "path": filled(self._api.path, texts)}
        with Landing(target) as landing:
            with pages_into(landing.write, asked) as evidence:
                async for url, body in self._pages():
                    evidence.page(body)
                    await self._files(url, body, evidence, target.parent)
            self._tell(evidence)
            landing.settle()
            return Fetched(landing.size, landing.sha256)

    async def _files(self, page: URL, body: bytes, evidence: Evidence, beside: Path) -> None:
        """Get the files that a page's records name; of one that is not to be had, why is kept."""
        rules = self._api.attachments
        if rules is None or self._draft.sample:
            return
        for link in links_of(body, self._api.items, rules.links):
            if link in evidence.files:
                continue
            url = self._address(page, link, rules)
            if url is None:
                evidence.lacks(link, "is on another host, where our token does not go")
                continue
            with tempfile.TemporaryFile(dir=beside) as file:
                if why := await self._session.file(url, file, rules.max_mib * MIB):
                    evidence.lacks(link, why)
                else:
                    evidence.file(link, file)

    def _tell(self, evidence: Evidence) -> None:
        """Log what was asked for, and which files are missing."""
        _log.info(
            "%s: %d pages, by %d requests; %d of them asked again",
            self._draft.name,
            len(evidence.pages),
            self._session.requests,
            self._session.again,
        )
        why = Counter(one["missing"] for one in evidence.files.values() if "missing" in one)
        if why:
            _log.warning(
                "%s: %d of %d files that records name are missing (%s); the manifest says which",
                self._draft.name,
                why.total(),
                len(evidence.files),
                "; ".join(f"{one}: {count}" for one, count in why.items()),
            )

    def _address(self, page: URL, link: str, rules: Attachments) -> URL | None:
        """Say where a file is; None where that is not the API's own host."""
        try:
            stated = rules.address.replace("{link}", quote(link, safe="")) if rules.address else link
            base = self._settings.base if rules.address else ""
            url = page.join(URL(base + stated, encoded=bool(rules.address)))
            return url if url.origin() == page.origin() else None
        except ValueError:
            return None

    async def _pages(self) -> AsyncIterator[tuple[URL, bytes]]:
        request: Request | None = self._first()
        seen = set[bytes]()
        while request:
            answer = await self._session.page(request, self._is_whole)
            yield request.url, answer.body
            if self._draft.sample or not self._is_whole(answer):
                return
            following = self._next(request, answer)
            self._refuse_circles(seen, following, answer)
            request = following

    def _first(self) -> Request:
        api, words = self._api, self._draft.window.texts()
        url = URL(self._settings.base + filled(api.path, words))
        url = url.update_query({name: filled(value, words) for name, value in api.query.items()})
        body = None if api.body is None else msgspec.json.encode(filled_body(api.body, words))
        if api.paging.kind == "page_number":
            return self._turned(Request(url, body), api.paging.first)
        return Request(url, body)

    def _turned(self, request: Request, to: str | int) -> Request:
        """Put a cursor or page number where the API wants it: in the query, or in the body."""
        name = self._api.paging.parameter
        if request.body is None:
            return replace(request, url=request.url.update_query({name: str(to)}))
        body: dict[str, Any] = msgspec.json.decode(request.body)
        *path, last = name.split("/")
        place = body
        for step in path:
            place = place.setdefault(step, {})
        place[last] = to
        return replace(request, body=msgspec.json.encode(body))

    def _is_whole(self, answer: Answer) -> bool:
        """Say whether a page's records and what leads to the next page can be read."""
        with suppress(ValueError):
            records_of(answer.body, self._api.items)
            self._stated(answer)
            return True
        return False

    def _next(self, request: Request, answer: Answer) -> Request | None:
        paging, stated = self._api.paging, self._stated(answer)
        if paging.kind == "page_number":
            self._number += 1
            return self._turned(request, paging.first + self._number) if self._count(answer) else None
        if paging.kind == "cursor":
            return self._turned(request, stated) if stated != "" else None
        following = answer.link if paging.kind == "link_header" else URL(str(stated))
        if not following:
            return None
        following = request.url.join(following)
        if following.origin() != request.url.origin():
            raise Fatal(
                f"{self._settings.place}: its next page is said to be at {following.host}. Our token is not "
                "shown to another host: ask the vendor, then write that host into the connection"
            )
        return replace(request, url=following)

    def _stated(self, answer: Answer) -> str | int:
        """Give the next address or cursor as the page states it; empty at the last.

        Raises:
            ValueError: it is neither text nor number, or is to be an address and is none.
        """
        field = self._api.paging.field
        found = value_at(answer.body, field) if field else None
        value: Any = msgspec.json.decode(found, type=str | int | bool | None) if found else None
        stated: str | int = "" if value is None or isinstance(value, bool) else value
        if self._api.paging.kind == "next_url":
            URL(str(stated))
        return stated

    def _count(self, answer: Answer) -> int:
        return len(records_of(answer.body, self._api.items))

    def _refuse_circles(self, seen: set[bytes], following: Request | None, answer: Answer) -> None:
        """Stop where a page leads back to an earlier one, or numbers are not listened to."""
        marks = [f"{following.url}\n".encode() + (following.body or b"")] if following else []
        if self._api.paging.kind == "page_number" and self._count(answer):
            marks.append(answer.body)
        for mark in (hashlib.sha256(one).digest() for one in marks):
            if mark in seen:
                raise Fatal(
                    f"{self._settings.place}: its pages go round in a circle. Mend `collect.api.paging`"
                )
            seen.add(mark)
