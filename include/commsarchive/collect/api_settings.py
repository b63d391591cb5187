"""How to reach an HTTPS API and how to sign in, from the fields of an Airflow connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from include.commsarchive.errors import Fatal

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """One account at one API. Secrets do not show in ``repr``.

    With ``token_url`` the login is a client's id and the password its secret, for tokens by OAuth 2.0
    client credentials (RFC 6749, 4.4); ``token_form`` are form fields more; ``token_in_body`` sends id and
    secret among them instead of in the header. Without, login and password are sent as they are (Basic), or
    a password alone as a token (Bearer).
    """

    name: str
    base: str
    login: str = ""
    password: str = field(default="", repr=False)
    token_url: str = ""
    token_form: Mapping[str, str] = field(default_factory=dict, repr=False)
    token_in_body: bool = False
    verify: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def secret_headers(self, names: tuple[str, ...]) -> dict[str, str]:
        """Give headers with their values.

        Raises:
            Fatal: the connection has no value for one.
        """
        there = {name.lower(): value for name, value in self.headers.items()}
        if lacking := [name for name in names if not there.get(name.lower())]:
            raise Fatal(
                f"{self.place}: extra `headers` lacks {', '.join(lacking)}. Add the value, as in "
                '{"headers": {"X-Api-Key": "…"}}'
            )
        return {name: there[name.lower()] for name in names}

    @property
    def place(self) -> str:
        """The connection, for error texts."""
        return f"connection {self.name}"


def settings_from(
    name: str, address: tuple[str, int | None, str], login: str, password: str, extra: Mapping[str, Any]
) -> ApiSettings:
    """Understand a connection of type ``https`` or ``http``; ``address`` is its host, port and schema.

    The host may be a whole address, with a path. Extras: ``token_url``, ``token_form`` (an object),
    ``token_auth`` (``header`` or ``body``), ``verify`` (path of certificates to trust), ``headers`` (an
    object: values of secret headers).

    Raises:
        Fatal: something is missing, or would send secrets in clear.
    """
    base, token_url = address_of(*address), str(extra.get("token_url") or "")
    form, how = extra.get("token_form") or {}, extra.get("token_auth") or "header"
    headers = extra.get("headers") or {}
    if not isinstance(form, Mapping) or not isinstance(headers, Mapping) or how not in {"header", "body"}:
        raise Fatal(
            f"connection {name}: extra `token_form` is an object of form fields, `headers` one of headers, "
            "`token_auth` header or body. Mend or remove them"
        )
    for url in filter(None, (base, token_url)):
        if not is_safe(url):
            raise Fatal(
                f"connection {name}: its host and extra `token_url` must be https addresses without login. "
                "Plain http is for servers on this very host"
            )
    if not (password or headers) or (token_url and not (login and password)):
        raise Fatal(
            f"connection {name}: no way to sign in. Set login and password, or a token as the password "
            "alone, or client id and secret with extra `token_url`, or extra `headers`"
        )
    return ApiSettings(
        name,
        base,
        login,
        password,
        token_url,
        {str(key): str(value) for key, value in form.items()},
        how == "body",
        str(extra.get("verify") or ""),
        {str(key): str(value) for key, value in headers.items()},
    )


def address_of(host: str, port: int | None, schema: str) -> str:
    """Put an address together; https where nothing else is said."""
    base = host if "://" in host else f"{schema or 'https'}://{host}"
    parts = urlsplit(base)
    if port and parts.hostname and parts.netloc in {parts.hostname, f"[{parts.hostname}]"}:
        base = base.replace(parts.netloc, f"{parts.netloc}:{port}", 1)
    return base.rstrip("/")


def is_safe(address: str) -> bool:
    """Say whether secrets and content may travel to an address: by TLS, or on this very host."""
    try:
        parts = urlsplit(address)
        plain = parts.scheme == "http" and parts.hostname in _LOOPBACK
    except ValueError:
        return False
    return bool(parts.hostname) and not parts.username and (parts.scheme == "https" or plain)
