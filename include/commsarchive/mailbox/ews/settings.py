"""How to reach Exchange and as whom, from the fields of an Airflow connection of type ``ews``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from include.commsarchive.errors import Fatal
from include.commsarchive.trust import trusted

PATH = "/EWS/Exchange.asmx"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
MIB = 1024 * 1024
OFFICE_365 = "https://outlook.office365.com/.default"
WIDTH, MAX_CONNECTIONS, MAX_REQUEST_MIB, TIMEOUT = 16, 4, 64, 100
Chosen = TypeVar("Chosen", bound=StrEnum)


class Auth(StrEnum):
    """How to log in."""

    NTLM = "ntlm"
    BASIC = "basic"
    OAUTH = "oauth"


class Access(StrEnum):
    """How mailboxes of others are opened."""

    IMPERSONATION = "impersonation"
    DELEGATE = "delegate"


@dataclass(frozen=True, slots=True)
class EwsSettings:
    r"""One login on one Exchange organisation. The secret does not show in ``repr``.

    ``login`` is an account (``DOMAIN\name`` or ``name@firm.example``), or the application's id with
    `Auth.OAUTH`; ``secret`` its password or client secret. ``width`` bounds the requests at the same
    time, ``max_connections`` those for one mailbox (a throttling policy's EWSMaxConcurrency is 27 by
    default). ``max_request`` is the largest body in bytes that the server takes: 64 MiB since Exchange
    2013 (its web.config, ``maxAllowedContentLength``). ``timeout`` is in seconds, for one answer.
    """

    url: str
    login: str
    secret: str = field(repr=False)
    auth: Auth = Auth.NTLM
    access: Access = Access.IMPERSONATION
    token_url: str = ""
    scope: str = OFFICE_365
    ca_file: Path | None = None
    width: int = WIDTH
    max_connections: int = MAX_CONNECTIONS
    max_request: int = MAX_REQUEST_MIB * MIB
    timeout: float = TIMEOUT

    @property
    def place(self) -> str:
        """The server for error texts."""
        return f"Exchange at {urlsplit(self.url).netloc}"

    @property
    def verify(self) -> str | bool:
        """What TLS certificates are checked against, as requests takes it."""
        return str(self.ca_file) if self.ca_file else True


def settings_from(
    host: str | None, port: int | None, login: str | None, password: str | None, extra: Mapping[str, Any]
) -> EwsSettings:
    """Understand a connection of type ``ews``.

    Host: a host name, or the whole URL of EWS. Extras: ``auth`` (``ntlm``, ``basic``, ``oauth``; ``oauth``
    where there is a ``tenant_id``, else ``ntlm``), ``tenant_id``, ``token_url`` and ``scope`` (for other
    clouds), ``access_type`` (``impersonation``, ``delegate``), ``ca_file``, ``width``, ``max_connections``,
    ``max_request_mib``, ``timeout_seconds``.

    Raises:
        Fatal: a field is missing, wrong, or contradicts another.
    """
    where = f"EWS connection to {host or '(no host)'}"
    if not host or not login or not password:
        raise Fatal(f"{where}: host, login and password are needed. Fill them in on the connection")
    tenant = str(extra.get("tenant_id") or "")
    auth = _choice(where, extra, "auth", Auth.OAUTH if tenant else Auth.NTLM)
    access = _choice(where, extra, "access_type", Access.IMPERSONATION)
    token_url = str(extra.get("token_url") or "")
    if auth is Auth.OAUTH:
        if not tenant and not token_url:
            raise Fatal(f"{where}: extra `tenant_id` is not set. Name the directory that issues tokens")
        if access is not Access.IMPERSONATION:
            raise Fatal(f"{where}: an application can only impersonate. Remove extra `access_type`")
        token_url = token_url or f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
        _check_safe(where, "extra `token_url`", token_url)
    return EwsSettings(
        url=_url(where, host, port),
        login=login,
        secret=password,
        auth=auth,
        access=access,
        token_url=token_url,
        scope=str(extra.get("scope") or OFFICE_365),
        ca_file=_ca_file(where, extra.get("ca_file")),
        width=int(_number(where, extra, "width", WIDTH)),
        max_connections=int(_number(where, extra, "max_connections", MAX_CONNECTIONS)),
        max_request=int(_number(where, extra, "max_request_mib", MAX_REQUEST_MIB) * MIB),
        timeout=_number(where, extra, "timeout_seconds", TIMEOUT),
    )


def _url(where: str, host: str, port: int | None) -> str:
    url = host if "://" in host else f"https://{host}{f':{port}' if port else ''}{PATH}"
    _check_safe(where, "the host", url)
    parts = urlsplit(url)
    return url if parts.path.strip("/") else f"{parts.scheme}://{parts.netloc}{PATH}"


def _check_safe(where: str, what: str, url: str) -> None:
    """Secrets go over TLS, or not beyond this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in {"https", "http"}:
        raise Fatal(f"{where}: {what} is no address. Write a host name or a URL that begins with https://")
    if parts.scheme == "http" and host not in LOOPBACK:
        raise Fatal(f"{where}: {what} is not encrypted. Write https:// instead of http://")


def _choice(where: str, extra: Mapping[str, Any], key: str, default: Chosen) -> Chosen:
    try:
        return type(default)(str(extra.get(key) or default).lower())
    except ValueError:
        raise Fatal(f"{where}: extra `{key}` must be one of: {', '.join(type(default))}. Mend it") from None


def _number(where: str, extra: Mapping[str, Any], key: str, default: float) -> float:
    """A number of at least one."""
    try:
        number = float(extra.get(key) or default)
    except (TypeError, ValueError):
        number = 0.0
    if not 1 <= number < float("inf"):
        raise Fatal(f"{where}: extra `{key}` is no number from 1 on. Mend or remove it")
    return number


def _ca_file(where: str, name: object) -> Path | None:
    if not name:
        return None
    path = Path(str(name)).expanduser()
    if not path.is_file():
        raise Fatal(f"{where}: extra `ca_file` {path} is no file. Name a PEM file of trusted authorities")
    trusted(where, "ca_file", str(path))
    return path
