"""A key is rotated with no gap: extras of a connection go in, extras come out."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from include.commsarchive.alarms.expiry import of_keys
from include.commsarchive.errors import Fatal
from include.commsarchive.pgp.base import Bounds, KeyInfo
from include.commsarchive.pgp.gnupg import GnupgDecryptor
from include.commsarchive.pgp.home import Home
from include.commsarchive.pgp.keyring import import_key, open_gpg
from include.commsarchive.pgp.keys import KeyPair, expiring, make_key
from include.commsarchive.pgp.published import public_halves
from include.commsarchive.pgp.rotation import letter, next_pair, state_of, with_next, without
from include.commsarchive.pgp.settings import settings_from

DAY = dt.date(2026, 11, 21)
SECRET = "the passphrase of the connection"


@pytest.fixture(scope="module")
def old() -> KeyPair:
    return make_key("Quillbrook", "archive@firm.example", SECRET, days=30, algorithm="ed25519")


@pytest.fixture(scope="module")
def rotated(old: KeyPair) -> tuple[KeyPair, dict[str, Any]]:
    """The next pair, and the extras with both."""
    extra = {"private_key": old.private, "signers": [], "expires": "2027-01-01"}
    pair, entry = next_pair(extra, "Quillbrook", "archive@firm.example", days=730, algorithm="ed25519")
    return pair, with_next(extra, entry)


def states(extra: dict[str, Any]) -> dict[str, str]:
    keys = infos(extra)
    return {one.fingerprint: state_of(one, keys) for one in keys}


def infos(extra: dict[str, Any]) -> list[KeyInfo]:
    return [one.info for one in public_halves(settings_from(SECRET, extra, require_signature=False))]


def sealed(pair: KeyPair, path: Path) -> Path:
    with Home() as home:
        gpg = open_gpg(home.path)
        import_key(gpg, pair.public, "a test's key")
        assert gpg.encrypt(b"what was said", [pair.fingerprint], output=str(path)).ok
    return path


def opened(extra: dict[str, Any], encrypted: Path) -> bytes:
    clear = encrypted.with_suffix(".clear")
    with GnupgDecryptor(settings_from(SECRET, extra, require_signature=False)) as ring:
        ring.decrypt(encrypted, clear, None, Bounds(10**6, 10**6))
    return clear.read_bytes()


def test_files_for_either_key_open_in_the_overlap_and_old_ones_after_it(
    old: KeyPair, rotated: tuple[KeyPair, dict[str, Any]], tmp_path: Path
) -> None:
    pair, both = rotated
    for extra in (both, without(both, old.fingerprint, DAY)):
        for place, to in enumerate((old, pair)):
            assert opened(extra, sealed(to, tmp_path / f"{len(extra)}-{place}.gpg")) == b"what was said"
        for file in tmp_path.iterdir():
            file.unlink()


def test_a_key_is_next_then_in_force_and_the_old_one_retired(
    old: KeyPair, rotated: tuple[KeyPair, dict[str, Any]]
) -> None:
    pair, both = rotated
    assert states(both) == {old.fingerprint: "in force", pair.fingerprint: "next"}
    assert states(without(both, old.fingerprint, DAY)) == {
        old.fingerprint: "retired",
        pair.fingerprint: "in force",
    }


def test_nobody_is_warned_of_a_retired_key(old: KeyPair, rotated: tuple[KeyPair, dict[str, Any]]) -> None:
    _, both = rotated
    now, within = dt.datetime.now(dt.UTC), dt.timedelta(days=45)
    assert any(old.fingerprint in warning for warning in expiring(infos(both), now, within))
    done = infos(without(both, old.fingerprint, DAY))
    assert expiring(done, now, within) == []
    assert not any(old.fingerprint in one.what for one in of_keys(done))
    with GnupgDecryptor(
        settings_from(SECRET, without(both, old.fingerprint, DAY), require_signature=False)
    ) as ring:
        assert not any(old.fingerprint in one.what for one in of_keys(ring.keys()))


def test_what_else_the_connection_says_stays(old: KeyPair, rotated: tuple[KeyPair, dict[str, Any]]) -> None:
    _, both = rotated
    done = without(both, old.fingerprint, DAY)
    assert (done["expires"], done["signers"]) == ("2027-01-01", [])
    assert "private_key" not in done
    assert [one.get("retired") for one in done["private_keys"]] == ["2026-11-21", None]


def test_only_one_rotation_is_under_way(rotated: tuple[KeyPair, dict[str, Any]]) -> None:
    _, both = rotated
    with pytest.raises(Fatal, match="a rotation is under way"):
        with_next(both, {})
    with pytest.raises(Fatal, match="GnuPG home that you keep"):
        with_next({"home": "/keys"}, {})


def test_the_only_key_in_force_is_never_retired(
    old: KeyPair, rotated: tuple[KeyPair, dict[str, Any]]
) -> None:
    pair, both = rotated
    done = without(both, old.fingerprint, DAY)
    assert without(done, old.fingerprint, DAY + dt.timedelta(days=1)) == done
    with pytest.raises(Fatal, match="only key in force"):
        without(done, pair.fingerprint, DAY)
    with pytest.raises(Fatal, match="no private key of ours"):
        without(done, "A" * 40, DAY)


def test_the_words_for_the_vendor_name_both_keys_and_no_secret(
    old: KeyPair, rotated: tuple[KeyPair, dict[str, Any]]
) -> None:
    pair, both = rotated
    keys = infos(both)
    (key,) = [one for one in keys if one.fingerprint == pair.fingerprint]
    said = letter(key, keys, "ib.pub.asc", "Instant Bloomberg")
    assert "our next OpenPGP key for Instant Bloomberg" in said
    assert pair.fingerprint in said.replace(" ", "")
    assert old.fingerprint in said.replace(" ", "")
    assert "PRIVATE" not in said
    assert both["private_keys"][1]["passphrase"] not in said
