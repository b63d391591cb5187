"""Sign-in to Microsoft's cloud as an application of one's own: client credentials, by secret or certificate.

The settings are those of an Airflow connection of type ``msgraph``: login is the application's (client) id,
password its secret, host the Graph endpoint of a national cloud; extras ``tenant_id``, and where need be
``certificate_data`` (PEM: certificate and private key), ``authority``, ``verify`` (a file of certificates).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msal
import requests

from include.commsarchive.errors import Fatal, Retriable

GRAPH = "https://graph.microsoft.com"
SIGN_IN = "https://login.microsoftonline.com"
_TIMEOUT = 30
"""Seconds for one answer of the sign-in."""


@dataclass(frozen=True, slots=True)
class Application:
    """An application as it is registered, and the Graph that it asks. ``verify``: certificates to trust."""

    name: str
    client_id: str
    authority: str
    graph: str = GRAPH
    secret: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    verify: str = ""


def application_from(
    name: str, host: str, login: str, password: str, extra: Mapping[str, Any]
) -> Application:
    """Read the settings of a connection; ``name`` is the connection's.

    Raises:
        Fatal: something is missing.
    """
    tenant = str(extra.get("tenant_id") or extra.get("tenantId") or "")
    certificate = str(extra.get("certificate_data") or "")
    authority = str(extra.get("authority") or "") or (tenant and f"{SIGN_IN}/{tenant}")
    needed = {
        "login (the application's id)": login,
        "extra `tenant_id`": authority,
        "password (its secret), or extra `certificate_data`,": password or certificate,
    }
    if lacking := [what for what, value in needed.items() if not value]:
        raise Fatal(f"connection {name}: {' and '.join(lacking)} is not set. Take it from the registration")
    graph = (host if "://" in host else f"https://{host}") if host else GRAPH
    return Application(
        name, login, authority, graph.rstrip("/"), password, certificate, str(extra.get("verify") or "")
    )


class SignIn:
    """Gives tokens for Graph, and keeps each one for as long as it is good."""

    def __init__(self, application: Application) -> None:
        """Take an application; nothing is asked before the first token is."""
        self._of = application
        self._client: msal.ConfidentialClientApplication | None = None

    def token(self) -> str:
        """Give a token that is good for some minutes at least.

        Raises:
            Fatal: the application, its tenant or its secret is refused.
            Retriable: the sign-in cannot be reached.
        """
        try:
            self._client = self._client or self._open()
            answer: dict[str, Any] = self._client.acquire_token_for_client([f"{self._of.graph}/.default"])
        except (requests.RequestException, msal.exceptions.MsalError, ValueError) as error:
            raise Retriable(
                f"connection {self._of.name}: Microsoft's sign-in cannot be reached: {type(error).__name__}. "
                "Try again; check the network, and extra `authority`"
            ) from error
        if token := answer.get("access_token"):
            return str(token)
        said = str(answer.get("error_description") or answer.get("error")).partition(":")[0]
        if answer.get("error") in {"temporarily_unavailable", "server_error"}:
            raise Retriable(f"connection {self._of.name}: Microsoft's sign-in answers {said}. Try again")
        raise Fatal(
            f"connection {self._of.name}: Microsoft's sign-in refuses the application: {said}. "
            "Mend its id, tenant, or its secret or certificate, which may have expired"
        )

    def _open(self) -> msal.ConfidentialClientApplication:
        pem = self._of.certificate
        http = requests.Session()
        # Stated with the request, or REQUESTS_CA_BUNDLE would win.
        ask = partial(http.request, timeout=_TIMEOUT, verify=self._of.verify or None)
        http.request = ask  # type: ignore[method-assign]
        try:
            return msal.ConfidentialClientApplication(
                self._of.client_id,
                client_credential={"private_key": pem, "public_certificate": pem} if pem else self._of.secret,
                authority=self._of.authority,
                instance_discovery=False,
                http_client=http,
            )
        except ValueError as error:
            raise Fatal(
                f"connection {self._of.name}: tenant, authority or certificate cannot be used. Write the "
                "tenant's id or domain, the authority as https://…/tenant, certificate and key as PEM"
            ) from error
