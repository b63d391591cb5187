"""Which keys open the files and whose signature they must bear, from the fields of an Airflow connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from include.commsarchive.errors import Fatal

_ARMOUR = "-----BEGIN PGP"
_WHERE = "OpenPGP connection"

RETIRED = "retired"
"""In the entry of a private key: the day since which it is only kept to open old files."""


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key block in ASCII armour, and what opens it; neither shows in ``repr``.

    ``retired`` is the day since which it is only kept to open old files, ``""`` while it is in force.
    """

    armour: str = field(repr=False)
    passphrase: str = field(default="", repr=False)
    retired: str = ""


@dataclass(frozen=True, slots=True)
class PgpSettings:
    """Keys of one connector.

    Several private keys may be in force at once, so that a key is rotated with no gap. ``signers`` are
    public key blocks in ASCII armour: who signed must be one of them, where a signature is required.

    With ``home``, a GnuPG home that somebody keeps (keys on a smart card or HSM), there are no private
    keys here, its agent must be able to use them without asking, and ``signers`` are the fingerprints of
    primary keys that are in it.
    """

    private_keys: tuple[PrivateKey, ...] = ()
    signers: tuple[str, ...] = ()
    require_signature: bool = True
    home: Path | None = None


def settings_from(password: str | None, extra: Mapping[str, Any], *, require_signature: bool) -> PgpSettings:
    """Understand an Airflow connection: the password is the passphrase of keys that have none beside them.

    Extras: ``private_keys``, a list whose entries are a key or ``{"key": …, "passphrase": …, "retired": …}``
    (or ``private_key``, just one); ``signers``, a list of public keys (or ``signer``, just one). A key is its
    armoured text, or the path of a file that holds it. Or else ``home``, the path of a GnuPG home, and the
    signers' fingerprints.

    Raises:
        Fatal: there is no private key, a file cannot be read, or signatures are required of nobody.
    """
    home = extra.get("home")
    keys = [_private_key(entry, password) for entry in private_entries(extra)]
    if bool(home) == bool(keys):
        raise Fatal(f"{_WHERE}: give either the whole armoured blocks in extra `private_keys`, or a `home`")
    entries = _list(extra, "signers", "signer")
    signers = tuple(str(entry).replace(" ", "").upper() if home else _armour(entry) for entry in entries)
    if require_signature and not signers:
        raise Fatal(
            f"{_WHERE}: signatures are required, but no signer is configured. Put the vendor's public key in "
            "extra `signers`, or set `require_signature: false` in the connector"
        )
    return PgpSettings(tuple(keys), signers, require_signature, Path(home).expanduser() if home else None)


def private_entries(extra: Mapping[str, Any]) -> list[Any]:
    """List the private keys of a connection's extras as they stand there."""
    return _list(extra, "private_keys", "private_key")


def _private_key(entry: object, password: str | None) -> PrivateKey:
    """A key with its own passphrase, or with the connection's."""
    if isinstance(entry, Mapping):
        passphrase, retired = entry.get("passphrase") or password, entry.get(RETIRED)
        return PrivateKey(_armour(entry.get("key")), str(passphrase or ""), str(retired or ""))
    return PrivateKey(_armour(entry), password or "")


def _list(extra: Mapping[str, Any], many: str, one: str) -> list[Any]:
    """Entries under the plural key, a list or a single one, and under the singular."""
    entries = extra.get(many) or []
    return [*(entries if isinstance(entries, list) else [entries]), *([extra[one]] if extra.get(one) else [])]


def _armour(value: object) -> str:
    """Text of a key block, given as it is or by the path of its file."""
    text = str(value or "").strip()
    if text.startswith(_ARMOUR):
        return text
    try:
        text = Path(text).expanduser().read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not ASCII armour"
        raise Fatal(
            f"{_WHERE}: a key is neither an armoured block nor a readable file: {reason}. Paste the "
            f"whole block, from {_ARMOUR} to its END line"
        ) from None
    if not text.startswith(_ARMOUR):
        raise Fatal(f"{_WHERE}: a key file does not start with {_ARMOUR}. Export it with --armor")
    return text
