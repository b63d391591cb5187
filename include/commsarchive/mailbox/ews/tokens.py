"""Bearer tokens for an application: OAuth 2.0 client credentials (RFC 6749 section 4.4)."""

from __future__ import annotations

import re
import threading
import time
from typing import Any

import requests

from include.commsarchive.errors import Fatal
from include.commsarchive.mailbox.ews.settings import EwsSettings
from include.commsarchive.mailbox.ews.verdict import (
    CONNECTION_LOST,
    GARBLED,
    SERVER_ERROR,
    THROTTLED,
    Trouble,
)
from include.commsarchive.mailbox.ews.waits import CONNECT_TIMEOUT
from include.commsarchive.retry_after import retry_after

MARGIN = 300.0
"""Seconds before its end that a token is renewed, at most half of its life."""

_REFUSALS = frozenset({400, 401, 403})
_NUMBER = re.compile(r"AADSTS\d+")


class Tokens:
    """Keeps one token for all threads and renews it in time."""

    def __init__(self, settings: EwsSettings) -> None:
        """Start without a token."""
        self._settings = settings
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0

    def get(self) -> str:
        """Give a token that is good for a while.

        Raises:
            Trouble: none can be had now; nothing was sent to Exchange.
            Fatal: the application is refused.
        """
        with self._lock:
            if not self._token or time.monotonic() >= self._renew_at:
                self._token, life = self._fetch()
                self._renew_at = time.monotonic() + life - min(MARGIN, life / 2)
            return self._token

    def drop(self) -> None:
        """Forget the token: the server does not take it any more."""
        with self._lock:
            self._token = ""

    def _fetch(self) -> tuple[str, float]:
        settings = self._settings
        form = {
            "grant_type": "client_credentials",
            "client_id": settings.login,
            "client_secret": settings.secret,
            "scope": settings.scope,
        }
        try:
            answer = requests.post(
                settings.token_url,
                data=form,
                timeout=(CONNECT_TIMEOUT, settings.timeout),
                verify=settings.verify,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise Trouble(doubt=CONNECTION_LOST, code=f"sign-in: {type(error).__name__}") from None
        code = f"sign-in: HTTP {answer.status_code}"
        try:
            said: Any = answer.json()
        except requests.JSONDecodeError:
            said = None
        if answer.ok:
            return _read(said, code)
        wait = retry_after(answer.headers) or 0.0
        if answer.status_code == requests.codes.too_many_requests or wait:
            raise Trouble(doubt=THROTTLED, code=code, wait=wait)
        if isinstance(said, dict) and "error" in said and answer.status_code in _REFUSALS:
            number = _NUMBER.search(str(said.get("error_description", "")))
            raise Fatal(
                f"{settings.place}: sign-in refuses the application: {said['error']}"
                f"{f' ({number.group()})' if number else ''}. Check login (client id), password (client "
                "secret, perhaps expired) and extra `tenant_id` of the connection"
            )
        raise Trouble(doubt=SERVER_ERROR, code=code)


def _read(said: Any, code: str) -> tuple[str, float]:
    """Take a token and its life in seconds from an answer."""
    try:
        return str(said["access_token"]), float(said["expires_in"])
    except (TypeError, KeyError, ValueError):
        raise Trouble(doubt=GARBLED, code=code) from None
