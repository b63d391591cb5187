"""A GnuPG key ring through python-gnupg: open it, put keys in, list them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import gnupg

from include.commsarchive.errors import Fatal
from include.commsarchive.pgp.base import KeyInfo

# At DEBUG it logs key blocks and user ids, and as errors what we explain ourselves.
logging.getLogger("gnupg").setLevel(logging.CRITICAL)

PIPE_BYTES = 64 * 1024
"""What a pipe holds: waiting for more lets gpg stand still while we write and hash."""


def open_gpg(home: Path, *, passphrases: str = "error") -> gnupg.GPG:
    """Run gpg in a home that exists. It never asks a person for a passphrase.

    ``passphrases`` is gpg's pinentry mode: ``error``, or ``loopback`` where we hand them over by a pipe.

    Raises:
        Fatal: there is no gpg, or no such home.
    """
    options = ["--trust-model", "always", "--no-auto-key-retrieve", "--pinentry-mode", passphrases]
    try:
        gpg = gnupg.GPG(gnupghome=str(home), options=options)
    except OSError as error:
        raise Fatal("gpg does not run. Install the package `gnupg` (Debian, Red Hat: gnupg2)") from error
    except ValueError as error:
        raise Fatal(f"{home}: gpg cannot use this home: {error}. Name an existing GnuPG home") from error
    gpg.buffer_size = PIPE_BYTES
    return gpg


def import_key(gpg: gnupg.GPG, armour: str, what: str) -> list[str]:
    """Put the keys of an armoured block into the ring; their fingerprints.

    Raises:
        Fatal: the block holds no key.
    """
    fingerprints = [one for one in gpg.import_keys(armour).fingerprints if one]
    if not fingerprints:
        raise Fatal(f"{what}: gpg finds no key in the block. Paste all of it, BEGIN and END lines included")
    return list(dict.fromkeys(fingerprints))


def secret_parts(gpg: gnupg.GPG, fingerprints: list[str] | None = None) -> Iterator[tuple[str, str]]:
    """Key id and keygrip of every private key or subkey that decrypts."""
    for key in gpg.list_keys(secret=True, keys=fingerprints):
        for part in _parts(key):
            if "e" in part["cap"]:
                yield part["keyid"], part["keygrip"]


def list_keys(gpg: gnupg.GPG) -> list[KeyInfo]:
    """Our keys, then other people's."""
    secret = {key["fingerprint"] for key in gpg.list_keys(secret=True)}
    found = [_info(key, key["fingerprint"] in secret) for key in gpg.list_keys()]
    return sorted(found, key=lambda key: (not key.secret, key.fingerprint))


def mark_retired(keys: Iterable[KeyInfo], retired: Mapping[str, str]) -> list[KeyInfo]:
    """Say of each key since when it is retired, by fingerprint."""
    return [replace(one, retired=retired.get(one.fingerprint, "")) for one in keys]


def _parts(key: dict[str, Any]) -> list[dict[str, Any]]:
    """The primary key and its subkeys, without those that were revoked."""
    return [part for part in (key, *key.get("subkey_info", {}).values()) if part["trust"] != "r"]


def _info(key: dict[str, Any], secret: bool) -> KeyInfo:
    uses = {use: [part for part in _parts(key) if use in part["cap"]] for use in "es"}
    ends = [_seconds(key)] + [max(map(_seconds, parts)) for parts in uses.values() if parts]
    return KeyInfo(
        fingerprint=key["fingerprint"],
        key_id=key["keyid"],
        user_id=key["uids"][0].encode("latin-1").decode("utf-8", "replace") if key["uids"] else "",
        secret=secret,
        can_encrypt=bool(uses["e"]),
        can_sign=bool(uses["s"]),
        created=int(key["date"]),
        expires=None if min(ends) == _NEVER else min(ends),
        revoked=key["trust"] == "r",
    )


_NEVER = 2**63


def _seconds(part: dict[str, Any]) -> int:
    """When a key expires."""
    return int(part["expires"] or _NEVER)
