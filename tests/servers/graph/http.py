"""HTTP in front of the emulator: what is called, which fault it meets, how the answer leaves."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import parse_qs

from aiohttp import web

from tests.servers.faults import Call, Fault, Faults, Kind
from tests.servers.graph import answers, batch, dialect, tokens
from tests.servers.graph.directory import Directory
from tests.servers.graph.mail import Mail
from tests.servers.graph.service import Service
from tests.servers.graph.uploads import too_large
from tests.servers.graph.wire import GraphError, Reply, Request, refusal, segments_of

_JSON = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
_SIGN_IN = ("POST token", "GET discovery")
_RESET = struct.pack("ii", 1, 0)
Perform = Callable[[int], Awaitable[Reply]]
"""Does what was called for, storing its change so many times."""


class _Lost(Exception):
    """The connection ends without an answer."""


class Http:
    """Takes requests in and lets answers out, spoiled where a fault says so."""

    def __init__(self, service: Service, faults: Faults, latency: float, work: float) -> None:
        self._service = service
        self._faults = faults
        self._latency = latency
        self._work = work
        self._mail = Mail(service)
        self._directory = Directory(service)

    async def handle(self, raw: web.BaseRequest) -> web.StreamResponse:
        """Answer one HTTP request."""
        if self._latency:
            await asyncio.sleep(self._latency)
        body = await raw.content.read()
        request = _request(raw, body)
        call, perform = self._call(raw, request)
        fault = self._faults.next(call)
        if fault is not None and fault.kind in answers.OF_MAILBOXES and call.what in _SIGN_IN:
            fault = None
        try:
            reply = await self._faulty(raw, fault, perform, request)
        except _Lost:
            _drop(raw, reset=fault is not None and not fault.after)
            return web.Response(status=500)
        return await self._send(raw, request, reply, fault)

    def _call(self, raw: web.BaseRequest, request: Request) -> tuple[Call, Perform]:
        """What is called, by its name in the log, and how to do it."""
        path = raw.rel_url.raw_path
        if path.startswith("/api/v2.0/"):
            token = raw.rel_url.query.get("authtoken", "")
            mailbox = self._mail.uploads.session(token)[1]
            return Call(f"{raw.method} upload", mailbox, path), partial(self._upload, request, token)
        if path.startswith(("/v1.0/", "/beta/")):
            if request.segments == ["$batch"]:
                items = batch.readable(request)
                mailboxes = {self._address(one) for one in items}
                mailbox = mailboxes.pop() if len(mailboxes) == 1 else ""
                return Call(request.what, mailbox, path, len(items)), partial(self._one, request)
            return Call(request.what, self._address(request), path), partial(self._one, request)
        what = "POST token" if path.endswith("/token") else "GET discovery"
        return Call(what, path=path), partial(self._sign_in, raw, request)

    def _address(self, request: Request) -> str:
        """Whose mailbox a call is about: by its address, if it is one of ours."""
        user = self._service.store.user(request.mailbox)
        return user.mail.lower() if user and user.mail else request.mailbox

    async def _faulty(
        self, raw: web.BaseRequest, fault: Fault | None, perform: Perform, request: Request
    ) -> Reply:
        """Do what was called for before the fault, or after, or not at all."""
        if fault is None:
            return await perform(1)
        if request.segments == ["$batch"] and fault.kind in {Kind.PARTIAL, Kind.TOKEN_EXPIRED}:
            return await self._batch(request, fault)
        if fault.kind in answers.GOING_WELL:
            return await self._going_well(raw, fault, perform)
        if fault.after:
            await perform(1)
        if fault.kind is Kind.TOKEN_EXPIRED:
            self._service.tokens.expire()
        if fault.act is not None:
            fault.act()
        if fault.kind in answers.LOST:
            raise _Lost
        found = answers.instead(fault)
        return self._refused(request, found) if isinstance(found, GraphError) else found

    async def _going_well(self, raw: web.BaseRequest, fault: Fault, perform: Perform) -> Reply:
        """Answer the truth, or what looks like it; who waits no more before it was stored is not served."""
        if fault.kind is Kind.STALL and not fault.after:
            await asyncio.sleep(fault.wait or 0)
            if raw.transport is None or raw.transport.is_closing():
                raise _Lost
        unstored = fault.kind in answers.SPOILED and not fault.after
        reply = await perform(0 if unstored else answers.COPIES.get(fault.kind, 1))
        if fault.kind is Kind.STALL and fault.after:
            await asyncio.sleep(fault.wait or 0)
        return reply

    async def _one(self, request: Request, copies: int) -> Reply:
        """Answer one call below ``/v1.0``."""
        request.copies = copies
        try:
            if request.method != "GET" and len(request.body) > self._service.limits.request:
                raise too_large()
            if request.segments == ["$batch"]:
                return await self._batch(request, None)
            return await self._called(request)
        except GraphError as error:
            return self._refused(request, error)

    async def _called(self, request: Request) -> Reply:
        request.app = self._service.tokens.bearer(request.headers.get("authorization")).client_id
        mail = request.segments[0] == "users" and len(request.segments) > 2
        if not mail:
            return self._directory.answer(request)
        user = self._service.store.user(request.mailbox)
        key = user.id if user else request.mailbox
        sent = len(request.body) if request.method in {"POST", "PATCH", "PUT"} else 0
        with self._service.throttle.admitted(request.app, key, sent):
            if self._work:
                await asyncio.sleep(self._work)
            if request.segments[2] == "mailboxsettings":
                return self._directory.answer(request)
            return self._mail.answer(request)

    async def _batch(self, request: Request, fault: Fault | None) -> Reply:
        """Answer a batch, some of whose calls may fail."""

        async def answer(inner: Request, place: int) -> Reply:
            wrong = place % 2 == 1 and fault is not None and fault.kind is Kind.PARTIAL
            if fault is not None and fault.kind is Kind.TOKEN_EXPIRED and place == half:
                self._service.tokens.expire()
            if not wrong or (fault and fault.after):
                reply = await self._one(inner, inner.copies)
            if wrong and fault is not None:
                status = Fault.status(fault.code or 503, wait=fault.wait)
                found = answers.instead(status)
                reply = self._refused(inner, found) if isinstance(found, GraphError) else found
            return reply

        try:
            self._service.tokens.bearer(request.headers.get("authorization"))
            half = len(batch.requests_of(request)) // 2
            return await batch.run(request, answer)
        except GraphError as error:
            return self._refused(request, error)

    async def _upload(self, request: Request, token: str, copies: int) -> Reply:
        app, mailbox = self._mail.uploads.session(token)
        user = self._service.store.known_as(mailbox)
        try:
            with self._service.throttle.admitted(app, user.id if user else mailbox, len(request.body)):
                if self._work:
                    await asyncio.sleep(self._work)
                return self._mail.uploads.answer(request.method, token, request.headers, request.body, copies)
        except GraphError as error:
            return self._refused(request, error)

    async def _sign_in(self, raw: web.BaseRequest, request: Request, _copies: int) -> Reply:
        path = raw.rel_url.path
        base = f"{raw.scheme}://{raw.host}"
        if path.endswith("/discovery/instance"):
            return Reply(200, tokens.instances(base, tokens.TENANT))
        tenant, _, rest = path.lstrip("/").partition("/")
        if tenant != tokens.TENANT:
            error = "AADSTS90002: Tenant was not found."
            return Reply(400, {"error": "invalid_tenant", "error_description": error})
        here = tokens.configuration(base, tenant)
        if rest.endswith(".well-known/openid-configuration"):
            return Reply(200, here)
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        return self._service.tokens.answer(form, [here["token_endpoint"], here["issuer"]])

    def _refused(self, request: Request, error: GraphError) -> Reply:
        return refusal(error, request.id, _client_id(request), self._service.clock())

    async def _send(
        self, raw: web.BaseRequest, request: Request, reply: Reply, fault: Fault | None
    ) -> web.StreamResponse:
        if self._service.foreign and fault is None and raw.rel_url.raw_path.startswith(("/v1.0/", "/api/")):
            return dialect.answer(reply)
        content = reply.content()
        headers = {"request-id": request.id, "client-request-id": _client_id(request), **reply.headers}
        if content:
            headers.setdefault("Content-Type", _JSON)
        if fault is not None and fault.kind is Kind.GARBLE:
            content = fault.spoil(content)
        if fault is None or fault.kind is not Kind.TRUNCATE:
            return web.Response(status=reply.status, body=content, headers=headers)
        response = web.StreamResponse(status=reply.status, headers=headers)
        response.content_length = max(len(content), 2)
        await response.prepare(raw)
        await response.write(fault.spoil(content) or b"{")
        _drop(raw, reset=False)
        return response


def _request(raw: web.BaseRequest, body: bytes) -> Request:
    path = raw.rel_url.raw_path
    below = path.split("/", 2)[2] if path.count("/") > 1 else ""
    headers = {name.lower(): value for name, value in raw.headers.items()}
    query = dict(raw.rel_url.query)
    return Request(raw.method, segments_of(below), query, headers, body, f"{raw.scheme}://{raw.host}")


def _client_id(request: Request) -> str:
    return request.headers.get("client-request-id", request.id)


def _drop(raw: web.BaseRequest, *, reset: bool) -> None:
    """End the connection, with a reset or without."""
    transport = raw.transport
    if transport is None:
        return
    if reset:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()
    else:
        transport.close()
