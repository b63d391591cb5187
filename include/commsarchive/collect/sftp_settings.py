"""How to reach an SFTP server and how to know it, from the fields of an Airflow connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from include.commsarchive.collect.private_key import key_texts, passphrase_in
from include.commsarchive.errors import Fatal

FAST_CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
"""Fastest first. CBC modes are left out: name them in the extra `ciphers` where a server has nothing else."""


@dataclass(frozen=True, slots=True)
class SftpSettings:
    """One account on one server. Timeouts are seconds; secrets do not show in ``repr``.

    ``private_keys`` are whole key files as text. The server must present one of ``host_keys``
    (``ssh-ed25519 AAAA…``), or, when there are none, be listed in ``known_hosts``.
    ``call_timeout`` bounds every answer of the server, not a whole transfer.
    """

    host: str
    port: int = 22
    username: str = ""
    password: str = field(default="", repr=False)
    private_keys: tuple[str, ...] = field(default=(), repr=False)
    passphrase: str = field(default="", repr=False)
    host_keys: tuple[str, ...] = ()
    known_hosts: Path = Path("~/.ssh/known_hosts")
    verify_host_key: bool = True
    ciphers: tuple[str, ...] = FAST_CIPHERS
    connect_timeout: float = 30.0
    call_timeout: float = 60.0

    @property
    def place(self) -> str:
        """The server for error texts: host and port, no account."""
        return f"{self.host}:{self.port}"


def settings_from(
    host: str | None, port: int | None, login: str | None, password: str | None, extra: Mapping[str, Any]
) -> SftpSettings:
    """Understand a connection of type ``sftp`` as the Airflow provider does, and a little more.

    Extras: ``private_key`` (text), ``key_file`` (path), ``private_key_passphrase`` or ``passphrase``,
    ``host_key`` (one a line, so that a server can change its key with no gap), ``known_hosts`` (path),
    ``no_host_key_check``, ``ciphers`` (list, or text with commas), ``conn_timeout``, ``cmd_timeout``.
    Compression is never used: it makes transfers several times slower, and exports are compressed.
    (The provider's names: apache-airflow-providers-sftp 7.0.0 and -ssh, their hooks.)

    Raises:
        Fatal: a field is missing, contradicts another, or names a file that cannot be read.
    """
    where = f"SFTP connection to {host or '(no host)'}"
    if not host or not login:
        raise Fatal(f"{where}: host and login are needed. Fill them in on the connection")
    keys = key_texts(where, extra)
    if not keys and not password:
        raise Fatal(f"{where}: no way to log in. Set a password, or extra `private_key` or `key_file`")
    host_keys = tuple(_host_key(line) for line in (extra.get("host_key") or "").splitlines() if line.strip())
    unchecked = extra.get("no_host_key_check", extra.get("ignore_hostkey_verification"))
    verify = str(unchecked or False).lower() != "true"
    if host_keys and not verify:
        raise Fatal(f"{where}: extras `host_key` and `no_host_key_check` contradict each other. Remove one")
    ciphers = extra.get("ciphers") or FAST_CIPHERS
    return SftpSettings(
        host=host,
        port=port or 22,
        username=login,
        password=(password or "").strip(),
        private_keys=tuple(keys),
        passphrase=passphrase_in(extra),
        host_keys=host_keys,
        known_hosts=Path(extra.get("known_hosts") or "~/.ssh/known_hosts"),
        verify_host_key=verify,
        ciphers=tuple(ciphers.split(",") if isinstance(ciphers, str) else ciphers),
        connect_timeout=_seconds(where, extra, "conn_timeout", 30.0),
        call_timeout=_seconds(where, extra, "cmd_timeout", 60.0),
    )


def _host_key(line: str) -> str:
    """Type and key of one line; a bare key is RSA, as in the provider."""
    parts = line.split()
    return " ".join(parts[:2]) if len(parts) > 1 else f"ssh-rsa {parts[0]}"


def _seconds(where: str, extra: Mapping[str, Any], key: str, default: float) -> float:
    """A positive number of seconds."""
    try:
        seconds = float(extra.get(key) or default)
    except (TypeError, ValueError):
        seconds = 0.0
    if seconds <= 0:
        raise Fatal(f"{where}: extra `{key}` is no positive number of seconds. Mend or remove it")
    return seconds
