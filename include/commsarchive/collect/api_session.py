"""One request after the other to an API: signed in, at the pace that it asks for, within bounds."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, BinaryIO, NoReturn, TypeAlias, TypeVar

import aiohttp
from yarl import URL

from include.commsarchive.collect.api_settings import ApiSettings
from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.retry_after import retry_after
from include.commsarchive.trust import trusted

TRIES = 5
"""Times that a page is asked for, in all."""
LONGEST_WAIT = 60.0
"""Seconds. A longer one is Airflow's to wait: no worker is held, and the day is asked for anew."""
MAX_PAGE = 64 * 1024 * 1024
"""Bytes of one page, unpacked."""
_EARLY = 60.0
"""Seconds before its end at which a token is not used any more."""
_TIMEOUT = aiohttp.ClientTimeout(total=600, sock_connect=30, sock_read=60)

_BLOCK = 256 * 1024
_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_WITHOUT = frozenset(range(400, 500)) - _LATER
"""What an answer without the file may be."""

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
    """A page: its bytes, and the next one's address where the header `Link` (RFC 8288) states it."""

    body: bytes
    link: URL | None


class ApiSession:
    """An open session; `close` ends it."""

    def __init__(
        self, settings: ApiSettings, headers: Mapping[str, str], secret: tuple[str, ...], sleep: Sleep
    ) -> None:
        """Open it; nothing is asked yet. Call it where an event loop runs.

        Raises:
            Fatal: the connection lacks the value of a secret header, or names no file of certificates.
        """
        self._settings = settings
        self._secret_headers = settings.secret_headers(secret)
        self._sleep = sleep
        self._token, self._good_until = "", 0.0
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trusted(settings.place, "verify", settings.verify)),
            timeout=_TIMEOUT,
            headers={"Accept": "application/json", **headers},
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Hang up."""
        await self._http.close()

    async def sign_in(self) -> str:
        """Give the header that proves who we are, with a token that is good for a while; ``""``: no such.

        Raises:
            Fatal: id or secret is refused, or what is given is no token.
            Retriable: the sign-in cannot be reached or is busy.
        """
        told = self._settings
        if not told.token_url:
            return _basic(told) if told.login else f"Bearer {told.password}" if told.password else ""
        if not self._token or time.monotonic() >= self._good_until:
            self._token, self._good_until = await self._new_token()
        return f"Bearer {self._token}"

    async def page(self, request: Request, is_whole: Callable[[Answer], bool]) -> Answer:
        """Get a page; one that is not whole is asked for again, and in the end taken as it is.

        Raises:
            Fatal: the API refuses us.
            Retriable: it cannot be reached, or asks for a long wait.
        """

        async def take(got: aiohttp.ClientResponse) -> Answer:
            following = got.links.get("next")
            return Answer(
                await _body(got, self._place(request)), URL(following["url"]) if following else None
            )

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
            answer, known = await self._ask(request, take), True
            if isinstance(answer, _Refusal) and (where := _led_to(url, answer)):
                there, known = Request(where, what="a file"), where.origin() == url.origin()
                answer = await (self._ask(there, take) if known else self._send(there, {}, take))
            refused = answer.status if isinstance(answer, _Refusal) else 0
            if refused in _WITHOUT and not (known and refused == HTTPStatus.UNAUTHORIZED):
                return f"answers {refused}"
            return answer if isinstance(answer, str) else _raise(answer, self._place(request))

        return await self._patiently(ask, lambda _: True)

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
        raise AssertionError

    async def _ask(self, request: Request, take: Take[Got]) -> Got | _Refusal:
        answer = await self._send(request, await self._proof(), take)
        unauthorized = isinstance(answer, _Refusal) and answer.status == HTTPStatus.UNAUTHORIZED
        if unauthorized and self._settings.token_url:
            self._token = ""
            answer = await self._send(request, await self._proof(), take)
        return answer

    async def _proof(self) -> dict[str, str]:
        proof = await self.sign_in()
        return {**self._secret_headers, **({"Authorization": proof} if proof else {})}

    async def _send(self, request: Request, proof: Mapping[str, str], take: Take[Got]) -> Got | _Refusal:
        content = {} if request.body is None else {"Content-Type": "application/json"}
        try:
            async with self._http.request(
                request.verb,
                request.url,
                data=request.body,
                headers={**proof, **content},
                allow_redirects=False,
            ) as got:
                return await take(got) if got.status == HTTPStatus.OK else _Refusal(got.status, got.headers)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(self._place(request), error) from error

    def _place(self, request: Request) -> str:
        return f"{self._settings.place}: {request.verb} {request.what or request.url.path}"

    async def _new_token(self) -> tuple[str, float]:
        told, place = self._settings, f"{self._settings.place}: signing in"
        form = {"grant_type": "client_credentials", **told.token_form}
        headers = {}
        if told.token_in_body:
            form |= {"client_id": told.login, "client_secret": told.password}
        else:
            headers["Authorization"] = _basic(told)
        asked = time.monotonic()
        try:
            async with self._http.post(
                told.token_url, data=form, headers=headers, allow_redirects=False
            ) as got:
                if got.status != HTTPStatus.OK:
                    raise _refusal(place, got.status, got.headers)
                answer: Any = await got.json(content_type=None)
            return str(answer["access_token"]), asked + float(answer.get("expires_in") or 3600) - _EARLY
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(place, error) from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Fatal(f"{place}: the answer holds no token. Mend extra `token_url`") from error


async def _body(got: aiohttp.ClientResponse, place: str) -> bytes:
    blocks, size = [], 0
    async for block in got.content.iter_chunked(_BLOCK):
        blocks.append(block)
        size += len(block)
        if size > MAX_PAGE:
            raise Fatal(f"{place}: a page is larger than {MAX_PAGE} bytes. Ask for smaller pages in `query`")
    return b"".join(blocks)


def _basic(told: ApiSettings) -> str:
    return f"Basic {base64.b64encode(f'{told.login}:{told.password}'.encode()).decode()}"


def _unreachable(place: str, error: Exception) -> Fatal | Retriable:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return Fatal(
            f"{place}: the server's certificate is not trusted. Check the host, or set extra `verify`"
        )
    what = "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
    return Retriable(f"{place}: {what}. Check host, port and firewall")


def _raise(refusal: _Refusal, place: str) -> NoReturn:
    raise _refusal(place, refusal.status, refusal.headers)


def _led_to(url: URL, refusal: _Refusal) -> URL | None:
    """Give where a redirect leads to: the same host, or another one by TLS."""
    stated = refusal.headers.get("Location", "")
    if HTTPStatus.MULTIPLE_CHOICES <= refusal.status < HTTPStatus.BAD_REQUEST and stated:
        with suppress(ValueError):
            where = url.join(URL(stated))
            good = where.scheme == "https" or where.origin() == url.origin()
            return where if good and where.host and not where.user else None
    return None


def _refusal(place: str, status: int, headers: Mapping[str, str]) -> Fatal | Retriable:
    """Say who must act. An answer's text may hold content and is not told."""
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        wait = retry_after(headers)
        return Retriable(f"{place}: answers {status}. It is asked again later", retry_after=wait)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Fatal(
            f"{place}: answers {status}. Check login, password or token, and what they are allowed to read"
        )
    if status < HTTPStatus.BAD_REQUEST:
        return Fatal(f"{place}: answers {status}, not a page. Write the address that it leads to as the host")
    return Fatal(f"{place}: answers {status}. Mend `collect.api`, or the connection's host")


async def pause(seconds: float) -> None:
    """Wait."""
    await asyncio.sleep(seconds)
