"""A vendor, an open key ring, and archives to take a day all the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import pytest

from include.commsarchive.pgp.base import Decryptor
from include.commsarchive.pgp.gnupg import GnupgDecryptor
from include.commsarchive.pgp.keys import KeyPair, make_key
from tests.servers.vendor import PASSPHRASE, Vendor, running_vendor
from tests.system.whole_path import Archive, Mails, send


@pytest.fixture(scope="session")
def vendor() -> Iterator[Vendor]:
    with running_vendor() as vendor:
        yield vendor


@pytest.fixture(scope="session")
def new_key(vendor: Vendor) -> KeyPair:
    """A key of ours that the vendor has and we have not configured yet."""
    made = make_key("New Key", "new@firm.example", PASSPHRASE, days=30, algorithm="ed25519")
    vendor.gpg("--import", data=made.public.encode())
    return made


@pytest.fixture(scope="session")
def new_signer(vendor: Vendor) -> str:
    """Fingerprint of a key that signs and that we have not configured yet."""
    return vendor.signer("new-signer")


@pytest.fixture(scope="session")
def keys(vendor: Vendor) -> Iterator[Decryptor]:
    with GnupgDecryptor(vendor.settings()) as keys:
        yield keys


@pytest.fixture
def disk() -> Iterator[Path]:
    """A folder in memory, where there is such a thing: what lasts is tested here, not how fast."""
    memory = Path("/dev/shm")  # noqa: S108 - a private folder is made there
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def archive(disk: Path, keys: Decryptor) -> Archive:
    return Archive(disk / "archive", keys)


@pytest.fixture
def undisturbed(disk: Path, keys: Decryptor, vendor: Vendor) -> Callable[..., Mails]:
    """Say what mailboxes hold when deliveries are archived one after the other and nothing goes wrong."""

    def mails(*deliveries: dict[str, bytes]) -> Mails:
        other = Archive(Path(mkdtemp(dir=disk)), keys)
        for number, files in enumerate(deliveries):
            send(other, vendor, files)
            other.archive(str(number))
        return other.mails()

    return mails
