"""Collect from an HTTPS API: all pages of a day's window, kept as they came (see `pages`)."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from yarl import URL

from include.commsarchive.collect.api_rules import Api, filled
from include.commsarchive.collect.api_session import Answer, ApiSession, Sleep, pause
from include.commsarchive.collect.api_settings import ApiSettings
from include.commsarchive.collect.base import Fetched, RemoteFile
from include.commsarchive.collect.drawn import Draft, DrawnCollector
from include.commsarchive.collect.pages import pages_into, records_of, value_at
from include.commsarchive.errors import Fatal
from include.commsarchive.landing import Landing


class ApiCollector(DrawnCollector):
    """An API's pages of one window. A fetch that broke off starts again from nothing: cursors expire."""

    def __init__(self, settings: ApiSettings, api: Api, draft: Draft, sleep: Sleep = pause) -> None:
        """Keep the settings; entering signs in."""
        super().__init__(draft)
        self._settings, self._api, self._sleep = settings, api, sleep

    async def __aenter__(self) -> Self:
        """Sign in, where there is a sign-in.

        Raises:
            Fatal: id or secret is refused.
            Retriable: the sign-in cannot be reached.
        """
        self._session = ApiSession(self._settings, self._api.headers, self._sleep)
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

    async def fetch(self, file: RemoteFile, target: Path) -> Fetched:
        """Get all pages; one that stays unreadable is the last, and is kept for whoever unfolds them.

        Raises:
            Retriable: the API cannot be reached, or asks for a long wait.
            Fatal: it refuses us, or its pages go round in a circle.
        """
        await self._check(file)
        texts = self._draft.window.texts()
        asked = {"from": texts["from"], "to": texts["to"], "path": filled(self._api.path, texts)}
        with Landing(target) as landing:
            with pages_into(landing.write, asked) as add:
                async for body in self._pages():
                    add(body)
            landing.settle()
            return Fetched(landing.size, landing.sha256)

    async def _pages(self) -> AsyncIterator[bytes]:
        url: URL | None = self._first()
        seen = set[bytes]()
        while url:
            answer = await self._session.page(url, self._is_whole)
            yield answer.body
            if not self._is_whole(answer):
                return
            following = self._next(url, answer)
            self._refuse_circles(seen, str(following), answer)
            url = following

    def _first(self) -> URL:
        api, words = self._api, self._draft.window.texts()
        url = URL(self._settings.base + filled(api.path, words))
        query = {name: filled(value, words) for name, value in api.query.items()}
        if api.paging.kind == "page_number":
            query[api.paging.parameter] = str(api.paging.first)
        return url.update_query(query)

    def _is_whole(self, answer: Answer) -> bool:
        """Say whether a page's records and what leads to the next page can be read."""
        with suppress(ValueError):
            records_of(answer.body, self._api.items)
            self._stated(answer)
            return True
        return False

    def _next(self, url: URL, answer: Answer) -> URL | None:
        paging = self._api.paging
        if paging.kind == "page_number":
            number = int(url.query[paging.parameter]) + 1
            return url.update_query({paging.parameter: str(number)}) if self._count(answer) else None
        if paging.kind == "link_header":
            following = answer.link
        elif stated := self._stated(answer):
            at_cursor = paging.kind == "cursor"
            following = url.update_query({paging.parameter: stated}) if at_cursor else URL(stated)
        else:
            return None
        if following is None:
            return None
        following = url.join(following)
        if following.origin() != url.origin():
            raise Fatal(
                f"{self._settings.place}: its next page is said to be at {following.host}. Our token is not "
                "shown to another host: ask the vendor, then write that host into the connection"
            )
        return following

    def _stated(self, answer: Answer) -> str:
        """Give the next address or cursor as the page states it; empty at the last.

        Raises:
            ValueError: it is neither text nor number, or is to be an address and is none.
        """
        field = self._api.paging.field
        found = value_at(answer.body, field) if field else None
        value: Any = msgspec.json.decode(found, type=str | int | bool | None) if found else None
        stated = "" if value is None or isinstance(value, bool) else str(value)
        if self._api.paging.kind == "next_url":
            URL(stated)
        return stated

    def _count(self, answer: Answer) -> int:
        return len(records_of(answer.body, self._api.items))

    def _refuse_circles(self, seen: set[bytes], following: str, answer: Answer) -> None:
        """Stop where a page leads back to an earlier one, or numbers are not listened to."""
        marks = [following.encode()]
        if self._api.paging.kind == "page_number" and self._count(answer):
            marks.append(answer.body)
        for mark in (hashlib.sha256(one).digest() for one in marks):
            if mark in seen:
                raise Fatal(
                    f"{self._settings.place}: its pages go round in a circle. Mend `collect.api.paging`"
                )
            seen.add(mark)
