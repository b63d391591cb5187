"""One request after the other to an API: signed in, at the pace that it asks for, within bounds."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import BinaryIO, NoReturn, Self, TypeAlias, TypeVar

import aiohttp
from yarl import URL

from include.commsarchive.collect.api_errors import LATER, heard, let_go, refusal, unreachable
from include.commsarchive.collect.api_proof import Proof
from include.commsarchive.collect.api_settings import ApiSettings
from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.proxy import proxy_for
from include.commsarchive.trust import trusted

TRIES = 5
"""Times that a page is asked for, in all."""
LONGEST_WAIT = 60.0
"""Seconds. A longer one is Airflow's to wait: no worker is held, and the day is asked for anew."""
MAX_PAGE = 64 * 1024 * 1024
"""Bytes of one page, unpacked."""
_TIMEOUT = aiohttp.ClientTimeout(total=600, sock_connect=30, sock_read=60)
_LARGE = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=60)
_BLOCK = 256 * 1024
_WITHOUT = frozenset(range(400, 500)) - LATER
"""What an answer without the file may be."""

_ENCODED = re.compile(r"[!#-;=?-Z\[\]_a-z~]*")
"""An address as RFC 3986 has it: as it stands, since a signature may be of its very letters."""
_NOT_TAKEN = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}

Sleep = Callable[[float], Awaitable[None]]
Got = TypeVar("Got")
Take: TypeAlias = Callable[[aiohttp.ClientResponse], Awaitable[Got]]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: an address, and JSON to POST to it or None."""

    url: URL
    body: bytes | None = None
    what: str = ""
    """How errors call it, where its address is content."""
    timeout: aiohttp.ClientTimeout = _TIMEOUT

    @property
    def verb(self) -> str:
        """The method."""
        return "GET" if self.body is None else "POST"


@dataclass(frozen=True, slots=True)
class _Refusal:
    status: int
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """A page: its bytes, its headers, and the next one's address where `Link` (RFC 8288) states it."""

    body: bytes
    headers: Mapping[str, str]
    link: URL | None


