"""Who must act when an API does not give what was asked for. Its answers may hold content: none is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus

import aiohttp

from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.retry_after import retry_after

LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
"""What it may answer below 500 that is to be asked for again."""

_BLOCK = 256 * 1024
_COURTESY = 5.0
"""Seconds."""


@contextmanager
def heard(got: aiohttp.ClientResponse) -> Iterator[None]:
    """Hang up at once where an answer is not heard to its end: TLS would wait for a server's good-bye."""
    connection = got.connection
    try:
        yield
    finally:
        if connection and connection.transport and not got.content.at_eof():
            connection.transport.abort()


async def let_go(got: aiohttp.ClientResponse) -> None:
    """Read what there is of a refusal, so that its connection can be used again."""
    with suppress(aiohttp.ClientError, TimeoutError, OSError):
        async with asyncio.timeout(_COURTESY):
            await got.content.read(_BLOCK)


class Absent(Fatal):
    """There is nothing at this address."""


def unreachable(place: str, error: Exception) -> Fatal | Retriable:
    """Say why no answer came."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return Fatal(
            f"{place}: the server's certificate is not trusted. Check the host, or set extra `verify`"
        )
    if isinstance(error, aiohttp.ClientHttpProxyError) and error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Fatal(f"{place}: the proxy answers {error.status}. Check HTTPS_PROXY and what it lets through")
    what = "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
    return Retriable(f"{place}: {what}. Check host, port and firewall")


def refusal(place: str, status: int, headers: Mapping[str, str]) -> Fatal | Retriable:
    """Say what an answer other than 200 means."""
    if status in LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        wait = retry_after(headers)
        return Retriable(f"{place}: answers {status}. It is asked again later", retry_after=wait)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Fatal(
            f"{place}: answers {status}. Check login, password, token or key, and what the account is "
            "allowed to read"
        )
    if status < HTTPStatus.BAD_REQUEST:
        return Fatal(f"{place}: answers {status}, not a page. Write the address that it leads to as the host")
    kind = Absent if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE} else Fatal
    return kind(f"{place}: answers {status}. Mend `collect.api`, or the connection's host")
