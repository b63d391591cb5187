"""How an API knows us: headers that stay the same, or a token that is renewed."""

from __future__ import annotations

import base64
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

import aiohttp
import msgspec

from include.commsarchive.collect.api_errors import let_go, refusal, unreachable
from include.commsarchive.collect.api_settings import ApiSettings
from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.proxy import proxy_for

Renew = Callable[[aiohttp.ClientSession], Awaitable[tuple[str, float]]]
"""Signs in: gives a token and the seconds that it is good for."""
_EARLY = 60.0
"""Seconds before its end at which a token is not used any more."""
_LIFE = 3600.0
"""Seconds, where the answer does not say."""


class Proof(Protocol):
    """What is shown with each request."""

    async def headers(self, http: aiohttp.ClientSession) -> Mapping[str, str]:
        """Give the headers, signing in where that is due.

        Raises:
            Fatal: we are refused, or what is given is no token.
            Retriable: the sign-in cannot be reached or is busy.
        """

    def forget(self) -> bool:
        """Take note that it was refused; say whether there can be another one."""


class Fixed:
    """Headers that stay the same."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        """Take them."""
        self._headers = headers

    async def headers(self, http: aiohttp.ClientSession) -> Mapping[str, str]:
        """Give them."""
        del http
        return self._headers

    def forget(self) -> bool:
        """There is nothing else."""
        return False


class Token:
    """A Bearer token, renewed before it ends and after it was refused; ``more`` are headers beside it."""

    def __init__(self, renew: Renew, more: Mapping[str, str]) -> None:
        """Take the way to get one; none is asked for yet."""
        self._renew, self._more = renew, more
        self._token, self._good_until = "", 0.0

    async def headers(self, http: aiohttp.ClientSession) -> Mapping[str, str]:
        """Give a token that is good for a while."""
        if not self._token or time.monotonic() >= self._good_until:
            asked = time.monotonic()
            self._token, seconds = await self._renew(http)
            self._good_until = asked + seconds - _EARLY
        return {**self._more, "Authorization": f"Bearer {self._token}"}

    def forget(self) -> bool:
        """Get another one next time."""
        self._token = ""
        return True


def proof_of(told: ApiSettings, secret_headers: tuple[str, ...]) -> Proof:
    """Make what a connection's fields ask for.

    Raises:
        Fatal: the connection lacks the value of a secret header.
    """
    more = told.secret_headers(secret_headers)
    if told.token_url:
        return Token(_by_client_credentials(told), more)
    if told.login:
        return Fixed({**more, "Authorization": _basic(told)})
    return Fixed({**more, "Authorization": f"Bearer {told.password}"} if told.password else more)


@dataclass(frozen=True, slots=True)
class SignIn:
    """A place where tokens are given, and what a person can do where none is."""

    place: str
    remedy: str

    async def ask(self, http: aiohttp.ClientSession, url: str, **request: Any) -> dict[str, Any]:
        """POST to it and give the object that it answers.

        Raises:
            Fatal: we are refused, or the answer is no object.
            Retriable: it cannot be reached or is busy.
        """
        try:
            async with http.post(url, allow_redirects=False, proxy=proxy_for(url), **request) as got:
                if got.status == HTTPStatus.OK:
                    return msgspec.json.decode(await got.read(), type=dict[str, Any])
                await let_go(got)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(self.place, error) from error
        except ValueError as error:
            raise self.no_token() from error
        refused = refusal(self.place, got.status, got.headers)
        raise refused if isinstance(refused, Retriable) else self._fatal(f"answers {got.status}")

    def token(self, answer: Mapping[str, Any]) -> tuple[str, float]:
        """Take the token and its life, in seconds, of an answer as RFC 6749 (5.1) has it.

        Raises:
            Fatal: there is none.
        """
        try:
            return str(answer["access_token"]), float(answer.get("expires_in") or _LIFE)
        except (KeyError, TypeError, ValueError) as error:
            raise self.no_token() from error

    def no_token(self) -> Fatal:
        """Say that it answers something else."""
        return self._fatal("the answer holds no token")

    def _fatal(self, what: str) -> Fatal:
        return Fatal(f"{self.place}: {what}. {self.remedy}")


def _by_client_credentials(told: ApiSettings) -> Renew:
    at = SignIn(f"{told.place}: signing in", "Check login and password, and mend extra `token_url`")
    form, headers = {"grant_type": "client_credentials", **told.token_form}, {}
    if told.token_in_body:
        form |= {"client_id": told.login, "client_secret": told.password}
    else:
        headers["Authorization"] = _basic(told)

    async def renew(http: aiohttp.ClientSession) -> tuple[str, float]:
        return at.token(await at.ask(http, told.token_url, data=form, headers=headers))

    return renew


def _basic(told: ApiSettings) -> str:
    return f"Basic {base64.b64encode(f'{told.login}:{told.password}'.encode()).decode()}"
