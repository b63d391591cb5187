"""An Exchange that speaks EWS, on loopback, for tests.

Use from any test::

    with EwsServer(["ann@example.com"]) as server:
        ...                                    # a client at server.url
        server.store.mailbox("ann@example.com").folder("Inbox/Chats").items

It follows Microsoft's documentation of the protocol, not what our client happens to send; `Behaviour` has the
switches, `Faults` what is to go wrong. It runs in a thread of its own. Log in as `SERVICE` (Basic, NTLM) and
impersonate, as the owner of a mailbox (all have `PASSWORD`), or as `APP` with a token from
``server.token_url``.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from aiohttp import web

from tests.servers.ews import dialect
from tests.servers.ews.behaviour import Behaviour
from tests.servers.ews.caller import Account, App, Caller, batch, target
from tests.servers.ews.dispatch import Soap, answer, read
from tests.servers.ews.login import APP, PASSWORD, SERVICE, Login, Unauthorized
from tests.servers.ews.refusals import EwsFault, busy, fault_body, new_id
from tests.servers.ews.schema import Schema
from tests.servers.ews.store import Store
from tests.servers.faults import Call, Fault, Faults, Kind
from tests.servers.programs import HOST

__all__ = ["APP", "PASSWORD", "SERVICE", "Account", "App", "Behaviour", "EwsServer", "Seen"]

PATH = "/EWS/Exchange.asmx"
TENANT = "33333333-2222-4333-8444-555555555555"
TOKEN_PATH = f"/{TENANT}/oauth2/v2.0/token"
_XML = "text/xml; charset=utf-8"
_SIZE_SLACK = 1024


@dataclass(frozen=True)
class Seen:
    """A request that was answered: for whom, and what its headers said."""

    operation: str
    mailbox: str
    anchor: str
    size: int


class EwsServer:
    """``invalid`` lists what did not follow the schema: requests of clients, and answers of our own."""

    def __init__(
        self,
        mailboxes: Iterable[str] = (),
        *,
        accounts: Iterable[Account] = (SERVICE,),
        apps: Iterable[App] = (APP,),
        faults: Faults | None = None,
        behaviour: Behaviour | None = None,
        validate: bool = True,
    ) -> None:
        self.store = Store()
        for address in mailboxes:
            self.store.add(address)
        self.behaviour = behaviour or Behaviour()
        self.faults = faults or Faults()
        self.login = Login(self.store, self.behaviour, list(accounts), list(apps))
        self.invalid: list[str] = []
        self.seen: list[Seen] = []
        self._schema = Schema() if validate else None
        self._busy: Counter[str] = Counter()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ews")
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._port}{PATH}"

    @property
    def token_url(self) -> str:
        return f"http://{HOST}:{self._port}{TOKEN_PATH}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._runner = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> web.AppRunner:
        app = web.Application(client_max_size=self.behaviour.max_request + _SIZE_SLACK)
        for path in {PATH, PATH.lower()}:
            app.router.add_post(path, self._post)
            app.router.add_get(path, self._get)
        app.router.add_post(TOKEN_PATH, self._token)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, HOST, 0).start()
        self._port = int(runner.addresses[0][1])
        return runner

    async def _get(self, request: web.Request) -> web.StreamResponse:
        try:
            self.login.identify(request)
        except Unauthorized as refused:
            return _unauthorized(refused)
        return web.Response(text="<html><body>Service</body></html>", content_type="text/html")

    async def _token(self, request: web.Request) -> web.StreamResponse:
        fault = self.faults.next(Call("token", path=TOKEN_PATH))
        spoilt = await _spoil(request, fault) if fault is not None else None
        return spoilt or await self.login.issue(request)

    async def _post(self, request: web.Request) -> web.StreamResponse:
        if (request.content_length or 0) > self.behaviour.max_request:
            if not self.behaviour.oversize_status:
                return _hang_up(request)
            return web.Response(status=self.behaviour.oversize_status, headers={"Connection": "close"})
        try:
            who = self.login.identify(request)
        except Unauthorized as refused:
            await request.read()
            return _unauthorized(refused)
        body = await request.read()
        try:
            soap = self._read(body)
            caller = self.login.caller(who, soap)
        except EwsFault as refused_fault:
            return self._answer(request, fault_body(refused_fault).encode(), 500)
        mailbox = target(caller, soap.request)
        self.seen.append(Seen(soap.operation, mailbox, request.headers.get("X-AnchorMailbox", ""), len(body)))
        caller.fault = self.faults.next(Call(soap.operation, mailbox, PATH, batch(soap.request)))
        self._busy[mailbox] += 1
        try:
            return await self._serve(request, soap, caller, mailbox)
        finally:
            self._busy[mailbox] -= 1

    def _read(self, body: bytes) -> Soap:
        """Take a request apart; like Exchange, refuse what the schema does not allow."""
        soap = read(body)
        if self._schema is not None and (wrong := self._schema.check(soap.request)):
            self.invalid.append(f"request {soap.operation}: {wrong}")
            raise EwsFault("ErrorSchemaValidation", f"The request failed schema validation: {wrong}")
        return soap

    async def _serve(
        self, request: web.Request, soap: Soap, caller: Caller, mailbox: str
    ) -> web.StreamResponse:
        fault, behaviour = caller.fault, self.behaviour
        if self._busy[mailbox] > behaviour.max_concurrency:
            refused = fault_body(EwsFault("ErrorExceededConnectionCount"))
            return self._answer(request, refused.encode(), 500)
        if behaviour.budget is not None and (
            wait := behaviour.budget.take(mailbox, request.content_length or 0)
        ):
            return self._answer(request, fault_body(busy(wait)).encode(), 500)
        if behaviour.latency or behaviour.item_latency:
            await asyncio.sleep(behaviour.latency + behaviour.item_latency * batch(soap.request))
        if fault is None:
            return self._answer(request, *self._execute(caller, soap))
        if fault.kind is Kind.TOKEN_EXPIRED:
            self.login.expire_tokens()
            return _unauthorized(Unauthorized(("WWW-Authenticate", "Bearer")))
        if not fault.after and (spoilt := await _spoil(request, fault)):
            return spoilt
        body, status = self._execute(caller, soap)
        return await _spoilt(request, fault, body, status)

    def _answer(self, request: web.Request, body: bytes, status: int = 200) -> web.Response:
        return dialect.answer(body) if self.behaviour.foreign else _answer(request, body, status)

    def _execute(self, caller: Caller, soap: Soap) -> tuple[bytes, int]:
        try:
            with self.store.lock:
                body = answer(caller, soap)
        except EwsFault as fault:
            return fault_body(fault).encode(), 500
        if self._schema is not None and (wrong := self._schema.check_answer(body)):
            self.invalid.append(f"answer {soap.operation}: {wrong}")
        return body, 200


async def _spoil(request: web.Request, fault: Fault) -> web.StreamResponse | None:
    """Let go wrong what needs no answer of ours, now; None to go on."""
    match fault.kind:
        case Kind.STALL:
            await asyncio.sleep(fault.wait or 0)
            return None
        case Kind.STATUS:
            return _status(fault)
        case Kind.CALL | Kind.DROP:
            if fault.act is not None:
                fault.act()
            return _hang_up(request)
        case _:
            return None


async def _spoilt(request: web.Request, fault: Fault, body: bytes, status: int) -> web.StreamResponse:
    """What is answered when everything is done."""
    if fault.kind is Kind.TRUNCATE:
        return await _half(request, fault.spoil(body), len(body))
    instead = await _spoil(request, fault) if fault.after else None
    return instead or _answer(request, fault.spoil(body), status)


def _answer(request: web.Request, body: bytes, status: int = 200) -> web.Response:
    headers = {"Content-Type": _XML, "Cache-Control": "private", "Server": "Microsoft-IIS/10.0"}
    headers |= {"request-id": new_id(), "X-FEServer": "EX01", "X-BEServer": "EX01"}
    if request.headers.get("return-client-request-id", "").lower() == "true":
        headers["client-request-id"] = request.headers.get("client-request-id", "")
    return web.Response(body=body, status=status, headers=headers)


def _status(fault: Fault) -> web.Response:
    """An answer of IIS, not of EWS."""
    headers = {"request-id": new_id(), "Server": "Microsoft-IIS/10.0"}
    if fault.wait is not None:
        headers["Retry-After"] = str(math.ceil(fault.wait))
    return web.Response(
        text="<html><body>Service unavailable</body></html>",
        content_type="text/html",
        status=fault.code,
        headers=headers,
    )


def _unauthorized(refused: Unauthorized) -> web.Response:
    response = web.Response(status=401, headers={"request-id": new_id(), "Server": "Microsoft-IIS/10.0"})
    for name, value in refused.headers:
        response.headers.add(name, value)
    return response


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _half(request: web.Request, body: bytes, length: int) -> web.StreamResponse:
    """Begin an answer, and hang up before its end."""
    response = web.StreamResponse(headers={"Content-Type": _XML, "Content-Length": str(length)})
    await response.prepare(request)
    await response.write(body)
    if request.transport is not None:
        request.transport.close()
    return response
