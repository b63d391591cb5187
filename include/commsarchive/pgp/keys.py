"""Make the OpenPGP key pair that a vendor encrypts to, and watch keys grow old."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

from include.commsarchive.errors import Fatal
from include.commsarchive.pgp.base import KeyInfo
from include.commsarchive.pgp.home import Home
from include.commsarchive.pgp.keyring import open_gpg

ALGORITHMS: dict[str, dict[str, str | int]] = {
    "rsa4096": {"key_type": "RSA", "key_length": 4096, "subkey_type": "RSA", "subkey_length": 4096},
    "ed25519": {
        "key_type": "EDDSA",
        "key_curve": "ed25519",
        "subkey_type": "ECDH",
        "subkey_curve": "cv25519",
    },
}
"""RSA is what old vendor software takes; the other is smaller and faster (GnuPG 2.1 and later)."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Both halves in ASCII armour; the private one is encrypted with its passphrase."""

    fingerprint: str
    public: str
    private: str = field(repr=False)


def make_key(name: str, address: str, passphrase: str, *, days: int, algorithm: str = "rsa4096") -> KeyPair:
    """Make a key pair that signs and decrypts, and expires after so many days.

    Raises:
        Fatal: a value cannot stand in a key, the algorithm is unknown, or gpg refuses.
    """
    if algorithm not in ALGORITHMS:
        raise Fatal(f"OpenPGP key: unknown algorithm {algorithm}. Choose of {', '.join(ALGORITHMS)}")
    if (
        not passphrase
        or not name
        or days < 1
        or any(not value.isprintable() for value in (name, address, passphrase))
    ):
        raise Fatal("OpenPGP key: name, passphrase and days are needed, in printable characters. Mend them")
    with Home() as home:
        gpg = open_gpg(home.path, passphrases="loopback")
        gpg.encoding = "utf-8"
        made = gpg.gen_key(
            gpg.gen_key_input(
                name_real=name,
                name_email=address,
                passphrase=passphrase,
                expire_date=f"{days}d",
                key_usage="sign,cert",
                subkey_usage="encrypt",
                **ALGORITHMS[algorithm],
            )
        )
        if not made.fingerprint:
            raise Fatal("OpenPGP key: gpg makes none of these values. Use a longer name and a plain address")
        public = gpg.export_keys(made.fingerprint)
        private = gpg.export_keys(made.fingerprint, secret=True, passphrase=passphrase)
    return KeyPair(made.fingerprint, public, private)


def expiring(keys: Iterable[KeyInfo], now: dt.datetime, within: dt.timedelta) -> list[str]:
    """Warn of keys that are revoked, have expired, or will within a time; one sentence each.

    Those that are retired may end.
    """
    warnings = []
    for key in keys:
        if key.retired:
            continue
        whose = "our private key" if key.secret else "the signer's key"
        remedy = (
            "make a new one, send its public half to the vendor and keep both until they use it"
            if key.secret
            else "ask the vendor for the renewed key and add it"
        )
        end = dt.datetime.fromtimestamp(key.expires, dt.UTC) if key.expires else None
        if key.revoked:
            warnings.append(f"{whose} {key.fingerprint} is revoked: {remedy}")
        elif end and end <= now + within:
            verb = "has expired" if end <= now else "expires"
            warnings.append(f"{whose} {key.fingerprint} {verb} on {end:%Y-%m-%d}: {remedy}")
    return warnings
