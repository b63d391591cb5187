from __future__ import annotations

import datetime as dt
import stat
from pathlib import Path

import pytest

from include.commsarchive.collect.completeness import manifest_names
from include.commsarchive.demo.publish import SYMPHONY, Published, publish
from include.commsarchive.errors import Fatal
from include.commsarchive.pgp.base import Bounds
from include.commsarchive.pgp.gnupg import GnupgDecryptor
from include.commsarchive.pgp.home import Home
from include.commsarchive.pgp.keyring import import_key, open_gpg
from include.commsarchive.pgp.settings import settings_from

CHATS, MANIFEST = "f1.ib19.240312.xml", "daily_manifest_240312.txt"


def write_day(samples: Path, chats: str) -> Path:
    day = samples / "2024-03-12"
    day.mkdir(parents=True, exist_ok=True)
    (day / CHATS).write_text(chats)
    (day / MANIFEST).write_bytes(f"{CHATS}\r\n".encode())
    return samples


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vendor")


@pytest.fixture
def published(place: Path) -> Published:
    return publish(write_day(place / "samples", "<FileDump/>"), place / "vendor")


def contents(published: Published) -> dict[str, tuple[bytes, float]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime) for path in published.served.iterdir()}


def test_what_is_served_opens_with_the_connection_and_bears_the_vendors_signature(
    published: Published, tmp_path: Path
) -> None:
    connection = published.pgp_connection()
    settings = settings_from(connection["password"], connection["extra"], require_signature=True)
    encrypted = published.served / f"{CHATS}.gpg"
    with GnupgDecryptor(settings) as decryptor:
        opened = decryptor.decrypt(
            encrypted, tmp_path / "clear", published.served / f"{CHATS}.gpg.sig", Bounds(1000, 200)
        )
    assert (tmp_path / "clear").read_text() == "<FileDump/>"
    assert opened.signed_by == published.keys.vendor.fingerprint
    assert b"FileDump" not in encrypted.read_bytes()


def test_the_signature_is_over_the_encrypted_file_as_the_vendor_makes_it(published: Published) -> None:
    with Home() as home:
        gpg = open_gpg(home.path)
        import_key(gpg, published.keys.vendor.public, "vendor key")
        signature = str(published.served / f"{CHATS}.gpg.sig")
        assert gpg.verify_file(signature, data_filename=str(published.served / f"{CHATS}.gpg")).valid


def test_the_manifest_lists_what_is_served_with_the_samples_line_ends(published: Published) -> None:
    raw = (published.served / MANIFEST).read_bytes()
    assert sorted([*manifest_names(raw.decode()), MANIFEST]) == sorted(contents(published))
    assert raw.count(b"\r\n") == raw.count(b"\n") == 2


def test_files_bear_the_day_at_which_the_vendor_wrote_them(published: Published) -> None:
    stamps = {stamp for _, stamp in contents(published).values()}
    assert stamps == {dt.datetime(2024, 3, 12, 21, 30, tzinfo=dt.UTC).timestamp()}


def test_publishing_again_serves_the_same_bytes_and_keys(published: Published, place: Path) -> None:
    before = contents(published)
    again = publish(place / "samples", place / "vendor")
    assert (contents(again), again.keys) == (before, published.keys)


def test_a_day_issued_again_replaces_the_files_and_can_be_taken_back(
    published: Published, place: Path
) -> None:
    before = contents(published)
    publish(write_day(place / "reissued", "<FileDump>more</FileDump>"), place / "vendor")
    changed = contents(published)
    assert {name for name, content in before.items() if changed[name] != content} == {
        f"{CHATS}.gpg",
        f"{CHATS}.gpg.sig",
    }
    publish(place / "samples", place / "vendor")
    assert contents(published) == before


def test_keys_lie_where_only_their_owner_reads_and_never_show(published: Published) -> None:
    files = [path for path in published.state.rglob("*") if path.is_file()]
    assert files
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in files} == {0}
    assert published.keys.passphrase not in repr(published)
    assert published.keys.archive.private not in repr(published)


def test_the_sftp_connection_names_loopback_and_the_account(published: Published) -> None:
    connection = published.sftp_connection(2022)
    assert (connection["host"], connection["port"], connection["login"]) == ("127.0.0.1", 2022, "f855501")
    assert connection["extra"]["host_key"].startswith("ssh-ed25519 ")


def test_symphony_s_files_are_encrypted_and_not_signed_and_their_checksums_plain(place: Path) -> None:
    day = place / "pod" / "2024-03-12"
    day.mkdir(parents=True)
    (day / "a.zip").write_bytes(b"PK")
    (day / "a.zip.md5").write_bytes(b"sum")
    found = contents(publish(day.parent, place / "vendor", "symphony", SYMPHONY))
    assert sorted(found) == ["a.zip.md5", "a.zip.pgp"]
    assert found["a.zip.md5"][0] == b"sum"
    assert found["a.zip.pgp"][0] != b"PK"


def test_what_is_never_encrypted_is_served_as_it_is(place: Path) -> None:
    published = publish(place / "samples", place / "vendor", "plain", None)
    assert published.sftp_connection(2022)["login"] == "plain"
    assert contents(published)[CHATS][0] == (place / "samples" / "2024-03-12" / CHATS).read_bytes()


def test_without_samples_it_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(Fatal, match="make_samples"):
        publish(tmp_path, tmp_path / "vendor")
