"""How to file through Microsoft Graph, from the fields of an Airflow connection of type ``msgraph``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from include.commsarchive.errors import Fatal
from include.commsarchive.mailbox.pace import Budget
from include.commsarchive.microsoft import Application, application_from
from include.commsarchive.trust import trusted

MIB = 1024 * 1024
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class GraphSettings:
    """One application and how it may go about.

    ``concurrency`` is how many requests run at once, over all mailboxes; ``message_size`` the largest
    message, in bytes, that the mailboxes take; ``budget`` what Graph lets one application do to one mailbox.
    """

    application: Application
    concurrency: int = 32
    message_size: int = 35 * MIB
    budget: Budget = field(default_factory=Budget)

    @property
    def place(self) -> str:
        """The connection, for error texts."""
        return f"connection {self.application.name}"


def settings_from(name: str, host: str, login: str, password: str, extra: Mapping[str, Any]) -> GraphSettings:
    """Understand a connection: an application (see `include.commsarchive.microsoft`) and two extras more.

    These are ``concurrency`` (1 to 1000) and ``message_mib``, the largest message in MiB that the mailboxes
    take (1 to 150; Exchange Online's own default is 35).

    Raises:
        Fatal: a field is missing, or of no use.
    """
    application = application_from(name, host, login, password, extra)
    where = f"connection {name}"
    if not _is_safe(application.graph):
        raise Fatal(f"{where}: host is no https address. Leave it empty for Microsoft's worldwide cloud")
    trusted(where, "verify", application.verify)
    return GraphSettings(
        application,
        concurrency=_number(where, extra, "concurrency", 32, 1000),
        message_size=_number(where, extra, "message_mib", 35, 150) * MIB,
    )


def _is_safe(address: str) -> bool:
    """Tokens travel by https alone, but for a server on this very host that says http itself."""
    parts = urlsplit(address)
    plain = parts.scheme == "http" and parts.hostname in _LOOPBACK
    return bool(parts.hostname) and not parts.username and (parts.scheme == "https" or plain)


def _number(where: str, extra: Mapping[str, Any], key: str, default: int, most: int) -> int:
    try:
        number = int(default if extra.get(key) in {None, ""} else extra[key])
    except (TypeError, ValueError):
        number = 0
    if not 1 <= number <= most:
        raise Fatal(f"{where}: extra `{key}` must be a number from 1 to {most}. Mend or remove it")
    return number
