"""What gpg is given that must not get through: no protection, no room, no or other people's signatures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.commsarchive.errors import Quarantine
from include.commsarchive.pgp.base import Bounds, Decrypted
from include.commsarchive.pgp.gnupg import SIGNATURE_LIMIT, GnupgDecryptor
from include.commsarchive.pgp.settings import PgpSettings, PrivateKey
from tests.servers.vendor import PASSPHRASE, Vendor, running_vendor

pytestmark = pytest.mark.system
WIDE = Bounds(10**12, 10**6)
CLEAR = os.urandom(50_000)


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with running_vendor() as vendor:
        yield vendor


@pytest.fixture(scope="module")
def stranger(vendor: Vendor) -> str:
    return vendor.signer("stranger")


@pytest.fixture
def encrypted(vendor: Vendor, tmp_path: Path) -> Path:
    """A file that is not signed in itself."""
    return vendor.seal(CLEAR, tmp_path / "a.xml.gpg", signer="")


def decrypt(
    settings: PgpSettings, encrypted: Path, signature: Path | None = None, bounds: Bounds = WIDE
) -> Decrypted:
    with GnupgDecryptor(settings) as decryptor:
        return decryptor.decrypt(encrypted, encrypted.parent / "clear" / "a.xml", signature, bounds)


def refusal(
    settings: PgpSettings, encrypted: Path, signature: Path | None = None, bounds: Bounds = WIDE
) -> Quarantine:
    """Why a file was refused; nothing of it is left."""
    with pytest.raises(Quarantine) as refused:
        decrypt(settings, encrypted, signature, bounds)
    assert list((encrypted.parent / "clear").iterdir()) == []
    return refused.value


class TestFiles:
    def test_no_integrity_protection(self, vendor: Vendor, tmp_path: Path) -> None:
        encrypted = vendor.seal(CLEAR, tmp_path / "a.gpg", more=["--rfc2440", "--cipher-algo", "AES256"])
        assert refusal(vendor.settings(), encrypted).reason == "no-integrity-protection"

    @pytest.mark.parametrize("size_stated", [True, False])
    def test_a_bomb_stops_at_the_bound(self, vendor: Vendor, tmp_path: Path, *, size_stated: bool) -> None:
        """The size of what comes from a file is stated in the message; that of a stream is not known."""
        (tmp_path / "zeros").write_bytes(bytes(30_000_000))
        more = ["--", str(tmp_path / "zeros")] if size_stated else []
        encrypted = tmp_path / "a.gpg"
        arguments = ["--recipient", vendor.ours.fingerprint, "--output", str(encrypted), "--encrypt"]
        vendor.gpg(*arguments, *more, data=b"" if size_stated else bytes(30_000_000))
        assert encrypted.stat().st_size < 100_000
        lenient = vendor.settings(require_signature=False)
        for bounds in (Bounds(10**12, 200), Bounds(10**6, 10**6), Bounds(30_000_000 - 1, 10**6)):
            assert refusal(lenient, encrypted, bounds=bounds).reason == "decompression-bomb"
        assert decrypt(lenient, encrypted, bounds=Bounds(30_000_000, 10**6)).size == 30_000_000

    @pytest.mark.parametrize("tail", [b"junk after the message", None], ids=["junk", "a second message"])
    def test_more_than_one_message(self, vendor: Vendor, tmp_path: Path, tail: bytes | None) -> None:
        encrypted = vendor.seal(CLEAR, tmp_path / "a.gpg")
        whole = encrypted.read_bytes()
        encrypted.write_bytes(whole + (tail or whole))
        assert refusal(vendor.settings(), encrypted).reason == "damaged"

    def test_the_key_packet_is_damaged(self, vendor: Vendor, tmp_path: Path) -> None:
        encrypted = vendor.seal(CLEAR, tmp_path / "a.gpg")
        content = bytearray(encrypted.read_bytes())
        content[60] ^= 1
        encrypted.write_bytes(content)
        assert refusal(vendor.settings(), encrypted).reason == "damaged"

    def test_signed_by_the_vendor_but_not_encrypted(self, vendor: Vendor, tmp_path: Path) -> None:
        vendor.gpg("--output", tmp_path / "a.gpg", "--sign", data=CLEAR)
        assert refusal(vendor.settings(), tmp_path / "a.gpg").reason == "not-encrypted"

    def test_encrypted_with_a_password_and_no_key(self, vendor: Vendor, tmp_path: Path) -> None:
        vendor.gpg("--passphrase", "x", "--output", tmp_path / "a.gpg", "--symmetric", data=CLEAR)
        assert refusal(vendor.settings(), tmp_path / "a.gpg").reason == "not-encrypted"


class TestDetachedSignatures:
    @pytest.mark.parametrize("more", [[], ["--armor"], ["--digest-algo", "SHA512"]])
    @pytest.mark.parametrize("over", ["the encrypted file", "the clear text"])
    def test_one_by_the_signer_is_good_over_either(
        self, vendor: Vendor, encrypted: Path, over: str, more: list[str]
    ) -> None:
        signed = CLEAR if over == "the clear text" else encrypted.read_bytes()
        signature = vendor.detached(signed, encrypted.with_name("a.sig"), more=more)
        assert decrypt(vendor.settings(), encrypted, signature).signed_by == vendor.fingerprint

    def test_one_over_another_file_is_refused_even_where_none_is_required(
        self, vendor: Vendor, encrypted: Path
    ) -> None:
        signature = vendor.detached(b"something else", encrypted.with_name("a.sig"))
        assert refusal(vendor.settings(), encrypted, signature).reason == "bad-signature"
        lenient = vendor.settings(require_signature=False)
        assert refusal(lenient, encrypted, signature).reason == "bad-signature"

    def test_one_that_does_not_fit_is_not_made_good_by_one_inside(
        self, vendor: Vendor, tmp_path: Path
    ) -> None:
        encrypted = vendor.seal(CLEAR, tmp_path / "a.gpg")
        signature = vendor.detached(b"something else", tmp_path / "a.sig")
        assert refusal(vendor.settings(), encrypted, signature).reason == "bad-signature"

    @pytest.mark.parametrize("content", [b"", b"junk", CLEAR])
    def test_what_is_no_signature_is_refused(self, vendor: Vendor, encrypted: Path, content: bytes) -> None:
        signature = encrypted.with_name("a.sig")
        signature.write_bytes(content)
        assert refusal(vendor.settings(), encrypted, signature).reason == "bad-signature"

    def test_a_flood_of_signatures_is_not_read(self, vendor: Vendor, encrypted: Path) -> None:
        signature = vendor.detached(encrypted.read_bytes(), encrypted.with_name("a.sig"))
        signature.write_bytes(signature.read_bytes() * 600)
        assert signature.stat().st_size > SIGNATURE_LIMIT
        assert refusal(vendor.settings(), encrypted, signature).reason == "bad-signature"

    def test_a_signed_text_in_its_place_is_refused(self, vendor: Vendor, encrypted: Path) -> None:
        vendor.gpg("--output", encrypted.with_name("a.sig"), "--sign", data=b"a text of its own")
        assert refusal(vendor.settings(), encrypted, encrypted.with_name("a.sig")).reason == "bad-signature"

    @pytest.mark.parametrize("over", ["the encrypted file", "the clear text"])
    def test_one_by_a_stranger_is_named(
        self, vendor: Vendor, stranger: str, encrypted: Path, over: str
    ) -> None:
        signed = CLEAR if over == "the clear text" else encrypted.read_bytes()
        signature = vendor.detached(signed, encrypted.with_name("a.sig"), signer=stranger)
        refused = refusal(vendor.settings(), encrypted, signature)
        assert refused.reason == "unknown-signer"
        assert stranger[-16:] in str(refused)

    def test_one_by_a_stranger_counts_for_nothing_where_none_is_required(
        self, vendor: Vendor, stranger: str, encrypted: Path
    ) -> None:
        signature = vendor.detached(encrypted.read_bytes(), encrypted.with_name("a.sig"), signer=stranger)
        assert decrypt(vendor.settings(require_signature=False), encrypted, signature).signed_by == ""

    def test_two_of_which_one_is_the_signers_are_good(
        self, vendor: Vendor, stranger: str, encrypted: Path
    ) -> None:
        signature = vendor.detached(
            encrypted.read_bytes(), encrypted.with_name("a.sig"), more=["--local-user", stranger]
        )
        assert decrypt(vendor.settings(), encrypted, signature).signed_by == vendor.fingerprint


class TestInlineSignatures:
    def test_one_by_a_stranger_is_refused_and_named(
        self, vendor: Vendor, stranger: str, tmp_path: Path
    ) -> None:
        encrypted = vendor.seal(CLEAR, tmp_path / "a.gpg", signer=stranger)
        refused = refusal(vendor.settings(), encrypted)
        assert refused.reason == "unknown-signer"
        assert stranger[-16:] in str(refused)
        assert decrypt(vendor.settings(require_signature=False), encrypted).signed_by == ""

    def test_one_by_our_own_key_is_not_the_vendors(self, vendor: Vendor, tmp_path: Path) -> None:
        vendor.gpg("--passphrase", PASSPHRASE, "--import", data=vendor.ours.private.encode())
        encrypted = vendor.seal(
            CLEAR, tmp_path / "a.gpg", signer=vendor.ours.fingerprint, more=["--passphrase", PASSPHRASE]
        )
        assert refusal(vendor.settings(), encrypted).reason == "unknown-signer"

    def test_one_of_several_configured_signers_suffices(
        self, vendor: Vendor, stranger: str, tmp_path: Path
    ) -> None:
        both = PgpSettings(
            (PrivateKey(vendor.ours.private, PASSPHRASE),),
            (vendor.public(vendor.fingerprint), vendor.public(stranger)),
        )
        encrypted = vendor.seal(CLEAR, tmp_path / "a.gpg", signer=stranger)
        assert decrypt(both, encrypted).signed_by == stranger

    def test_one_by_a_subkey_counts_as_the_signers(self, vendor: Vendor, tmp_path: Path) -> None:
        primary = vendor.signer("offline")
        vendor.gpg("--quick-add-key", primary, "ed25519", "sign")
        settings = PgpSettings((PrivateKey(vendor.ours.private, PASSPHRASE),), (vendor.public(primary),))
        assert decrypt(settings, vendor.seal(CLEAR, tmp_path / "a.gpg", signer=primary)).signed_by == primary


class TestSignersThatAreNoLongerValid:
    def settings(self, vendor: Vendor, signer: str) -> PgpSettings:
        return PgpSettings((PrivateKey(vendor.ours.private, PASSPHRASE),), (vendor.public(signer),))

    def test_a_key_that_has_expired(self, vendor: Vendor, tmp_path: Path) -> None:
        old = vendor.signer("expired", expires="1y", when="20200101T000000")
        encrypted = vendor.seal(CLEAR, tmp_path / "a.gpg", signer="")
        vendor.gpg(
            "--local-user",
            old,
            "--output",
            tmp_path / "a.sig",
            "--detach-sign",
            encrypted,
            when="20200601T000000",
        )
        refused = refusal(self.settings(vendor, old), encrypted, tmp_path / "a.sig")
        assert refused.reason == "bad-signature"
        assert "expired" in str(refused)

    def test_a_key_that_was_revoked(self, vendor: Vendor, tmp_path: Path) -> None:
        gone = vendor.signer("revoked")
        encrypted = vendor.seal(CLEAR, tmp_path / "a.gpg", signer=gone)
        assert decrypt(self.settings(vendor, gone), encrypted).signed_by == gone
        prepared = (vendor.home / "openpgp-revocs.d" / f"{gone}.rev").read_text()
        vendor.gpg("--import", data=prepared.replace(":-----BEGIN", "-----BEGIN").encode())
        (tmp_path / "clear" / "a.xml").unlink()
        refused = refusal(self.settings(vendor, gone), encrypted)
        assert refused.reason == "bad-signature"
        assert "revoked" in str(refused)

    def test_a_signature_that_has_expired(self, vendor: Vendor, tmp_path: Path) -> None:
        early = vendor.signer("early", when="20200101T000000")
        encrypted = vendor.seal(CLEAR, tmp_path / "a.gpg", signer="")
        vendor.gpg(
            *("--default-sig-expire", "1d", "--local-user", early, "--output", tmp_path / "a.sig"),
            *("--detach-sign", encrypted),
            when="20200601T000000",
        )
        refused = refusal(self.settings(vendor, early), encrypted, tmp_path / "a.sig")
        assert refused.reason == "bad-signature"
        assert "expired" in str(refused)
