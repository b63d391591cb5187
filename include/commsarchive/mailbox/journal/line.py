"""One connection to the archive's SMTP server, and what its answers mean. RFC 5321, 3463 (enhanced codes)."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import time
from collections.abc import Iterable, Iterator

from include.commsarchive.errors import Fatal
from include.commsarchive.mailbox.journal.settings import JournalSettings

TIMEOUT = 600.0
"""Seconds that a server may be silent; RFC 5321 (4.5.3.2) lets it think about a mail for ten minutes."""

TOO_LARGE = "message-too-large"
_FULL = "mailbox-quota-full"
_REFUSED = "refused-by-server"
_BUSY = "server-busy"
_CODES = {"3.4": TOO_LARGE, "2.3": TOO_LARGE, "2.2": _FULL}
_ENHANCED = re.compile(rb"\d\.(\d{1,3}\.\d{1,3})\b")
_DATA_WANTED, _TOO_LARGE, _OK = 354, 552, range(200, 300)
_PASSING = range(400, 500)


class Refused(Exception):
    """A clear no: ``reason`` for ever, or ``doubt`` for now. The connection is still good."""

    def __init__(self, code: int, text: bytes) -> None:
        """Understand a reply."""
        found = _ENHANCED.match(text)
        about = found[1].decode() if found else ""
        super().__init__(f"{code} {about}")
        self.doubt = _BUSY if code in _PASSING else ""
        reason = TOO_LARGE if code == _TOO_LARGE else _REFUSED
        self.reason = "" if self.doubt else _CODES.get(about, reason)


class Unanswered(Exception):
    """The connection was lost when the server had the whole mail: it may have taken it."""


class Line:
    """A connection, logged in."""

    def __init__(self, settings: JournalSettings) -> None:
        """Connect.

        Raises:
            Fatal: the login is refused, or the server has no TLS.
            OSError: the server cannot be reached or does not want to talk now.
        """
        self._settings = settings
        where = f"connection {settings.name}"
        trust = ssl.create_default_context()
        if settings.security == "ssl":
            self._smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                settings.host, settings.port, timeout=TIMEOUT, context=trust
            )
        else:
            self._smtp = smtplib.SMTP(settings.host, settings.port, timeout=TIMEOUT)
        try:
            if settings.security == "starttls":
                self._smtp.starttls(context=trust)
            if settings.login:
                self._smtp.login(settings.login, settings.password)
            self._smtp.ehlo_or_helo_if_needed()
        except smtplib.SMTPNotSupportedError as error:
            self.close()
            raise Fatal(f"{where}: the server has no STARTTLS or no AUTH. Mend port or `security`") from error
        except smtplib.SMTPAuthenticationError as error:
            self.close()
            raise Fatal(f"{where}: the server refuses the login ({error.smtp_code}). Mend it") from error
        except BaseException:
            self.close()
            raise
        # The end of a mail is a write of its own: it must not wait for the one before to be acknowledged.
        if self._smtp.sock:
            self._smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.used_at = time.monotonic()

    def offer(self, size: int) -> None:
        """Say that a mail of so many bytes comes, and for whom.

        Raises:
            Refused: it is too large, or the server takes none now.
            Fatal: this server takes no mail for the archive from us.
            OSError: the connection was lost.
        """
        smtp = self._smtp
        most = smtp.esmtp_features.get("size", "")
        if most.isdigit() and 0 < int(most) < size:
            raise Refused(_TOO_LARGE, b"")
        options = [f"SIZE={size}"] if smtp.has_extn("size") else []
        code, text = smtp.mail(self._settings.sender, options)
        if code in _OK:
            code, text = smtp.rcpt(self._settings.address)
        if code in _OK:
            return
        smtp.rset()
        refused = Refused(code, text)
        if refused.doubt or refused.reason == TOO_LARGE:
            raise refused
        raise Fatal(
            f"connection {self._settings.name}: the server takes no mail for the archive from us ({code}). "
            "Mend extra `address`, extra `sender` or the login"
        )

    def send(self, pieces: Iterable[bytes]) -> str:
        """Send the mail that was offered; give the server's word for having it.

        Raises:
            Refused: the server does not take it.
            Unanswered: it had all of it, and did not say whether it takes it.
            OSError: the connection was lost before; it has not taken it.
        """
        code, text = self._smtp.docmd("DATA")
        if code != _DATA_WANTED:
            self._smtp.rset()
            raise Refused(code, text)
        for piece in _stuffed(pieces):
            self._smtp.send(piece)
        try:
            self._smtp.send(b".\r\n")
            code, text = self._smtp.getreply()
        except OSError as error:
            raise Unanswered from error
        if code < 0:
            raise Unanswered
        if code not in _OK:
            raise Refused(code, text)
        self.used_at = time.monotonic()
        return text.decode("ascii", "replace")

    def withdraw(self) -> None:
        """Take back what was offered.

        Raises:
            OSError: the connection was lost.
        """
        self._smtp.rset()

    def is_well(self, stale: float) -> bool:
        """Tell whether a connection that has been idle for so many seconds is still good."""
        if time.monotonic() - self.used_at < stale:
            return True
        try:
            return self._smtp.noop()[0] in _OK
        except OSError:
            return False

    @property
    def is_open(self) -> bool:
        """Whether it was not closed, by us or by a server that went away."""
        return self._smtp.sock is not None

    def close(self) -> None:
        """Let go."""
        self._smtp.close()


def _stuffed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Double the dot at the start of a line (RFC 5321, 4.5.2). The last piece ends with a line."""
    starts_line = True
    for piece in pieces:
        if piece:
            stuffed = piece.replace(b"\n.", b"\n..")
            yield b"." + stuffed if starts_line and piece.startswith(b".") else stuffed
            starts_line = piece.endswith(b"\n")
