"""One login on an IMAP server: the standard library's client, and appends as they should be.

The library's own ``append`` holds a whole message in memory, takes one at a time and waits for the server
before it sends: ours streams, and sends many without waiting where the server lets us (RFC 3502, RFC 7888).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import imaplib
import re
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from include.commsarchive.mailbox.imap.settings import ImapSettings
from include.commsarchive.mailbox.spool import Spooled

TIMEOUT = 120.0
"""Seconds that a server may be silent: it may be writing what it was sent to a slow disk."""

_CODE = re.compile(rb"\[([A-Za-z-]+)(?: ([^\]]*))?\]")


@dataclass(frozen=True, slots=True)
class Message:
    """What is appended: our header, then the mail; ``at`` is in ms."""

    content: Spooled
    at: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The server's last word on a command: OK, NO or BAD, its response code, and what the code says."""

    status: str
    code: str
    about: str

    @property
    def ok(self) -> bool:
        """Whether it is a yes."""
        return self.status == "OK"


class Refused(Exception):
    """The server does not let us in; ``code`` is its response code, ``""`` without one."""

    def __init__(self, code: str) -> None:
        """Keep the code."""
        super().__init__(code)
        self.code = code


class Client(imaplib.IMAP4):
    """The library's client, whose ``append_all`` is ours."""

    def append_all(self, folder: str, messages: Sequence[Message]) -> Answer:
        """Append messages in one command, all or none; more than one needs ``MULTIAPPEND``.

        Raises:
            imaplib.IMAP4.abort, OSError: the connection was lost; nobody knows what became of them.
        """
        tag = self._new_tag()
        self.send(tag + f" APPEND {folder}".encode())
        for message in messages:
            at = imaplib.Time2Internaldate(dt.datetime.fromtimestamp(message.at // 1000, dt.UTC))
            waits = "LITERAL+" not in self.capabilities
            self.send(f" (\\Seen) {at} {{{message.content.size}{'' if waits else '+'}}}\r\n".encode())
            if waits and not self._go_on(tag):
                break
            for piece in message.content.pieces():
                self.send(piece)
        else:
            self.send(b"\r\n")
        try:
            return answer_of(*self._command_complete("APPEND", tag))
        except self.abort:
            raise
        except self.error:
            return Answer("BAD", "", "")

    def refresh_capabilities(self) -> None:
        """Ask what the server can do for whoever is logged in now."""
        _, found = self.capability()
        self.capabilities = tuple(found[-1].decode("ascii", "replace").upper().split())

    def _go_on(self, tag: bytes) -> bool:
        """Wait until the server takes a literal; say no when it has given its last word instead."""
        while self._get_response():
            if self.tagged_commands[tag]:
                return False
        return True


class _SecureClient(Client, imaplib.IMAP4_SSL):
    """The same, encrypted from the first byte on."""


def answer_of(status: str, data: Sequence[Any]) -> Answer:
    """Read a tagged answer of the library."""
    text = data[-1] if data and isinstance(data[-1], bytes) else b""
    found = _CODE.match(text)
    code, about = (found[1], found[2] or b"") if found else (b"", b"")
    return Answer(status, code.decode().upper(), about.decode("ascii", "replace"))


def log_in(settings: ImapSettings, mailbox: str) -> Client:
    """Connect and log in for a mailbox.

    Raises:
        Refused: the server does not let us into this mailbox.
        imaplib.IMAP4.error, OSError: the server cannot be reached, or not understood.
    """
    client: Client
    if settings.security == "ssl":
        trust = ssl.create_default_context()
        client = _SecureClient(settings.host, settings.port, ssl_context=trust, timeout=TIMEOUT)
    else:
        client = Client(settings.host, settings.port, timeout=TIMEOUT)
    try:
        # A message is several writes: none must wait for the one before to be acknowledged.
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if settings.security == "starttls":
            client.starttls(ssl.create_default_context())
        try:
            client.authenticate("PLAIN", lambda _: settings.sasl_plain(mailbox))
        except client.abort:
            raise
        except client.error as error:
            raise Refused(answer_of("NO", [str(error).encode()]).code) from None
        client.refresh_capabilities()
    except BaseException:
        with contextlib.suppress(OSError):
            client.shutdown()
        raise
    return client
