"""The other side of OpenPGP: a vendor with a real gpg who encrypts and signs for us, well or badly.

Use from any test::

    from tests.servers.vendor import Vendor, running_vendor

    @pytest.fixture(scope="module")
    def vendor() -> Iterator[Vendor]:
        with running_vendor() as vendor:
            yield vendor

    vendor.seal(b"<FileDump/>", tmp_path / "a.xml.gpg")     # encrypted to us, signed by the vendor
    GnupgDecryptor(vendor.settings())                       # opens it

Key pairs are small and without passphrase, but for ours: `PASSPHRASE` opens ours.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from include.commsarchive.pgp.home import Home
from include.commsarchive.pgp.keys import KeyPair, make_key
from include.commsarchive.pgp.settings import PgpSettings, PrivateKey
from tests.servers.programs import find_program

PASSPHRASE = "correct horse: 50% 'bättery'"


@dataclass
class Vendor:
    """A key ring of the vendor's, and our key pair, whose public half the vendor has."""

    home: Path
    ours: KeyPair
    fingerprint: str = ""

    def gpg(self, *arguments: str | Path, data: bytes = b"", when: str = "") -> bytes:
        """Run gpg as the vendor, perhaps at another time (``20200101T000000``)."""
        clock = ["--faked-system-time", when] if when else []
        options = ["--batch", "--yes", "--quiet", "--trust-model", "always", "--pinentry-mode", "loopback"]
        return subprocess.run(
            ["gpg", "--homedir", self.home, *options, "--passphrase", "", *clock, *arguments],
            input=data,
            capture_output=True,
            check=True,
        ).stdout

    def signer(self, name: str, *, expires: str = "never", when: str = "") -> str:
        """Make a signing key; its fingerprint."""
        self.gpg("--quick-gen-key", f"{name} <{name}@vendor.example>", "ed25519", "sign", expires, when=when)
        listing = self.gpg("--list-keys", "--with-colons", f"={name} <{name}@vendor.example>").decode()
        return next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr"))

    def public(self, fingerprint: str) -> str:
        return self.gpg("--armor", "--export", fingerprint).decode()

    def seal(
        self,
        clear: bytes,
        target: Path,
        *,
        to: Sequence[str] = (),
        signer: str | None = None,
        more: Sequence[str] = (),
        when: str = "",
    ) -> Path:
        """Encrypt to us (or to the keys given) and sign as the vendor (or as another, or ``""``: nobody)."""
        signer = self.fingerprint if signer is None else signer
        recipients = [part for key in to or [self.ours.fingerprint] for part in ("--recipient", key)]
        signing = ["--sign", "--local-user", signer] if signer else []
        self.gpg(*more, *recipients, *signing, "--output", target, "--encrypt", data=clear, when=when)
        return target

    def detached(self, signed: bytes, target: Path, *, signer: str = "", more: Sequence[str] = ()) -> Path:
        """Sign apart from the file."""
        signer = signer or self.fingerprint
        self.gpg(*more, "--local-user", signer, "--output", target, "--detach-sign", data=signed)
        return target

    def settings(self, *, require_signature: bool = True) -> PgpSettings:
        """What we configure to read from this vendor."""
        key = PrivateKey(self.ours.private, PASSPHRASE)
        return PgpSettings((key,), (self.public(self.fingerprint),), require_signature)


@contextmanager
def running_vendor() -> Iterator[Vendor]:
    """Make a vendor; skips where gpg is missing (fails under CI)."""
    find_program("gpg")
    ours = make_key("Our Archive", "archive@firm.example", PASSPHRASE, days=30, algorithm="ed25519")
    with Home() as home:
        vendor = Vendor(home.path, ours)
        vendor.gpg("--import", data=ours.public.encode())
        vendor.fingerprint = vendor.signer("vendor")
        yield vendor