class ApiSession:
    """An open session; `close` ends it.

    ``requests`` counts what was asked for, sign-ins apart; ``again`` those that were asked once more.
    """

    def __init__(self, settings: ApiSettings, headers: Mapping[str, str], proof: Proof, sleep: Sleep) -> None:
        """Open it; nothing is asked yet. Call it where an event loop runs.

        Raises:
            Fatal: the connection names no file of certificates.
        """
        self._settings, self._proof, self._sleep = settings, proof, sleep
        self._origin = URL(settings.base).origin()
        self.requests = self.again = 0
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trusted(settings.place, "verify", settings.verify)),
            timeout=_TIMEOUT,
            headers={"Accept": "application/json", **headers},
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    @classmethod
    async def signed_in(
        cls, settings: ApiSettings, headers: Mapping[str, str], proof: Proof, sleep: Sleep
    ) -> Self:
        """Open one, and sign in where there is a sign-in.

        Raises:
            Fatal: we are refused, what is given is no token, or the connection names no file of certificates.
            Retriable: the sign-in cannot be reached or is busy.
        """
        session = cls(settings, headers, proof, sleep)
        try:
            await proof.headers(session._http)
        except BaseException:
            await session.close()
            raise
        return session

    async def close(self) -> None:
        """Hang up."""
        await self._http.close()

    async def page(self, request: Request, is_whole: Callable[[Answer], bool]) -> Answer:
        """Get a page; one that is not whole is asked for again, and in the end taken as it is.

        Raises:
            Fatal: the API refuses us.
            Retriable: it cannot be reached, or asks for a long wait.
        """

        async def take(got: aiohttp.ClientResponse) -> Answer:
            return await _answer(got, self._place(request))

        async def ask() -> Answer:
            answer = await self._ask(request, take)
            return answer if isinstance(answer, Answer) else _raise(answer, self._place(request))

        return await self._patiently(ask, is_whole)

    async def file(self, url: URL, sink: BinaryIO, largest: int) -> str:
        """Get a file into a sink that can begin anew; give why there is none to be had, or ``""``.

        Where the API leads to another address for it, our proof goes there on its own host only.

        Raises:
            Fatal: the API does not know us, or leads astray.
            Retriable: it cannot be reached, or asks for a long wait.
        """
        request = Request(url, what="a file")

        async def take(got: aiohttp.ClientResponse) -> str:
            sink.seek(0)
            sink.truncate()
            async for block in got.content.iter_chunked(_BLOCK):
                if sink.tell() + len(block) > largest:
                    return f"larger than {largest:,} bytes"
                sink.write(block)
            return ""

        async def ask() -> str:
            answer, where = await self._ask(request, take), url
            if isinstance(answer, _Refusal) and (led := _led_to(url, answer)):
                where = led
                answer = await self._ask(Request(where, what="a file"), take)
            refused = answer.status if isinstance(answer, _Refusal) else 0
            if refused in _WITHOUT and not (self._is_own(where) and refused == HTTPStatus.UNAUTHORIZED):
                return f"answers {refused}"
            return answer if isinstance(answer, str) else _raise(answer, self._place(request))

        return await self._patiently(ask, lambda _: True)

    async def lead(self, request: Request, stated: Callable[[Answer], str]) -> URL:
        """Ask where a file is: where a redirect leads, or at the address that an answer states.

        Raises:
            Fatal: the API refuses us, there is no such file (`Absent`), or it leads astray.
            Retriable: it cannot be reached, or asks for a long wait.
        """

        async def take(got: aiohttp.ClientResponse) -> str:
            return stated(await _answer(got, self._place(request)))

        async def ask() -> URL:
            answer = await self._ask(request, take)
            if isinstance(answer, str):
                answer = _Refusal(HTTPStatus.FOUND, {"Location": answer})
            return _led_to(request.url, answer) or _raise(answer, self._place(request))

        return await self._patiently(ask, lambda _: True)

    async def pour(self, request: Request, write: Callable[[bytes], None]) -> None:
        """Hand a large file's bytes on, in order and as they come. It is asked for once.

        Raises:
            Fatal: we are refused, or there is no such file (`Absent`).
            Retriable: it cannot be reached, breaks off, or another host does not take our link.
        """

        async def take(got: aiohttp.ClientResponse) -> None:
            async for block in got.content.iter_chunked(_BLOCK):
                write(block)

        answer = await self._ask(replace(request, timeout=_LARGE), take)
        if not isinstance(answer, _Refusal):
            return
        if answer.status in _NOT_TAKEN and not self._is_own(request.url):
            raise Retriable(
                f"{self._place(request)}: answers {answer.status} to the link. The next try gets another one"
            )
        _raise(answer, self._place(request))

    async def _patiently(self, ask: Callable[[], Awaitable[Got]], is_good: Callable[[Got], bool]) -> Got:
        for left in reversed(range(TRIES)):
            wait = 2.0 ** (TRIES - left - 1)
            try:
                answer = await ask()
            except Retriable as error:
                wait = wait if error.retry_after is None else error.retry_after
                if not left or wait > LONGEST_WAIT:
                    raise
            else:
                if not left or is_good(answer):
                    return answer
            await self._sleep(wait)
            self.again += 1
        raise AssertionError

    async def _ask(self, request: Request, take: Take[Got]) -> Got | _Refusal:
        """Send a request; our proof goes to our own host only."""
        if not self._is_own(request.url):
            return await self._send(request, {}, take)
        answer = await self._send(request, await self._proof.headers(self._http), take)
        unauthorized = isinstance(answer, _Refusal) and answer.status == HTTPStatus.UNAUTHORIZED
        if unauthorized and self._proof.forget():
            self.again += 1
            answer = await self._send(request, await self._proof.headers(self._http), take)
        return answer

    def _is_own(self, url: URL) -> bool:
        return url.origin() == self._origin

    async def _send(self, request: Request, proof: Mapping[str, str], take: Take[Got]) -> Got | _Refusal:
        content = {} if request.body is None else {"Content-Type": "application/json"}
        self.requests += 1
        try:
            async with self._http.request(
                request.verb,
                request.url,
                data=request.body,
                headers={**proof, **content},
                timeout=request.timeout,
                proxy=proxy_for(str(request.url)),
                allow_redirects=False,
            ) as got:
                with heard(got):
                    if got.status == HTTPStatus.OK:
                        return await take(got)
                    await let_go(got)
                    return _Refusal(got.status, got.headers)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(self._place(request), error) from error

    def _place(self, request: Request) -> str:
        return f"{self._settings.place}: {request.verb} {request.what or request.url.path}"


async def _answer(got: aiohttp.ClientResponse, place: str) -> Answer:
    following = got.links.get("next")
    return Answer(await _body(got, place), got.headers, URL(following["url"]) if following else None)


async def _body(got: aiohttp.ClientResponse, place: str) -> bytes:
    blocks, size = [], 0
    async for block in got.content.iter_chunked(_BLOCK):
        blocks.append(block)
        size += len(block)
        if size > MAX_PAGE:
            raise Fatal(f"{place}: a page is larger than {MAX_PAGE} bytes. Ask for smaller pages in `query`")
    return b"".join(blocks)


def _raise(answer: _Refusal, place: str) -> NoReturn:
    raise refusal(place, answer.status, answer.headers)


def _led_to(url: URL, refusal: _Refusal) -> URL | None:
    """Give where a redirect leads to: the same host, or another one by TLS."""
    stated = refusal.headers.get("Location", "")
    if HTTPStatus.MULTIPLE_CHOICES <= refusal.status < HTTPStatus.BAD_REQUEST and stated:
        with suppress(ValueError):
            where = url.join(URL(stated, encoded=bool(_ENCODED.fullmatch(stated))))
            good = where.scheme == "https" or where.origin() == url.origin()
            return where if good and where.host and not where.user else None
    return None


async def pause(seconds: float) -> None:
    """Wait."""
    await asyncio.sleep(seconds)
