"""How to reach an IMAP server, from the fields of an Airflow connection of type ``imap``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from include.commsarchive.errors import Fatal

SSL_PORT = 993
_SECURITY = ("ssl", "starttls", "none")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class ImapSettings:
    """One server and whoever may log in for all of its mailboxes. ``name`` is the connection's.

    ``login_format`` makes a login name of a mailbox (``{mailbox}*master``); where it is ``""``, ``login``
    logs in as itself and asks to act for the mailbox (SASL PLAIN's authorization identity, RFC 4616).
    """

    name: str
    host: str
    port: int
    login: str
    password: str = field(repr=False)
    security: str
    login_format: str = ""

    def sasl_plain(self, mailbox: str) -> bytes:
        """Give SASL PLAIN's message for a mailbox."""
        if not self.login_format:
            return f"{mailbox}\0{self.login}\0{self.password}".encode()
        local = mailbox.partition("@")[0]
        name = self.login_format.format(mailbox=mailbox, local=local, login=self.login)
        return f"\0{name}\0{self.password}".encode()


def settings_from(
    name: str, host: str, port: int | None, login: str, password: str, extra: Mapping[str, Any]
) -> ImapSettings:
    """Understand a connection. Extras: ``security`` and ``login_format``.

    Raises:
        Fatal: a field is missing or of no use, or the way would not be encrypted.
    """
    where = f"connection {name}"
    port = port or SSL_PORT
    security = str(extra.get("security") or ("ssl" if port == SSL_PORT else "starttls"))
    login_format = str(extra.get("login_format") or "")
    if not host or not password or not (login or login_format):
        raise Fatal(
            f"{where}: set host, password, and login or extra `login_format`: who may file for everybody"
        )
    if security not in _SECURITY:
        raise Fatal(f"{where}: extra `security` must be one of: {', '.join(_SECURITY)}")
    if security == "none" and host not in _LOOPBACK:
        raise Fatal(f"{where}: extra `security` is none. Use ssl or starttls for anything but loopback")
    settings = ImapSettings(name, host, port, login, password, security, login_format)
    try:
        distinct = settings.sasl_plain("a@b.example") != settings.sasl_plain("c@b.example")
    except (LookupError, ValueError) as error:
        raise Fatal(
            f"{where}: extra `login_format` knows {{mailbox}}, {{local}} and {{login}} only"
        ) from error
    if not distinct:
        raise Fatal(f"{where}: extra `login_format` must hold {{mailbox}} or {{local}}")
    return settings
