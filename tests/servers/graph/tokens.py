"""Microsoft's sign-in for applications: client credentials with a secret or with a signed assertion.

What msal asks for: the OpenID configuration of the tenant, perhaps the list of known instances, the token.
Error numbers (AADSTS...) are those of Microsoft's list of Entra error codes.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

from tests.servers.graph.wire import GraphError, Json, Reply

TENANT = "11111111-2222-4333-8444-555555555555"
CLIENT_ID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
CLIENT_SECRET = "secret of the test's application"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ROLES = frozenset({"Mail.ReadWrite", "MailboxSettings.Read", "User.Read.All", "GroupMember.Read.All"})


@dataclass
class App:
    """A registered application; ``public_key`` is its certificate's, as PEM, if it has one."""

    client_id: str = CLIENT_ID
    secret: str = CLIENT_SECRET
    public_key: str = ""
    roles: frozenset[str] = ROLES


@dataclass
class _Token:
    app: App
    expires: float


@dataclass
class Tokens:
    """Issues tokens and knows them again. ``lifetime`` is in seconds; `expire` ends what there is."""

    clock: Callable[[], float]
    apps: dict[str, App] = field(default_factory=lambda: {CLIENT_ID: App()})
    lifetime: float = 3599
    issued: int = 0
    _tokens: dict[str, _Token] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def expire(self) -> None:
        """Let every token that was issued be worth nothing."""
        with self._lock:
            for token in self._tokens.values():
                token.expires = float("-inf")

    def bearer(self, authorization: str | None) -> App:
        """The application that an ``Authorization`` header speaks for.

        Raises:
            GraphError: nobody's, or a token that is too old.
        """
        scheme, _, text = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not text:
            raise _unauthorized("Access token is empty.")
        with self._lock:
            token = self._tokens.get(text)
        if token is None:
            raise _unauthorized("CompactToken parsing failed with error code: 80049217")
        if token.expires <= self.clock():
            raise _unauthorized("Lifetime validation failed, the token is expired.")
        return token.app

    def issue(self, app: App) -> Json:
        """Make a token."""
        with self._lock:
            number = next(self._numbers)
            text = f"eyJ0eXAiOiJKV1QifQ.{number:08d}.{app.client_id}"
            self._tokens[text] = _Token(app, self.clock() + self.lifetime)
            self.issued += 1
        seconds = int(self.lifetime)
        return {
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": text,
        }

    def answer(self, form: Mapping[str, Any], audiences: list[str]) -> Reply:
        """Answer a request for a token."""
        try:
            app = self._authenticated(form, audiences)
        except _Refused as refused:
            return Reply(refused.status, {"error": refused.error, "error_description": str(refused)})
        return Reply(200, self.issue(app))

    def _authenticated(self, form: Mapping[str, Any], audiences: list[str]) -> App:
        if form.get("grant_type") != "client_credentials":
            raise _Refused(400, "unsupported_grant_type", "AADSTS70003: The grant type is not supported.")
        if not str(form.get("scope", "")).endswith("/.default"):
            raise _Refused(400, "invalid_scope", "AADSTS1002012: The provided scope is not valid.")
        app = self.apps.get(str(form.get("client_id", "")))
        if app is None:
            raise _Refused(400, "unauthorized_client", "AADSTS700016: Application was not found.")
        if "client_assertion" in form:
            _check_assertion(app, form, audiences)
        elif not app.secret or form.get("client_secret") != app.secret:
            raise _Refused(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        return app


class _Refused(Exception):
    """The sign-in's own form of error."""

    def __init__(self, status: int, error: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.error = error


def _check_assertion(app: App, form: Mapping[str, Any], audiences: list[str]) -> None:
    if not app.public_key or form.get("client_assertion_type") != ASSERTION:
        raise _Refused(401, "invalid_client", "AADSTS700027: The certificate is not registered.")
    try:
        claims = jwt.decode(
            str(form["client_assertion"]),
            app.public_key,
            algorithms=["RS256", "PS256"],
            audience=audiences,
            issuer=app.client_id,
            options={"require": ["exp", "aud", "iss", "sub", "jti"]},
        )
    except jwt.PyJWTError as error:
        text = "AADSTS700027: The assertion's signature could not be verified."
        raise _Refused(401, "invalid_client", text) from error
    if claims["sub"] != app.client_id:
        raise _Refused(401, "invalid_client", "AADSTS700021: The assertion is of another application.")


def _unauthorized(text: str) -> GraphError:
    return GraphError(401, "InvalidAuthenticationToken", text)


def configuration(base: str, tenant: str) -> Json:
    """The OpenID configuration of a tenant."""
    here = f"{base}/{tenant}"
    return {
        "issuer": f"{here}/v2.0",
        "authorization_endpoint": f"{here}/oauth2/v2.0/authorize",
        "token_endpoint": f"{here}/oauth2/v2.0/token",
        "jwks_uri": f"{here}/discovery/v2.0/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
    }


def instances(base: str, tenant: str) -> Json:
    """The answer of the discovery of instances."""
    return {
        "tenant_discovery_endpoint": f"{base}/{tenant}/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": [],
    }
