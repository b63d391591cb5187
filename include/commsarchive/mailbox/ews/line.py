"""The line to Exchange: requests that are sent exactly once, and what their HTTP answers mean.

exchangelib makes the sessions (NTLM, Basic). Its own way of sending is not used: it tries again after
answers that may have come after the change was made, does not understand 429, shares its settings among all
connections of a process, and logs whole requests when something unexpected happens.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import requests
from exchangelib import BASIC, NTLM, Configuration, Credentials, FailFast, Version
from exchangelib.protocol import Protocol
from exchangelib.transport import NOAUTH
from exchangelib.version import EXCHANGE_2013_SP1
from requests.auth import AuthBase

from include.commsarchive.errors import Fatal
from include.commsarchive.mailbox.ews.settings import Auth, EwsSettings
from include.commsarchive.mailbox.ews.tokens import Tokens
from include.commsarchive.mailbox.ews.verdict import (
    CONNECTION_LOST,
    FORBIDDEN,
    LOGIN_REFUSED,
    SERVER_ERROR,
    THROTTLED,
    TOO_LARGE,
    Trouble,
)
from include.commsarchive.mailbox.ews.waits import CONNECT_TIMEOUT
from include.commsarchive.retry_after import retry_after

VERSION = Version(EXCHANGE_2013_SP1)
"""What we speak: the oldest schema with all that we need, known to Exchange 2013 SP1 up to SE and Online."""

_AUTH_TYPES = {Auth.NTLM: NTLM, Auth.BASIC: BASIC, Auth.OAUTH: NOAUTH}
_MISPLACED = frozenset({301, 302, 303, 307, 308, 403, 404, 405})
"""Answers of a server that has no EWS here, or not for us, when it has never given another one."""


class _Login(Credentials):
    """A login that is no other's: exchangelib shares protocols by endpoint and credentials."""

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


class _Bearer(AuthBase):
    """A token for one request."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``request_id`` names the request to the server's operators."""

    content: bytes
    request_id: str


class Line:
    """One login on one server. Threads may share it; connections are kept for the next request."""

    def __init__(self, settings: EwsSettings) -> None:
        """Connect nowhere yet."""
        self.settings = settings
        self.config = Configuration(
            service_endpoint=settings.url,
            credentials=_Login(settings.login, settings.secret),
            auth_type=_AUTH_TYPES[settings.auth],
            version=VERSION,
            retry_policy=FailFast(),
        )
        self._protocol = Protocol(config=self.config)
        self._tokens = Tokens(settings) if settings.auth is Auth.OAUTH else None
        self._idle: deque[requests.Session] = deque()
        self._room = threading.BoundedSemaphore(settings.width)
        self._first = threading.Lock()
        self._renewing = threading.Lock()
        self._login = 0
        self._proven = False
        self._ever = False
        self._refusal = ""

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send one request, once; its answer is SOAP, perhaps a fault.

        Raises:
            Trouble: there is no answer that could be one.
            Fatal: the server refuses the login, or is none.
        """
        if self._proven:
            with self._room:
                return self._post(body, headers)
        with self._first:  # a wrong password is tried once, not by every thread: accounts get locked
            if self._refusal:
                raise Fatal(self._refusal)
            return self._post(body, headers)

    def close(self) -> None:
        """Let connections go."""
        while self._idle:
            self._idle.pop().close()
        with contextlib.suppress(KeyError):
            del Protocol[self.config]

    def _post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        login, request_id = self._login, str(uuid.uuid4())
        more = {"client-request-id": request_id, "return-client-request-id": "true"}
        try:
            token = _Bearer(self._tokens.get()) if self._tokens else None
            answer = self._send(body, {**headers, **more}, token)
            request_id = answer.headers.get("request-id", request_id)
            self._judge(answer, login)
        except Trouble as trouble:
            trouble.request_id = request_id
            raise
        if login == self._login:
            self._proven = self._ever = True
        return Answer(answer.content, request_id)

    def _send(self, body: bytes, headers: Mapping[str, str], token: _Bearer | None) -> requests.Response:
        session = self._take()
        try:
            answer = session.post(
                self.settings.url,
                data=body,
                headers=headers,
                auth=token,
                verify=self.settings.verify,
                timeout=(CONNECT_TIMEOUT, self.settings.timeout),
                allow_redirects=False,
            )
        except requests.exceptions.SSLError as error:
            session.close()
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise Fatal(
                    f"{self.settings.place}: its certificate is not trusted. Name the file of the authority "
                    "that issued it in extra `ca_file`, and the host as the certificate does"
                ) from None
            raise Trouble(doubt=CONNECTION_LOST, code="SSLError") from None
        except (requests.RequestException, KeyError) as error:  # KeyError: requests_ntlm, of a broken answer
            session.close()
            raise Trouble(doubt=CONNECTION_LOST, code=type(error).__name__) from None
        self._idle.append(session)
        return answer

    def _take(self) -> requests.Session:
        with contextlib.suppress(IndexError):
            return self._idle.pop()
        session: requests.Session = self._protocol.create_session()
        session.headers["User-Agent"] = "commsarchive"
        return session

    def _judge(self, answer: requests.Response, login: int) -> None:
        """Let pass what is SOAP; the server answers faults with 500."""
        status, code = answer.status_code, f"HTTP {answer.status_code}"
        soap = "xml" in answer.headers.get("Content-Type", "")
        if status == requests.codes.ok or (status == requests.codes.server_error and soap):
            return
        if status == requests.codes.unauthorized:
            self._renew(login)
            raise Trouble(doubt=LOGIN_REFUSED, code=code)
        if status in _MISPLACED and not self._ever:
            raise Fatal(
                f"{self.settings.place}: answers {code}: there is no EWS for us here. Check host and path of "
                "the connection, that EWS is enabled, and for Exchange Online that the application is allowed"
            )
        if status == requests.codes.request_entity_too_large:
            raise Trouble(reason=TOO_LARGE, code=code)
        wait = retry_after(answer.headers) or 0.0
        if status == requests.codes.too_many_requests or wait:
            raise Trouble(doubt=THROTTLED, code=code, wait=wait)
        raise Trouble(doubt=FORBIDDEN if status == requests.codes.forbidden else SERVER_ERROR, code=code)

    def _renew(self, login: int) -> None:
        """Log in anew after a refusal, which may be an expired token; a second refusal in a row is final.

        Raises:
            Fatal: the login was refused before it was ever taken, or twice in a row.
        """
        with self._renewing:
            if login != self._login:
                return
            if not self._proven:
                self._refusal = (
                    f"{self.settings.place}: refuses the login. Check login and password of the connection "
                    f"and extra `auth` ({self.settings.auth}), which the server's EWS directory must allow"
                )
                raise Fatal(self._refusal)
            if self._tokens:
                self._tokens.drop()  # first: whoever sees the new login must not get the old token
            self._login += 1
            self._proven = False
