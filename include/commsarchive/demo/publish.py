"""Put sample exports on the vendors' server, each in the folder of its account.

As Bloomberg does: ``NAME.gpg``, encrypted to the archive's key, a detached ``NAME.gpg.sig`` by the vendor's,
and a plain manifest that lists both. As Symphony does: ``NAME.pgp``, and a plain checksum. Or as they are.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gnupg
import msgspec

from include.commsarchive.demo.access import kept, land, make_access
from include.commsarchive.demo.api import HOST
from include.commsarchive.errors import Fatal
from include.commsarchive.pgp.agent import Agent
from include.commsarchive.pgp.home import Home
from include.commsarchive.pgp.keyring import import_key, open_gpg
from include.commsarchive.pgp.keys import KeyPair, make_key

ACCOUNT = "f855501"
"""Bloomberg's accounts are named by firm code: a letter and digits."""
_MANIFEST = "daily_manifest_"
_CHECKSUMS = (".md5", ".sha256")
_WRITTEN_AT = dt.time(21, 30, tzinfo=dt.UTC)
"""The vendor's cut is at about 20:00Z; the files are there a little later."""
_KEY_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Keys:
    """The pair that files are encrypted to and the pair that signs them; one passphrase opens both."""

    archive: KeyPair
    vendor: KeyPair
    passphrase: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sealing:
    """How a vendor encrypts: what names end in, and whether it signs."""

    ending: str = ".gpg"
    signed: bool = True


BLOOMBERG, SYMPHONY = Sealing(), Sealing(".pgp", signed=False)


@dataclass(frozen=True, slots=True)
class Published:
    """What an account is served, the folder that keeps the server's keys and password, the OpenPGP keys."""

    served: Path
    state: Path
    keys: Keys

    def sftp_connection(self, port: int) -> dict[str, Any]:
        """Say how to reach the server, as an Airflow connection."""
        access = make_access(self.state)
        return {
            "conn_type": "sftp",
            "host": HOST,
            "port": port,
            "login": self.served.name,
            "password": access.password,
            "extra": {"private_key": access.private_key, "host_key": access.host_key},
        }

    def pgp_connection(self) -> dict[str, Any]:
        """Say how to open the files and whose signature they bear, as an Airflow connection."""
        return {
            "conn_type": "generic",
            "password": self.keys.passphrase,
            "extra": {"private_keys": [self.keys.archive.private], "signers": [self.keys.vendor.public]},
        }


def publish(
    samples: Path, folder: Path, account: str = ACCOUNT, sealing: Sealing | None = BLOOMBERG
) -> Published:
    """Put each day of ``samples`` (folders named ``YYYY-MM-DD``) on the server, which keeps it in ``folder``.

    Keys are made where there are none. What was encrypted once is kept: the same sample is the same
    bytes however often it is published. ``sealing`` is None for a vendor that does not encrypt.

    Raises:
        Fatal: there is no gpg, it does not do what is needed, or there are no samples.
    """
    state, served = folder / "state", folder / "served" / account
    days = days_of(samples)
    keys = msgspec.json.decode(kept(state / "pgp_keys.json", _new_keys), type=Keys)
    served.mkdir(parents=True, exist_ok=True)
    with _post(keys, folder / "made", sealing) if sealing else nullcontext() as post:
        for day in days:
            _deliver(post, day, served)
    return Published(served, state, keys)


def days_of(samples: Path) -> list[Path]:
    """Give the folders of the sample days, in order.

    Raises:
        Fatal: there are none.
    """
    days = sorted(path for path in samples.glob("????-??-??") if path.is_dir())
    if not days:
        raise Fatal(f"{samples}: holds no sample days. Make them: python -m include.samples.make_samples")
    return days


def _new_keys() -> str:
    passphrase = secrets.token_urlsafe()
    archive = make_key(
        "Quill Brook Archive", "archive@quillbrook.example", passphrase, days=_KEY_DAYS, algorithm="ed25519"
    )
    vendor = make_key(
        "Sample Vendor", "delivery@vendor.example", passphrase, days=_KEY_DAYS, algorithm="ed25519"
    )
    return msgspec.json.encode(Keys(archive, vendor, passphrase)).decode()


def _deliver(post: _Post | None, day: Path, served: Path) -> None:
    stamp = dt.datetime.combine(dt.date.fromisoformat(day.name), _WRITTEN_AT).timestamp()
    for file in sorted(day.iterdir()):
        content = file.read_bytes()
        if post is None or file.suffix in _CHECKSUMS:
            _put(served / file.name, content, stamp)
        elif file.name.startswith(_MANIFEST):
            _put(served / file.name, re.sub(rb"(\S+)(\r?\n)", rb"\1.gpg\2\1.gpg.sig\2", content), stamp)
        else:
            for ending, sealed in post.seal(content):
                _put(served / f"{file.name}{ending}", sealed, stamp)


@dataclass(frozen=True, slots=True)
class _Post:
    """Encrypts and signs; what it made it keeps, by the hash of the content."""

    gpg: gnupg.GPG
    recipient: str
    made: Path
    sealing: Sealing

    def seal(self, content: bytes) -> Iterator[tuple[str, bytes]]:
        """Encrypt, and sign the encrypted bytes; give each with what to add to the name."""
        name, ending = hashlib.sha256(content).hexdigest(), self.sealing.ending
        encrypted = self._made(
            f"{name}.gpg", lambda: self.gpg.encrypt(content, self.recipient, armor=False).data
        )
        yield ending, encrypted
        if self.sealing.signed:
            signature = self._made(
                f"{name}.gpg.sig", lambda: self.gpg.sign(encrypted, detach=True, binary=True).data
            )
            yield f"{ending}.sig", signature

    def _made(self, name: str, make: Callable[[], bytes]) -> bytes:
        path = self.made / name
        if not path.exists():
            content = make()
            if not content:
                raise Fatal(f"{path}: gpg made nothing. Remove {self.made.parent} and try again")
            land(path, content)
        return path.read_bytes()


@contextmanager
def _post(keys: Keys, made: Path, sealing: Sealing) -> Iterator[_Post]:
    with Home() as home:
        gpg = open_gpg(home.path)
        import_key(gpg, keys.archive.public, "archive key")
        import_key(gpg, keys.vendor.private, "vendor key")
        with Agent(home.agent_socket()) as agent:
            for key in gpg.list_keys(secret=True):
                agent.unlock(key["keygrip"], keys.passphrase)
        yield _Post(gpg, keys.archive.fingerprint, made, sealing)


def _put(target: Path, content: bytes, stamp: float) -> None:
    """Let a file hold these bytes, written at ``stamp``."""
    if not target.exists() or target.read_bytes() != content:
        land(target, content)
    os.utime(target, (stamp, stamp))
