"""How to reach an archive's journal address, from the fields of an Airflow connection of type ``smtp``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from include.commsarchive.address import is_mailbox
from include.commsarchive.errors import Fatal

SSL_PORT, SUBMISSION_PORT = 465, 587
_SECURITY = ("ssl", "starttls", "none")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """One server, the address that is the archive, and who sends. ``name`` is the connection's.

    ``sender`` is ``""`` for the null sender, to whom nothing bounces.
    """

    name: str
    host: str
    port: int
    address: str
    sender: str = ""
    login: str = ""
    password: str = field(default="", repr=False)
    security: str = "starttls"


def settings_from(
    name: str, host: str, port: int | None, login: str, password: str, extra: Mapping[str, Any]
) -> JournalSettings:
    """Understand a connection. Extras: ``address``, ``sender`` and ``security``.

    Raises:
        Fatal: a field is missing or of no use, or the way would not be encrypted.
    """
    where = f"connection {name}"
    port = port or SUBMISSION_PORT
    address, sender = (str(extra.get(key) or "") for key in ("address", "sender"))
    security = str(extra.get("security") or ("ssl" if port == SSL_PORT else "starttls"))
    if not host:
        raise Fatal(f"{where}: host is not set. Name the archive's SMTP server")
    if not is_mailbox(address) or (sender and not is_mailbox(sender)):
        raise Fatal(
            f"{where}: extra `address` must be the journal address, extra `sender` an address or empty"
        )
    if security not in _SECURITY:
        raise Fatal(f"{where}: extra `security` must be one of: {', '.join(_SECURITY)}")
    if security == "none" and host not in _LOOPBACK:
        raise Fatal(f"{where}: extra `security` is none. Use ssl or starttls for anything but loopback")
    return JournalSettings(name, host, port, address, sender, login, password, security)
