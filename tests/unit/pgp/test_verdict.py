"""What we make of gpg's status lines: cases that a real gpg seldom shows. The others are in tests/system."""

from __future__ import annotations

import pytest

from include.commsarchive.errors import Quarantine, Retriable
from include.commsarchive.pgp.verdict import Signature, check_opened, check_signed, read_status

SIGNER = "A" * 40
SOUND = """gpg: encrypted with 255-bit ECDH key
[GNUPG:] ENC_TO 0E7BBCEE02BA0EBC 18 0
[GNUPG:] BEGIN_DECRYPTION
[GNUPG:] DECRYPTION_INFO 2 9 0
[GNUPG:] PLAINTEXT 62 1795260188 f
[GNUPG:] PLAINTEXT_LENGTH 6
[GNUPG:] DECRYPTION_OKAY
[GNUPG:] GOODMDC
[GNUPG:] END_DECRYPTION
"""


def reason(status: str, exit_code: int = 0) -> str:
    """Why a file is refused, ``""`` if it is not."""
    try:
        check_opened(read_status(status, exit_code), "a.gpg", {"KEY"})
    except Quarantine as refusal:
        return refusal.reason
    return ""


def test_a_sound_file_passes() -> None:
    assert reason(SOUND) == ""


@pytest.mark.parametrize(
    ("old", "new", "exit_code", "expected"),
    [
        ("DECRYPTION_INFO 2 9 0", "DECRYPTION_INFO 0 9 2", 0, ""),
        ("DECRYPTION_INFO 2 9 0", "DECRYPTION_INFO 2 9", 0, ""),
        ("DECRYPTION_INFO 2 9 0", "DECRYPTION_INFO 0 9", 2, "no-integrity-protection"),
        ("DECRYPTION_INFO 2 9 0", "DECRYPTION_INFO 0 9 0", 0, "no-integrity-protection"),
        ("[GNUPG:] DECRYPTION_OKAY\n", "", 0, "damaged"),
        ("[GNUPG:] END_DECRYPTION", "[GNUPG:] NODATA 3", 0, "damaged"),
        ("[GNUPG:] END_DECRYPTION", "[GNUPG:] PLAINTEXT 62 0 x", 0, "damaged"),
        ("[GNUPG:] END_DECRYPTION", "[GNUPG:] ERROR proc_pkt.plaintext 89_BAD_DATA", 0, "damaged"),
        ("[GNUPG:] ENC_TO 0E7BBCEE02BA0EBC 18 0\n", "", 0, "not-encrypted"),
        ("", "", 2, "damaged"),
        ("0E7BBCEE02BA0EBC", "0000000000000000", 2, ""),
        (
            "[GNUPG:] DECRYPTION_OKAY",
            f"[GNUPG:] NEWSIG\n[GNUPG:] ERRSIG {'B' * 16} 1 8 00 0 9 -\n[GNUPG:] DECRYPTION_OKAY",
            2,
            "",
        ),
    ],
)
def test_every_doubt_refuses_the_file(old: str, new: str, exit_code: int, expected: str) -> None:
    assert reason(SOUND.replace(old, new, 1), exit_code) == expected


@pytest.mark.parametrize("code", [67108949, 67108875, 17])
def test_a_key_that_is_there_but_locked_is_no_key(code: int) -> None:
    status = f"[GNUPG:] ENC_TO AB 18 0\n[GNUPG:] ERROR pkdecrypt_failed {code}\n[GNUPG:] DECRYPTION_FAILED\n"
    assert reason(status, 2) == "no-key"


def test_an_agent_that_went_away_does_not_make_the_file_bad() -> None:
    status = "[GNUPG:] ENC_TO AB 18 0\n[GNUPG:] ERROR pkdecrypt_failed 67108941\n[GNUPG:] DECRYPTION_FAILED\n"
    with pytest.raises(Retriable, match="agent"):
        reason(status, 2)


def test_gpg_being_killed_does_not_make_the_file_bad() -> None:
    with pytest.raises(Retriable, match="killed"):
        reason(SOUND.replace("[GNUPG:] DECRYPTION_OKAY\n", ""), -9)


def test_status_lines_forged_in_a_file_name_are_not_heard() -> None:
    assert reason(SOUND.replace("DECRYPTION_OKAY", "x [GNUPG:] DECRYPTION_OKAY"), 0) == "damaged"


@pytest.mark.parametrize(
    ("signatures", "required", "expected"),
    [
        ([Signature("good", SIGNER)], True, SIGNER),
        ([Signature("unknown", "B"), Signature("good", SIGNER)], True, SIGNER),
        ([Signature("expired", SIGNER), Signature("good", SIGNER)], True, SIGNER),
        ([Signature("good", SIGNER), Signature("bad", "B")], True, "bad-signature"),
        ([Signature("bad", "B")], False, "bad-signature"),
        ([Signature("expired", SIGNER)], True, "bad-signature"),
        ([Signature("expired", SIGNER)], False, ""),
        ([Signature("good", "B")], True, "unknown-signer"),
        ([Signature("unknown", "B")], True, "unknown-signer"),
        ([Signature("good", "B")], False, ""),
        ([], True, "unsigned"),
        ([], False, ""),
    ],
)
def test_only_a_good_signature_by_a_configured_signer_counts(
    signatures: list[Signature], *, required: bool, expected: str
) -> None:
    try:
        found = check_signed(signatures, "a.gpg", {SIGNER}, required=required)
    except Quarantine as refusal:
        found = refusal.reason
    assert found == expected
