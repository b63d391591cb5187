"""A server on loopback that answers what a function says."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.programs import HOST


@dataclass(frozen=True)
class Said:
    """An answer; ``hang_up`` breaks the connection in mid-body."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False


Answer = Callable[[str, dict[str, str], bytes | None], Said]
"""From a request's target, headers (names in lower case) and body, None for GET."""


@contextmanager
def answering(answer: Answer, certificate: Path | None) -> Iterator[int]:
    """Run it until the block ends, by TLS with a certificate; give its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"] or 0)))

        def _answer(self, body: bytes | None) -> None:
            said = answer(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body) + 9 * said.hang_up))
            self.end_headers()
            self.wfile.write(said.body)
            self.close_connection = self.close_connection or said.hang_up

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing: a client that hangs up is no news."""

    with Server((HOST, 0), Handler) as server:
        if certificate:
            secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            secure.load_cert_chain(certificate)
            server.socket = secure.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()
