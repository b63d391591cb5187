"""A file that cannot be opened or trusted is set aside; all else is archived, and it can come back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from include.commsarchive.connector import Pgp
from include.commsarchive.errors import Fatal
from include.commsarchive.ledger.base import Failure, HeldStage
from include.commsarchive.pgp.gnupg import GnupgDecryptor
from include.commsarchive.pgp.keys import KeyPair
from include.commsarchive.pgp.settings import PgpSettings, PrivateKey
from tests.servers.vendor import PASSPHRASE, Vendor
from tests.system.whole_path import (
    CHATS,
    CONNECTOR,
    FILES,
    MORE_CHATS,
    Archive,
    Mails,
    chat,
    export,
    numbers,
    send,
    tar,
)

pytestmark = pytest.mark.system

GOOD = {CHATS: export(chat("A", "ann: hello", "bob: hi"))}
OTHER = {MORE_CHATS: export(chat("B", "ann: this is in the other file"))}
SWOLLEN = {MORE_CHATS: export(chat("B", "ann: this is in the other file"), " " * 3_000_000)}
SEALED = f"{MORE_CHATS}.gpg"


def truncated(archive: Archive, vendor: Vendor) -> None:
    send(archive, vendor, OTHER)
    path = archive.served / SEALED
    path.write_bytes(path.read_bytes()[:-30])


def with_a_flipped_bit(archive: Archive, vendor: Vendor) -> None:
    send(archive, vendor, OTHER)
    content = bytearray((archive.served / SEALED).read_bytes())
    content[len(content) // 2] ^= 1
    (archive.served / SEALED).write_bytes(content)


def unsigned(archive: Archive, vendor: Vendor) -> None:
    send(archive, vendor, OTHER, signer="")


def with_a_signature_that_does_not_fit(archive: Archive, vendor: Vendor) -> None:
    send(archive, vendor, OTHER, signer="")
    vendor.detached(b"something else", archive.served / f"{SEALED}.sig")


def encrypted_by_nobody(archive: Archive, vendor: Vendor) -> None:
    (archive.served / SEALED).write_bytes(OTHER[MORE_CHATS])


def of_no_bytes(archive: Archive, vendor: Vendor) -> None:
    (archive.served / SEALED).touch()


def without_encryption(archive: Archive, vendor: Vendor) -> None:
    (archive.served / MORE_CHATS).write_bytes(OTHER[MORE_CHATS])


@pytest.mark.parametrize(
    ("deliver", "reason"),
    [
        (truncated, "damaged"),
        (with_a_flipped_bit, "damaged"),
        (unsigned, "unsigned"),
        (with_a_signature_that_does_not_fit, "bad-signature"),
        (encrypted_by_nobody, "not-encrypted"),
        (of_no_bytes, "not-encrypted"),
        (without_encryption, "not-encrypted"),
    ],
)
def test_a_bad_file_is_set_aside_and_a_better_one_is_archived_by_the_next_run(
    archive: Archive,
    vendor: Vendor,
    undisturbed: Callable[..., Mails],
    deliver: Callable[[Archive, Vendor], None],
    reason: str,
) -> None:
    send(archive, vendor, GOOD)
    deliver(archive, vendor)
    assert numbers(archive.archive("one")) == {"archived": 1, "quarantined": 1, "made": 2}
    assert archive.mails() == undisturbed(GOOD)
    (held,) = archive.held()
    assert (held.stage, held.reason) == (HeldStage.DECRYPT, reason)
    assert held.place in held.detail
    with archive.ledger() as ledger:
        assert list(ledger.failures("one")) == [Failure(held.place, "", "", "decrypt", reason, held.detail)]

    for old in archive.served.glob(f"{MORE_CHATS}*"):
        old.unlink()
    archive.archive("without it")
    assert archive.reasons() == [reason]
    send(archive, vendor, OTHER)
    assert numbers(archive.archive("two")) == {"archived": 1, "duplicate": 1, "made": 1, "known": 2}
    assert archive.mails() == undisturbed(GOOD, OTHER)
    assert archive.reasons() == []


def mended(vendor: Vendor, new_key: KeyPair, new_signer: str) -> GnupgDecryptor:
    """Configure the key and the signer that were not known before."""
    ours = tuple(PrivateKey(pair.private, PASSPHRASE) for pair in (vendor.ours, new_key))
    return GnupgDecryptor(PgpSettings(ours, (vendor.public(vendor.fingerprint), vendor.public(new_signer))))


def test_what_a_key_may_yet_open_is_made_up_for_by_the_same_bytes_alone(
    archive: Archive, vendor: Vendor, new_key: KeyPair, new_signer: str
) -> None:
    send(archive, vendor, OTHER, to=[new_key.fingerprint])
    first = (archive.served / SEALED).read_bytes()
    archive.archive("one")
    send(archive, vendor, OTHER)
    assert numbers(archive.archive("another version")) == {"archived": 1, "made": 1}
    assert archive.reasons() == ["no-key"]
    (archive.served / SEALED).write_bytes(first)
    with mended(vendor, new_key, new_signer) as archive.keys:
        assert numbers(archive.archive("the same bytes")) == {"duplicate": 1, "known": 1}
    assert archive.reasons() == []


@pytest.mark.parametrize("fault", ["no-key", "unknown-signer", "decompression-bomb"])
def test_what_the_configuration_refused_comes_back_by_replay_once_it_is_mended(
    archive: Archive,
    vendor: Vendor,
    undisturbed: Callable[..., Mails],
    new_key: KeyPair,
    new_signer: str,
    fault: str,
) -> None:
    how: dict[str, dict[str, Any]] = {
        "no-key": {"to": [new_key.fingerprint]},
        "unknown-signer": {"signer": new_signer},
    }
    send(archive, vendor, GOOD)
    send(archive, vendor, SWOLLEN if fault == "decompression-bomb" else OTHER, **how.get(fault, {}))
    assert numbers(archive.archive()) == {"archived": 1, "quarantined": 1, "made": 2}
    assert (archive.reasons(), archive.mails()) == ([fault], undisturbed(GOOD))

    assert numbers(archive.replay("too early")) == {"duplicate": 1, "quarantined": 1, "known": 2}
    assert archive.reasons() == [fault]

    wide = Pgp(connection="keys", max_expansion=100_000)
    archive.connector = CONNECTOR.model_copy(update={"pgp": wide})
    with mended(vendor, new_key, new_signer) as archive.keys:
        assert numbers(archive.replay()) == {"archived": 1, "duplicate": 1, "made": 1, "known": 2}
    assert (archive.reasons(), archive.mails()) == ([], undisturbed(GOOD, OTHER))
    assert numbers(archive.replay("again")) == {}


def test_without_any_key_the_run_stops_and_goes_on_once_there_is_one(
    archive: Archive, vendor: Vendor, undisturbed: Callable[..., Mails]
) -> None:
    send(archive, vendor, GOOD)
    open_keys, archive.keys = archive.keys, None
    archive.connector = CONNECTOR.model_copy(update={"pgp": None})
    with pytest.raises(Fatal, match=r"encrypted.* no `pgp` section"):
        archive.archive()
    assert archive.mails() == {}

    archive.keys, archive.connector = open_keys, CONNECTOR
    assert numbers(archive.archive()) == {"archived": 1, "made": 2}
    assert archive.mails() == undisturbed(GOOD)


def test_chats_are_archived_without_a_bad_attachments_file_and_again_with_a_good_one(
    archive: Archive, vendor: Vendor, undisturbed: Callable[..., Mails]
) -> None:
    shared = {CHATS: export(chat("A", "ann shares note.txt of 5", "bob: thanks"))}
    files = {FILES: tar(("note.txt", b"hello"))}
    send(archive, vendor, shared)
    send(archive, vendor, files, signer="")
    assert numbers(archive.archive("one")) == {"archived": 1, "quarantined": 1, "partial": 1, "made": 2}
    assert archive.mails() == undisturbed(shared)

    send(archive, vendor, files)
    assert numbers(archive.archive("two")) == {"archived": 1, "made": 2}
    assert archive.mails() == undisturbed(shared, shared | files)
