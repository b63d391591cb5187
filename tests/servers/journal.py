"""A mail server on loopback that keeps what it is given; and one for webhooks."""

from __future__ import annotations

import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any


@dataclass
class MailServer:
    """``mails`` are what was accepted, in order; ``refusing`` makes it refuse the next ones."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    refusing: bool = False


@contextmanager
def running_smtp() -> Iterator[MailServer]:
    """Run it until the block ends."""
    state = MailServer()

    class Talk(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 test\r\n")
            for line in self.rfile:
                word = line.split()[0].upper() if line.split() else b""
                if word == b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                if word == b"RCPT" and state.refusing:
                    self.wfile.write(b"451 not now\r\n")
                elif word == b"DATA":
                    self._take()
                else:
                    if word == b"RCPT":
                        state.recipients.append(line.decode().split("<")[1].split(">")[0])
                    self.wfile.write(b"250 fine\r\n")

        def _take(self) -> None:
            self.wfile.write(b"354 go on\r\n")
            lines = []
            while (line := self.rfile.readline()) != b".\r\n":
                lines.append(line.removeprefix(b"."))
            mail = message_from_bytes(b"".join(lines), EmailMessage, policy=policy.default)
            state.mails.append(mail)
            self.wfile.write(b"250 taken\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talk) as server:
        state.port = server.server_address[1]
        with _served(server):
            yield state


@dataclass
class HookServer:
    """``posts`` are the JSON objects that came; ``status`` is what it answers."""

    url: str = ""
    posts: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200


@contextmanager
def running_webhook() -> Iterator[HookServer]:
    """Run it until the block ends."""
    state = HookServer()

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if state.status == http.HTTPStatus.OK:
                state.posts.append(json.loads(content))
            self.send_response(state.status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}/secret-path"
        with _served(server):
            yield state


@contextmanager
def _served(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
