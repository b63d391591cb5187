"""Keys at real gpg: which open what, rotation, making them, and what a person has to mend."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from include.commsarchive.errors import Fatal, Quarantine
from include.commsarchive.pgp.base import Bounds
from include.commsarchive.pgp.gnupg import GnupgDecryptor
from include.commsarchive.pgp.keys import KeyPair, expiring, make_key
from include.commsarchive.pgp.settings import PgpSettings, PrivateKey
from tests.servers.vendor import PASSPHRASE, Vendor, running_vendor

pytestmark = pytest.mark.system
WIDE = Bounds(10**12, 10**6)
CLEAR = b"<FileDump/>" * 1000


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with running_vendor() as vendor:
        yield vendor


@pytest.fixture(scope="module")
def newer(vendor: Vendor) -> KeyPair:
    """Our next key, which the vendor has got already."""
    pair = make_key("Our Archive 2", "archive@firm.example", "newer", days=30, algorithm="ed25519")
    vendor.gpg("--import", data=pair.public.encode())
    return pair


def opened(settings: PgpSettings, encrypted: Path) -> bytes:
    clear = encrypted.with_name("clear.xml")
    with GnupgDecryptor(settings) as decryptor:
        decryptor.decrypt(encrypted, clear, None, WIDE)
    return clear.read_bytes()


def test_while_a_key_is_rotated_files_for_either_key_open(
    vendor: Vendor, newer: KeyPair, tmp_path: Path
) -> None:
    both = PgpSettings(
        (PrivateKey(vendor.ours.private, PASSPHRASE), PrivateKey(newer.private, "newer")),
        (vendor.public(vendor.fingerprint),),
    )
    for to in (vendor.ours, newer):
        assert opened(both, vendor.seal(CLEAR, tmp_path / "a.gpg", to=[to.fingerprint])) == CLEAR


def test_a_key_with_a_wrong_passphrase_does_not_spoil_the_other(
    vendor: Vendor, newer: KeyPair, tmp_path: Path
) -> None:
    settings = PgpSettings(
        (PrivateKey(vendor.ours.private, PASSPHRASE), PrivateKey(newer.private, "wrong")),
        (vendor.public(vendor.fingerprint),),
    )
    assert opened(settings, vendor.seal(CLEAR, tmp_path / "a.gpg")) == CLEAR
    with pytest.raises(Quarantine) as refusal:
        opened(settings, vendor.seal(CLEAR, tmp_path / "b.gpg", to=[newer.fingerprint]))
    assert refusal.value.reason == "no-key"


def test_a_file_for_somebody_else_names_the_keys_wanted_and_held(vendor: Vendor, tmp_path: Path) -> None:
    stranger = make_key("Stranger", "", "x", days=9, algorithm="ed25519")
    vendor.gpg("--import", data=stranger.public.encode())

    def subkey(fingerprint: str) -> str:
        listing = vendor.gpg("--list-keys", "--with-colons", fingerprint).decode()
        return next(line.split(":")[4] for line in listing.splitlines() if line.startswith("sub"))

    encrypted = vendor.seal(CLEAR, tmp_path / "a.gpg", to=[stranger.fingerprint])
    with pytest.raises(Quarantine) as refusal:
        opened(vendor.settings(), encrypted)
    assert refusal.value.reason == "no-key"
    assert subkey(stranger.fingerprint) in str(refusal.value)
    assert subkey(vendor.ours.fingerprint) in str(refusal.value)


def test_one_of_several_recipients_suffices(vendor: Vendor, newer: KeyPair, tmp_path: Path) -> None:
    to = [newer.fingerprint, vendor.ours.fingerprint]
    assert opened(vendor.settings(), vendor.seal(CLEAR, tmp_path / "a.gpg", to=to)) == CLEAR


def test_a_file_that_hides_its_recipients_opens_with_the_right_key(
    vendor: Vendor, newer: KeyPair, tmp_path: Path
) -> None:
    hidden = ["--throw-keyids"]
    settings = replace(
        vendor.settings(),
        private_keys=(PrivateKey(newer.private, "newer"), PrivateKey(vendor.ours.private, PASSPHRASE)),
    )
    assert opened(settings, vendor.seal(CLEAR, tmp_path / "a.gpg", more=hidden)) == CLEAR
    foreign = vendor.seal(CLEAR, tmp_path / "b.gpg", more=hidden, to=[newer.fingerprint])
    with pytest.raises(Quarantine) as refusal:
        opened(vendor.settings(), foreign)
    assert refusal.value.reason == "no-key"


def test_what_was_encrypted_before_our_key_expired_still_opens(vendor: Vendor, tmp_path: Path) -> None:
    vendor.gpg("--quick-gen-key", "old <old@firm.example>", "rsa2048", "encr", "1y", when="20200101T000000")
    listing = vendor.gpg("--list-keys", "--with-colons", "old@firm.example").decode()
    old = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr"))
    private = vendor.gpg("--armor", "--export-secret-keys", old).decode()
    encrypted = vendor.seal(CLEAR, tmp_path / "a.gpg", to=[old], when="20200601T000000", signer="")
    settings = PgpSettings((PrivateKey(private),), require_signature=False)
    assert opened(settings, encrypted) == CLEAR


@pytest.mark.parametrize(
    "more", [["--armor"], ["-z", "0"], ["--compress-algo", "bzip2"], ["--cipher-algo", "AES"], ["--textmode"]]
)
def test_the_forms_that_vendors_use_open(vendor: Vendor, tmp_path: Path, more: list[str]) -> None:
    assert opened(vendor.settings(), vendor.seal(CLEAR, tmp_path / "a.gpg", more=more)) == CLEAR


def test_a_home_that_somebody_keeps_serves_as_it_is(vendor: Vendor, newer: KeyPair, tmp_path: Path) -> None:
    vendor.gpg("--quick-gen-key", "kept <kept@firm.example>", "rsa2048", "encr")
    settings = PgpSettings(signers=(vendor.fingerprint,), home=vendor.home)
    encrypted = vendor.seal(CLEAR, tmp_path / "a.gpg", to=["kept@firm.example"])
    assert opened(settings, encrypted) == CLEAR
    assert vendor.home.exists()


class TestForAPersonToMend:
    def test_no_passphrase_fits(self, vendor: Vendor) -> None:
        settings = PgpSettings((PrivateKey(vendor.ours.private, "barley"),), require_signature=False)
        with pytest.raises(Fatal, match="passphrase") as refusal, GnupgDecryptor(settings):
            pass
        assert "barley" not in str(refusal.value)

    def test_the_private_key_is_a_public_one(self, vendor: Vendor) -> None:
        settings = PgpSettings((PrivateKey(vendor.ours.public, PASSPHRASE),), require_signature=False)
        with pytest.raises(Fatal, match="private_keys"), GnupgDecryptor(settings):
            pass

    def test_a_key_block_holds_no_key(self, vendor: Vendor) -> None:
        settings = replace(vendor.settings(), signers=("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA",))
        with pytest.raises(Fatal, match="signers"), GnupgDecryptor(settings):
            pass

    def test_gpg_is_not_installed(
        self, vendor: Vendor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        settings = vendor.settings()
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(Fatal, match="Install the package `gnupg`"), GnupgDecryptor(settings):
            pass

    def test_there_is_no_such_home(self, vendor: Vendor, tmp_path: Path) -> None:
        settings = PgpSettings(signers=(vendor.fingerprint,), home=tmp_path / "none")
        with pytest.raises(Fatal, match="none"), GnupgDecryptor(settings):
            pass


class TestMakingKeys:
    @pytest.mark.parametrize(("algorithm", "shown"), [("rsa4096", "4096:1"), ("ed25519", "255:22")])
    def test_a_made_key_is_what_was_asked_for(self, vendor: Vendor, algorithm: str, shown: str) -> None:
        pair = make_key("Ärchive Ltd", "a@firm.example", PASSPHRASE, days=10, algorithm=algorithm)
        listing = vendor.gpg("--show-keys", "--with-colons", data=pair.public.encode()).decode()
        assert f"pub:-:{shown}:" in listing
        assert "Ärchive Ltd <a@firm.example>" in listing
        assert pair.fingerprint in listing
        assert pair.private not in repr(pair)

    def test_a_made_key_is_listed_with_its_expiry_beside_the_signers(self, vendor: Vendor) -> None:
        with GnupgDecryptor(vendor.settings()) as decryptor:
            ours, signer = decryptor.keys()
        assert (ours.fingerprint, ours.secret, ours.can_encrypt) == (vendor.ours.fingerprint, True, True)
        assert ours.user_id == "Our Archive <archive@firm.example>"
        assert ours.expires == ours.created + 30 * 86400
        assert (signer.fingerprint, signer.secret, signer.can_sign) == (vendor.fingerprint, False, True)
        assert (signer.can_encrypt, signer.expires, signer.revoked) == (False, None, False)
        now = dt.datetime.fromtimestamp(ours.created, dt.UTC)
        assert expiring([ours, signer], now, dt.timedelta(days=29)) == []
        (warning,) = expiring([ours, signer], now, dt.timedelta(days=31))
        assert ours.fingerprint in warning

    @pytest.mark.parametrize(
        "values",
        [
            {"name": "Firm\n%no-protection"},
            {"name": ""},
            {"passphrase": ""},
            {"passphrase": "two\nlines"},
            {"days": 0},
            {"algorithm": "dsa"},
        ],
    )
    def test_what_cannot_stand_in_a_key_is_refused(self, values: dict[str, object]) -> None:
        wanted: dict[str, object] = {"name": "Firm", "address": "a@b.example", "passphrase": "x", "days": 9}
        with pytest.raises(Fatal, match="OpenPGP key"):
            make_key(**{**wanted, **values})  # type: ignore[arg-type]
