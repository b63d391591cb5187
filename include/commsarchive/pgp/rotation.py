"""Rotate the key that a vendor encrypts to, with no gap: the next pair comes, then the old one retires.

A retired key still opens what was encrypted to it; nobody is warned of its end any more. Keys lie in the
extras of an Airflow connection, see `settings`: extras go in, extras come out.
"""

from __future__ import annotations

import datetime as dt
import math
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from include.commsarchive.errors import Fatal
from include.commsarchive.pgp.base import KeyInfo
from include.commsarchive.pgp.home import Home
from include.commsarchive.pgp.keyring import import_key, open_gpg
from include.commsarchive.pgp.keys import KeyPair, make_key
from include.commsarchive.pgp.settings import RETIRED, private_entries, settings_from

LETTER = """\
Subject: our next OpenPGP key{about}

From now on, please encrypt the files that you deliver to us to the attached public key:

  file          {file}
  fingerprint   {fingerprint}
  valid until   {until}

Please compare the fingerprint with us by telephone before you use it, and tell us from which delivery on
you do. Until then go on as before: we open files for either key, so no delivery need wait.
The key that it replaces: {old}
"""


def next_pair(
    extra: Mapping[str, Any], name: str, address: str, *, days: int, algorithm: str
) -> tuple[KeyPair, dict[str, str]]:
    """Make the next pair, and the entry that puts it beside the old one; its passphrase is a random one.

    Raises:
        Fatal: a rotation is under way, the keys are in a home of their own, or gpg refuses.
    """
    check(extra)
    passphrase = secrets.token_urlsafe(32)
    pair = make_key(name, address, passphrase, days=days, algorithm=algorithm)
    return pair, {"key": pair.private, "passphrase": passphrase}


def with_next(extra: Mapping[str, Any], entry: Mapping[str, str]) -> dict[str, Any]:
    """Give the extras with another private key, in force beside the old one.

    Raises:
        Fatal: as `next_pair`.
    """
    check(extra)
    return _with_entries(extra, [*private_entries(extra), dict(entry)])


def without(extra: Mapping[str, Any], fingerprint: str, day: dt.date) -> dict[str, Any]:
    """Give the extras in which a key of ours is retired since a day.

    Raises:
        Fatal: none of ours has this fingerprint, or it is the only one in force.
    """
    entries = private_entries(extra)
    keys = settings_from("-", extra, require_signature=False).private_keys
    with Home() as home:
        gpg = open_gpg(home.path)
        found = [fingerprint in import_key(gpg, one.armour, "OpenPGP connection") for one in keys]
    if not any(found):
        raise Fatal(f"no private key of ours has the fingerprint {fingerprint}. Look it up in the list")
    if not any(not one.retired and not hit for one, hit in zip(keys, found, strict=True)):
        raise Fatal(f"{fingerprint} is the only key in force. Start a rotation: make the next one first")
    marked = [
        _retired(entry, day) if hit and not key.retired else entry
        for entry, key, hit in zip(entries, keys, found, strict=True)
    ]
    return _with_entries(extra, marked)


def check(extra: Mapping[str, Any]) -> None:
    """Refuse extras whose keys cannot be rotated now.

    Raises:
        Fatal: a rotation is under way, or the keys are in a home of their own.
    """
    if extra.get("home"):
        raise Fatal(
            "the keys are in a GnuPG home that you keep. Make the next one there; both are used while both "
            "are in it"
        )
    keys = settings_from("-", extra, require_signature=False).private_keys
    if sum(not one.retired for one in keys) > 1:
        raise Fatal(
            "a rotation is under way: two keys are in force. Retire the old one when the vendor uses the next"
        )


State = Literal["in force", "next", "retired"]


def state_of(key: KeyInfo, keys: Iterable[KeyInfo]) -> State:
    """Say what a key is now: ``retired``, ``next`` beside an older one in force, or ``in force``."""
    if key.retired:
        return "retired"
    ours = [one for one in keys if one.secret and not one.retired]
    return "next" if key.secret and len(ours) > 1 and key == max(ours, key=_age) else "in force"


def letter(key: KeyInfo, keys: Iterable[KeyInfo], file: str, about: str = "") -> str:
    """Write what goes to the vendor with the public half of the next key."""
    old = [one for one in keys if one.secret and not one.retired and one.fingerprint != key.fingerprint]
    end = dt.datetime.fromtimestamp(key.expires, dt.UTC).date().isoformat() if key.expires else ""
    return LETTER.format(
        about=f" for {about}" if about else "",
        file=file,
        fingerprint=spaced(key.fingerprint),
        until=end or "it does not end",
        old=", ".join(spaced(one.fingerprint) for one in old) or "none",
    )


def spaced(fingerprint: str) -> str:
    """Write a fingerprint in groups of four, to be read out."""
    return " ".join(fingerprint[place : place + 4] for place in range(0, len(fingerprint), 4))


def public_name(name: str, fingerprint: str) -> str:
    """Name the file of a public half."""
    return f"{name}-{fingerprint[-16:]}.pub.asc"


def _age(key: KeyInfo) -> tuple[int, float]:
    return key.created, key.expires or math.inf


def _retired(entry: object, day: dt.date) -> dict[str, Any]:
    whole = dict(entry) if isinstance(entry, Mapping) else {"key": entry}
    return {**whole, RETIRED: day.isoformat()}


def _with_entries(extra: Mapping[str, Any], entries: list[Any]) -> dict[str, Any]:
    return {
        **{name: value for name, value in extra.items() if name != "private_key"},
        "private_keys": entries,
    }
