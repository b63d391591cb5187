"""What others may see of a connector's keys: the public halves."""

from __future__ import annotations

from dataclasses import dataclass

from include.commsarchive.pgp.base import KeyInfo
from include.commsarchive.pgp.home import Home
from include.commsarchive.pgp.keyring import import_key, list_keys, mark_retired, open_gpg
from include.commsarchive.pgp.settings import PgpSettings


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key and its public half in ASCII armour."""

    info: KeyInfo
    armour: str


def public_halves(settings: PgpSettings) -> list[PublicKey]:
    """Give the public halves of a connector's own keys and of its signers'; nothing is unlocked.

    Raises:
        Fatal: gpg is missing, or a key block holds no key.
    """
    with Home() as home:
        gpg = open_gpg(settings.home or home.path)
        retired: dict[str, str] = {}
        for key in settings.private_keys:
            fingerprints = import_key(gpg, key.armour, "OpenPGP connection, extra `private_keys`")
            retired |= dict.fromkeys(fingerprints, key.retired)
        for armour in () if settings.home else settings.signers:
            import_key(gpg, armour, "OpenPGP connection, extra `signers`")
        keys = mark_retired(list_keys(gpg), retired)
        return [PublicKey(info, gpg.export_keys(info.fingerprint)) for info in keys]
