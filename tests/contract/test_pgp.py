"""What every decryptor promises, kept by each adapter; gpg for real."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from include.commsarchive.errors import Quarantine
from include.commsarchive.pgp.base import Bounds, Decryptor
from include.commsarchive.pgp.gnupg import GnupgDecryptor
from include.commsarchive.pgp.memory import MemoryDecryptor, seal
from tests.servers.vendor import Vendor, running_vendor

WIDE = Bounds(max_clear_bytes=10**12, max_expansion=10**6)
CLEAR = os.urandom(100_000)


class Sealer(Protocol):
    """A vendor, and the decryptor configured to read from them."""

    signer: str

    def seal(self, clear: bytes, target: Path, *, signed: bool = True) -> Path: ...

    def decryptor(self, *, require_signature: bool = True) -> Decryptor: ...


class MemorySealer:
    signer = "VENDOR"

    def seal(self, clear: bytes, target: Path, *, signed: bool = True) -> Path:
        target.write_bytes(seal(clear, self.signer if signed else ""))
        return target

    def decryptor(self, *, require_signature: bool = True) -> Decryptor:
        return MemoryDecryptor(frozenset({self.signer}), require_signature=require_signature)


class GnupgSealer:
    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor
        self.signer = vendor.fingerprint

    def seal(self, clear: bytes, target: Path, *, signed: bool = True) -> Path:
        return self.vendor.seal(clear, target, signer=None if signed else "")

    def decryptor(self, *, require_signature: bool = True) -> Decryptor:
        return GnupgDecryptor(self.vendor.settings(require_signature=require_signature))


class DecryptorSuite:
    """The promises. An adapter's class adds the fixture ``sealer``."""

    @pytest.fixture
    def clear(self, tmp_path: Path) -> Path:
        return tmp_path / "clear" / "a.xml"

    def refused(
        self, decryptor: Decryptor, encrypted: Path, clear: Path, bounds: Bounds = WIDE
    ) -> Quarantine:
        """The refusal, of which nothing is left."""
        with pytest.raises(Quarantine) as refusal, decryptor as opened:
            opened.decrypt(encrypted, clear, None, bounds)
        assert not clear.parent.exists() or list(clear.parent.iterdir()) == []
        assert encrypted.name in str(refusal.value)
        return refusal.value

    @pytest.mark.parametrize("content", [b"", b"<FileDump/>", CLEAR], ids=["nothing", "little", "more"])
    def test_gives_back_what_was_sealed_and_says_who_signed(
        self, sealer: Sealer, tmp_path: Path, clear: Path, content: bytes
    ) -> None:
        encrypted = sealer.seal(content, tmp_path / "a.xml.gpg")
        with sealer.decryptor() as decryptor:
            decrypted = decryptor.decrypt(encrypted, clear, None, WIDE)
        assert clear.read_bytes() == content
        assert (decrypted.size, decrypted.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert decrypted.signed_by == sealer.signer
        assert list(clear.parent.iterdir()) == [clear]

    def test_an_unsigned_file_is_refused_where_a_signature_is_required(
        self, sealer: Sealer, tmp_path: Path, clear: Path
    ) -> None:
        encrypted = sealer.seal(CLEAR, tmp_path / "a.xml.gpg", signed=False)
        assert self.refused(sealer.decryptor(), encrypted, clear).reason == "unsigned"
        with sealer.decryptor(require_signature=False) as decryptor:
            assert decryptor.decrypt(encrypted, clear, None, WIDE).signed_by == ""

    @pytest.mark.parametrize("keep", [-1, -1000, 50_000])
    def test_a_file_that_was_cut_short_is_refused(
        self, sealer: Sealer, tmp_path: Path, clear: Path, keep: int
    ) -> None:
        encrypted = sealer.seal(CLEAR, tmp_path / "a.xml.gpg")
        encrypted.write_bytes(encrypted.read_bytes()[:keep])
        assert self.refused(sealer.decryptor(), encrypted, clear).reason == "damaged"

    def test_a_flipped_bit_is_noticed(self, sealer: Sealer, tmp_path: Path, clear: Path) -> None:
        encrypted = sealer.seal(CLEAR, tmp_path / "a.xml.gpg")
        content = bytearray(encrypted.read_bytes())
        content[60_000] ^= 1
        encrypted.write_bytes(content)
        assert self.refused(sealer.decryptor(), encrypted, clear).reason == "damaged"

    @pytest.mark.parametrize("content", [b"", b"<FileDump/>", CLEAR])
    def test_a_file_that_nobody_encrypted_is_refused(
        self, sealer: Sealer, tmp_path: Path, clear: Path, content: bytes
    ) -> None:
        (tmp_path / "a.xml.gpg").write_bytes(content)
        assert self.refused(sealer.decryptor(), tmp_path / "a.xml.gpg", clear).reason == "not-encrypted"

    @pytest.mark.parametrize(
        "bounds", [Bounds(len(CLEAR) - 1, 10**6), Bounds(10**12, 0)], ids=["bytes", "ratio"]
    )
    def test_a_file_that_grows_out_of_bounds_is_refused(
        self, sealer: Sealer, tmp_path: Path, clear: Path, bounds: Bounds
    ) -> None:
        encrypted = sealer.seal(CLEAR, tmp_path / "a.xml.gpg")
        assert self.refused(sealer.decryptor(), encrypted, clear, bounds).reason == "decompression-bomb"

    def test_a_file_exactly_within_bounds_is_opened(
        self, sealer: Sealer, tmp_path: Path, clear: Path
    ) -> None:
        encrypted = sealer.seal(CLEAR, tmp_path / "a.xml.gpg")
        with sealer.decryptor() as decryptor:
            assert decryptor.decrypt(encrypted, clear, None, Bounds(len(CLEAR), 1)).size == len(CLEAR)

    def test_one_bad_file_does_not_stop_the_next(self, sealer: Sealer, tmp_path: Path, clear: Path) -> None:
        good = sealer.seal(CLEAR, tmp_path / "good.xml.gpg")
        bad = sealer.seal(CLEAR, tmp_path / "bad.xml.gpg", signed=False)
        with sealer.decryptor() as decryptor:
            with pytest.raises(Quarantine):
                decryptor.decrypt(bad, clear, None, WIDE)
            assert decryptor.decrypt(good, clear, None, WIDE).size == len(CLEAR)

    def test_leftovers_of_a_try_that_was_killed_are_removed(
        self, sealer: Sealer, tmp_path: Path, clear: Path
    ) -> None:
        clear.parent.mkdir()
        (clear.parent / ".a.xml.x1y2.part").write_bytes(CLEAR[:10])
        clear.write_bytes(b"of an earlier run")
        encrypted = sealer.seal(CLEAR, tmp_path / "a.xml.gpg")
        with sealer.decryptor() as decryptor:
            decryptor.decrypt(encrypted, clear, None, WIDE)
        assert {path.name: path.read_bytes() for path in clear.parent.iterdir()} == {"a.xml": CLEAR}


class TestMemory(DecryptorSuite):
    @pytest.fixture
    def sealer(self) -> Sealer:
        return MemorySealer()


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with running_vendor() as vendor:
        yield vendor


@pytest.mark.system
class TestGnupg(DecryptorSuite):
    @pytest.fixture
    def sealer(self, vendor: Vendor) -> Sealer:
        return GnupgSealer(vendor)
