"""Keys and password of the demo's servers, made on the spot and kept private."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from include.commsarchive.landing import Landing


@dataclass(frozen=True, slots=True)
class Access:
    """How to log in to any account and how to know the server. Keys are whole key files as text.

    Password or private key: each is enough. ``host_key`` is the server's public key, one line.
    """

    password: str = field(repr=False)
    private_key: str = field(repr=False)
    public_key: str
    host_private_key: str = field(repr=False)
    host_key: str


def make_access(state: Path) -> Access:
    """Read the keys and the password from a folder; what is not there yet is made."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    private_key, host_private_key = (kept(state / name, _new_key) for name in ("user_key", "host_key"))
    return Access(
        password=kept(state / "password", secrets.token_urlsafe),
        private_key=private_key,
        public_key=_public(private_key),
        host_private_key=host_private_key,
        host_key=_public(host_private_key),
    )


def kept(path: Path, make: Callable[[], str]) -> str:
    """Read a private text file; make it first where there is none."""
    if not path.exists():
        land(path, make().encode())
    return path.read_text(encoding="utf-8")


def land(path: Path, content: bytes) -> None:
    """Write a private file, whole or not at all."""
    with Landing(path) as landing:
        landing.write(content)
        landing.settle()


def _new_key() -> str:
    return asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()


def _public(private_key: str) -> str:
    return asyncssh.import_private_key(private_key).export_public_key().decode().strip()
