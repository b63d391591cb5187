"""Who may call: Basic, NTLM, and bearer tokens with the endpoint that issues them."""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from weakref import WeakKeyDictionary

from aiohttp import web

from tests.servers.ews import ntlm
from tests.servers.ews.behaviour import Behaviour
from tests.servers.ews.caller import Account, App, Caller
from tests.servers.ews.dispatch import Soap
from tests.servers.ews.refusals import EwsFault
from tests.servers.ews.store import Store

PASSWORD = "correct horse: 50% 'bättery'"
"""Of every owner of a mailbox and of `SERVICE`."""
SERVICE = Account("svc-archive@example.com", PASSWORD, impersonates=True)
APP = App("11111111-2222-4333-8444-555555555555", "app secret")
SCOPE = "/.default"


class Unauthorized(Exception):
    """Nobody we know; ``headers`` say how to do better."""

    def __init__(self, *headers: tuple[str, str]) -> None:
        super().__init__("401")
        self.headers = headers


class Login:
    """Knows accounts and applications, and the tokens that are out."""

    def __init__(self, store: Store, behaviour: Behaviour, accounts: list[Account], apps: list[App]) -> None:
        self.accounts = {account.name.casefold(): account for account in accounts}
        self.apps = {app.client_id: app for app in apps}
        self._store = store
        self._behaviour = behaviour
        self._tokens: dict[str, tuple[App, float]] = {}
        self._connections: WeakKeyDictionary[object, Account] = WeakKeyDictionary()

    def expire_tokens(self) -> None:
        """Make every token worthless."""
        self._tokens.clear()

    def identify(self, request: web.Request) -> Account | App:
        """Who sent a request.

        Raises:
            Unauthorized: nobody we know.
        """
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        if scheme not in self._behaviour.offers and not (
            scheme == "Negotiate" and "NTLM" in self._behaviour.offers
        ):
            known = self._connections.get(request.transport)
            if known is not None:  # NTLM proves a connection, not a request
                return known
            raise self._refused()
        if scheme == "Bearer":
            return self._token(rest)
        if scheme == "Basic":
            return self._basic(rest)
        return self._ntlm(request, scheme, rest)

    def caller(self, who: Account | App, soap: Soap) -> Caller:
        """What a request may do.

        Raises:
            EwsFault: it may not act as whom it wants to.
        """
        if isinstance(who, App):
            if soap.acts_as is None:
                raise EwsFault("ErrorImpersonationFailed")
            if who.scope is not None and soap.acts_as.casefold() not in {one.casefold() for one in who.scope}:
                raise EwsFault("ErrorImpersonateUserDenied")
            return Caller(self._store, self._behaviour, self._store.open(soap.acts_as))
        if soap.acts_as is not None:
            if not who.impersonates and soap.acts_as.casefold() != who.name.casefold():
                raise EwsFault("ErrorImpersonateUserDenied")
            return Caller(self._store, self._behaviour, self._store.open(soap.acts_as))
        try:
            mailbox = self._store.mailbox(who.name)
        except KeyError:
            return Caller(self._store, self._behaviour, None, who.opens)
        return Caller(self._store, self._behaviour, self._store.open(mailbox.address), who.opens)

    async def issue(self, request: web.Request) -> web.Response:
        """The token endpoint: client credentials (RFC 6749 section 4.4), errors as Entra ID words them."""
        form = await request.post()
        client, secret = (str(form.get(name, "")) for name in ("client_id", "client_secret"))
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            client, secret = _pair(rest)
        app = self.apps.get(client)
        if form.get("grant_type") != "client_credentials":
            return _refusal(400, "unsupported_grant_type", "AADSTS70003: The grant type is not supported.")
        if app is None:
            return _refusal(400, "unauthorized_client", "AADSTS700016: Application was not found.")
        if not secrets.compare_digest(secret.encode(), app.secret.encode()):
            return _refusal(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        if not str(form.get("scope", "")).endswith(SCOPE):
            return _refusal(400, "invalid_scope", "AADSTS1002012: The scope must end with /.default.")
        token = secrets.token_urlsafe(48)
        life = self._behaviour.token_life
        self._tokens[token] = (app, time.monotonic() + life)
        answer = {
            "token_type": "Bearer",
            "expires_in": int(life),
            "ext_expires_in": int(life),
            "access_token": token,
        }
        return web.json_response(answer, headers={"Cache-Control": "no-store, no-cache"})

    def _token(self, token: str) -> App:
        app, ends = self._tokens.get(token, (APP, 0.0))
        if time.monotonic() >= ends:
            raise Unauthorized(
                (
                    "WWW-Authenticate",
                    'Bearer client_id="00000002-0000-0ff1-ce00-000000000000", error="invalid_token"',
                ),
                (
                    "x-ms-diagnostics",
                    '2000003;reason="The token has expired.";error_category="expired_token"',
                ),
            )
        return app

    def _basic(self, rest: str) -> Account:
        name, password = _pair(rest)
        account = self._account(name.rpartition("\\")[2])
        if account is None or account.password != password:
            raise self._refused()
        return account

    def _ntlm(self, request: web.Request, scheme: str, rest: str) -> Account:
        try:
            token = base64.b64decode(rest, validate=True)
        except binascii.Error:
            raise self._refused() from None
        match ntlm.message_type(token):
            case 1:
                raise Unauthorized(
                    ("WWW-Authenticate", f"{scheme} {base64.b64encode(ntlm.challenge()).decode()}")
                )
            case 3:
                claim = ntlm.read_answer(token)
                account = self._account(claim.user)
                if account is not None and claim.knows(account.password):
                    self._connections[request.transport] = account
                    return account
        raise self._refused()

    def _account(self, name: str) -> Account | None:
        if found := self.accounts.get(name.casefold()):
            return found
        owners = [box.address for box in self._store.mailboxes]
        for one in (*owners, *(account.name for account in self.accounts.values())):
            if name.casefold() in {one.casefold(), one.casefold().partition("@")[0]}:
                return self.accounts.get(one.casefold()) or Account(one, PASSWORD)
        return None

    def _refused(self) -> Unauthorized:
        realms = {"Basic": 'Basic realm="127.0.0.1"', "Bearer": "Bearer", "NTLM": "NTLM"}
        return Unauthorized(*(("WWW-Authenticate", realms[one]) for one in self._behaviour.offers))


def _pair(encoded: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return "", ""
    name, _, password = (text.decode("utf-8") if _is_utf8(text) else text.decode("latin-1")).partition(":")
    return name, password


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _refusal(status: int, error: str, text: str) -> web.Response:
    return web.json_response({"error": error, "error_description": text}, status=status)
