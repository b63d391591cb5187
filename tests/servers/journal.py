"""An archive's SMTP server on loopback, which keeps what it is sent and can be told what to answer.

    with JournalServer() as server:
        server.answers["RCPT"] = "450 4.2.0 Not now"
        ...                                             # a client speaks to server.port
        assert server.mails[0].content.startswith(b"From:")

Commands are answered as RFC 5321 has it, but for ``answers``, by the command's name; ``END`` is a mail's
end. An answer that is `CLOSE` closes the connection instead. Doubled dots are undone, as servers do.
"""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.graph.certificate import write_certificate
from tests.servers.programs import HOST

CLOSE = ""


@dataclass
class Arrived:
    """A mail that was taken, or would have been, had its sender heard the answer."""

    sender: str
    recipient: str
    content: bytes


@dataclass
class JournalServer:
    """``extensions`` are what EHLO offers; with a file for its certificate, STARTTLS is among them."""

    certificate: Path | None = None
    extensions: tuple[str, ...] = ("SIZE 5000000", "AUTH PLAIN")
    answers: dict[str, str] = field(default_factory=dict)
    mails: list[Arrived] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    port: int = 0

    def __enter__(self) -> Self:
        if self.certificate:
            write_certificate(self.certificate)
            self.extensions += ("STARTTLS",)
        talk = self._talk

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):
                    talk(self.request)

        self._server = socketserver.ThreadingTCPServer((HOST, 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _talk(self, client: socket.socket) -> None:
        """Greet, and start again in TLS when the client asks for it."""
        client.sendall(f"{self.answers.get('GREETING', '220 archive.example')}\r\n".encode())
        if self._converse(client):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(str(self.certificate))
            with context.wrap_socket(client, server_side=True) as secured:
                self._converse(secured)

    def _converse(self, client: socket.socket) -> bool:
        """Answer commands until the client goes; say whether it wants TLS instead."""
        sender: str | None = None
        recipient = ""
        with client.makefile("rb") as lines:
            for line in lines:
                command = line.decode().strip()
                self.commands.append(command)
                name, path = command[:4].upper(), command.partition("<")[2].partition(">")[0]
                answer = self.answers.get(name, self._usual(name))
                if name == "MAIL" and sender is not None:
                    answer = "503 5.5.1 Nested MAIL command"
                elif name == "MAIL" and answer.startswith("250"):
                    sender = path
                elif name == "RCPT":
                    recipient = path
                if answer.startswith("354"):
                    client.sendall(b"354 Go on\r\n")
                    content = b"".join(_undotted(lines))
                    self.mails.append(Arrived(sender or "", recipient, content))
                    answer = self.answers.get("END", f"250 2.0.0 Ok: queued as {len(self.mails):06X}")
                    sender = None
                elif name == "RSET":
                    sender = None
                if answer == CLOSE:
                    return False
                client.sendall(f"{answer}\r\n".encode())
                if name == "STAR":
                    return True
        return False

    def _usual(self, name: str) -> str:
        greeting = "\r\n".join(f"250-{one}" for one in ("archive.example", *self.extensions))
        usual = {"EHLO": f"{greeting}\r\n250 HELP", "DATA": "354", "STAR": "220 2.0.0 Go ahead"}
        return {**usual, "AUTH": "235 2.7.0 Welcome", "QUIT": "221 2.0.0 Bye"}.get(name, "250 2.0.0 Ok")


def _undotted(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Read a mail's lines.

    Raises:
        ConnectionError: the client went away before its end.
    """
    for line in lines:
        if line == b".\r\n":
            return
        yield line.removeprefix(b".")
    raise ConnectionError
