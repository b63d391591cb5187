"""What the fields of an OpenPGP connection mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.commsarchive.errors import Fatal
from include.commsarchive.pgp.settings import PrivateKey, settings_from

KEY = "-----BEGIN PGP PRIVATE KEY BLOCK-----\nAAAA"
SIGNER = "-----BEGIN PGP PUBLIC KEY BLOCK-----\nBBBB"


def test_keys_have_their_own_passphrases_or_the_connections() -> None:
    extra = {"private_keys": [KEY, {"key": KEY + "2", "passphrase": "two"}], "signers": [SIGNER]}
    settings = settings_from("one", extra, require_signature=True)
    assert settings.private_keys == (PrivateKey(KEY, "one"), PrivateKey(KEY + "2", "two"))
    assert settings.signers == (SIGNER,)
    assert settings.require_signature


def test_one_key_and_one_signer_need_no_lists_and_may_be_files(tmp_path: Path) -> None:
    (tmp_path / "key.asc").write_text(f"\n{KEY}\n")
    extra = {"private_key": str(tmp_path / "key.asc"), "signer": SIGNER}
    settings = settings_from(None, extra, require_signature=True)
    assert settings.private_keys == (PrivateKey(KEY, ""),)
    assert settings.signers == (SIGNER,)


def test_a_home_comes_with_fingerprints() -> None:
    extra = {"home": "/keys", "signers": ["ab12 cd34"]}
    settings = settings_from(None, extra, require_signature=True)
    assert (settings.home, settings.signers, settings.private_keys) == (Path("/keys"), ("AB12CD34",), ())


@pytest.mark.parametrize(
    ("extra", "remedy"),
    [
        ({}, "private_keys"),
        ({"private_key": KEY, "home": "/keys"}, "either"),
        ({"private_key": KEY}, "no signer is configured"),
        ({"private_key": "/no/such/file", "signer": SIGNER}, "armoured block"),
        ({"private_key": "sécret", "signer": SIGNER}, "armoured block"),
        ({"private_key": {"passphrase": "x"}, "signer": SIGNER}, "armoured block"),
        ({"private_key": "/etc/passwd", "signer": SIGNER}, "--armor"),
    ],
)
def test_what_cannot_work_is_refused_with_a_remedy(extra: dict[str, object], remedy: str) -> None:
    with pytest.raises(Fatal, match=remedy):
        settings_from("x", extra, require_signature=True)


def test_a_key_pasted_in_half_is_not_shown() -> None:
    extra = {"private_key": "lQdGBGX top secret half of a key", "signer": SIGNER}
    with pytest.raises(Fatal) as refusal:
        settings_from("x", extra, require_signature=True)
    assert "top secret" not in str(refusal.value)
    assert refusal.value.__suppress_context__


def test_settings_do_not_show_secrets() -> None:
    settings = settings_from("hunter2", {"private_key": KEY}, require_signature=False)
    assert "hunter2" not in repr(settings)
    assert "AAAA" not in repr(settings)
