"""Microsoft Graph for Exchange Online on loopback, as far as mail is archived through it.

Use from any test::

    from tests.servers.graph.server import GraphServer

    with GraphServer() as server:
        server.store.add_user("ann@example.com")
        ...                                             # a client speaks to server.url
        assert server.store.mailbox("ann@example.com").paths() == {"Inbox/Chat Archive": 1}

``server.url`` stands for ``https://graph.microsoft.com``. ``server.authority`` is https, as msal demands:
trust ``server.certificate``; ``server.token_endpoint`` is the same without TLS. What goes wrong and when is
said to ``server.faults``; see `tests.servers.faults`. It runs in a thread of its own.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.servers.faults import Faults
from tests.servers.graph.certificate import write_certificate
from tests.servers.graph.http import Http
from tests.servers.graph.service import Service
from tests.servers.graph.store import Store
from tests.servers.graph.throttle import Limits, Throttle
from tests.servers.graph.tokens import TENANT, Tokens
from tests.servers.programs import HOST


class GraphServer:
    """One server with its sign-in.

    ``clock`` gives seconds since 1970 for tokens, limits and dates of arrival. ``latency`` is what each
    HTTP request takes on its way, ``work`` what each call on a mailbox takes while it holds one of the
    mailbox's four places, both in seconds.
    """

    def __init__(
        self,
        faults: Faults | None = None,
        *,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
        latency: float = 0,
        work: float = 0,
    ) -> None:
        self.faults = faults if faults is not None else Faults()
        self.service = Service(clock, limits or Limits())
        self.http = Http(self.service, self.faults, latency, work)
        self.url = ""
        self.authority = ""
        self.token_endpoint = ""
        self._folder = tempfile.TemporaryDirectory(prefix="graph-")
        self.certificate = Path(self._folder.name) / "loopback.pem"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="graph", daemon=True)

    @property
    def store(self) -> Store:
        """What is kept."""
        return self.service.store

    @property
    def tokens(self) -> Tokens:
        """Who may sign in, and for how long."""
        return self.service.tokens

    @property
    def limits(self) -> Limits:
        """The limits, which may be changed."""
        return self.service.limits

    @property
    def throttle(self) -> Throttle:
        """What has been counted against the limits."""
        return self.service.throttle

    def __enter__(self) -> Self:
        write_certificate(self.certificate)
        self._thread.start()
        self._do(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._folder.cleanup()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    async def _start(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        self._server = web.Server(self.http.handle, access_log=None)
        self._runner = web.ServerRunner(self._server, shutdown_timeout=0.2)
        await self._runner.setup()
        for secure in (None, context):
            await web.TCPSite(self._runner, HOST, 0, ssl_context=secure).start()
        plain, secured = (f"{HOST}:{address[1]}" for address in self._runner.addresses)
        self.url = f"http://{plain}"
        self.authority = f"https://{secured}/{TENANT}"
        self.token_endpoint = f"{self.url}/{TENANT}/oauth2/v2.0/token"

    async def _stop(self) -> None:
        """End all connections and stalls at once: TLS would wait for the client to say farewell."""
        for connection in list(self._server.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await self._runner.cleanup()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0.001)
