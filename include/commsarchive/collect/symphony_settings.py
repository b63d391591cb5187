"""How to reach a Symphony pod's Files API, and how its service account signs in, from an Airflow connection.

Sign-in as Symphony's public specifications state it (finos/symphony-api-spec, login and files API 1.0.1): a
JWT signed by the account's RSA key gives a session, the session a token for files.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

from include.commsarchive.collect.api_proof import SignIn
from include.commsarchive.collect.api_settings import ApiSettings, address_of, is_safe
from include.commsarchive.collect.private_key import key_texts, passphrase_in
from include.commsarchive.errors import Fatal

_LIFE = 120
"""Seconds that our request to sign in is good for; a pod takes no more than five minutes."""
_REMEDY = (
    "Check the account's name and role (Content Export Reader), that the pod has the public half of its key, "
    "and this machine's clock"
)


@dataclass(frozen=True, slots=True)
class SymphonySettings:
    """One service account at one pod."""

    at: ApiSettings
    key: RSAPrivateKey = field(repr=False)

    async def renew(self, http: aiohttp.ClientSession) -> tuple[str, float]:
        """Sign in for the files; give a token and the seconds that it is good for.

        Raises:
            Fatal: the account is refused, or what is given is no token.
            Retriable: the pod cannot be reached or is busy.
        """
        base = f"{self.at.base}/login"
        claims = {"sub": self.at.login, "exp": int(time.time()) + _LIFE}
        proof = {"token": jwt.encode(claims, self.key, algorithm="RS512")}
        login = SignIn(f"{self.at.place}: signing in", _REMEDY)
        session = await login.ask(http, f"{base}/pubkey/authenticate", json=proof)
        if not isinstance(token := session.get("token"), str):
            raise login.no_token()
        files = SignIn(f"{self.at.place}: signing in for files", _REMEDY)
        asked = {"params": {"scope": "sym-files"}, "headers": {"sessionToken": token}}
        return files.token(await files.ask(http, f"{base}/idm/tokens", **asked))


def settings_from(
    name: str, address: tuple[str, int | None, str], login: str, extra: Mapping[str, Any]
) -> SymphonySettings:
    """Understand a connection; ``address`` is its host (the pod's, perhaps with a path), port and schema.

    Extras: ``private_key`` (PEM or OpenSSH, text) or ``key_file`` (path), ``private_key_passphrase``,
    ``verify`` (path of certificates to trust).

    Raises:
        Fatal: something is missing, would travel in clear, or is no RSA key.
    """
    base, where = address_of(*address), f"connection {name}"
    if not is_safe(base) or not login:
        raise Fatal(
            f"{where}: the host must be the pod's https address, as https://yours.symphony.com, and the "
            "login the service account's user name"
        )
    keys = key_texts(where, extra)
    if not keys:
        raise Fatal(f"{where}: no key to sign in with. Set extra `private_key` or `key_file`")
    key = _rsa(where, keys[0].encode(), passphrase_in(extra).encode() or None)
    return SymphonySettings(ApiSettings(name, base, login, verify=str(extra.get("verify") or "")), key)


def _rsa(where: str, text: bytes, passphrase: bytes | None) -> RSAPrivateKey:
    load = load_ssh_private_key if b"OPENSSH" in text else load_pem_private_key
    try:
        key: Any = load(text, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Fatal(
            f"{where}: its private key cannot be read. Set the whole text of the key, and its passphrase as "
            "extra `private_key_passphrase`"
        ) from error
    if not isinstance(key, RSAPrivateKey):
        raise Fatal(f"{where}: its private key is not RSA, which Symphony asks for. Make one of 4096 bits")
    return key
