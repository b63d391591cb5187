"""The access token: one for all requests, made anew when it runs out or is refused."""

from __future__ import annotations

import threading
import time

from include.commsarchive.errors import Fatal
from include.commsarchive.microsoft import Application, SignIn

_HELD = 60.0
"""Seconds that a token is used before the sign-in is asked again, whose tokens last some minutes at least."""


class Tokens:
    """The token of one application. Threads may share it."""

    def __init__(self, application: Application) -> None:
        """Nobody signs in before the first token is asked for."""
        self._of = application
        self._sign_in = SignIn(application)
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0
        self._refused = False

    @property
    def held(self) -> str:
        """The token at hand, ``""`` when it is time to `get` one."""
        return self._token if time.monotonic() < self._until else ""

    def get(self) -> str:
        """Give a token, a new one if need be.

        Raises:
            Retriable: the sign-in cannot be reached.
            Fatal: the sign-in refuses us.
        """
        with self._lock:
            if not self.held:
                self._token = self._sign_in.token()
                self._until = time.monotonic() + _HELD
            return self._token

    def accept(self, token: str) -> None:
        """Take note that Graph takes a token."""
        if token == self._token:
            self._refused = False

    def refuse(self, token: str) -> None:
        """Take note that Graph answered 401, and let the next token be a new one.

        Raises:
            Fatal: the one before was refused, too, and none was taken since.
        """
        with self._lock:
            if token != self._token:
                return  # another request has met the same refusal before
            if self._refused:
                raise Fatal(
                    f"connection {self._of.name}: Graph refuses new tokens, too (401). Check that host and "
                    "extra `authority` are of one cloud, and that the application is enabled"
                )
            self._refused = True
            self._sign_in = SignIn(self._of)
            self._token, self._until = "", 0.0
