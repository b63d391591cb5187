"""What gpg and its agent leave behind, and what they let others see: nothing."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from include.commsarchive.errors import CommsArchiveError, Retriable
from include.commsarchive.pgp.base import Bounds
from include.commsarchive.pgp.gnupg import GnupgDecryptor
from include.commsarchive.pgp.settings import PgpSettings, PrivateKey
from tests.servers.vendor import PASSPHRASE, Vendor, running_vendor

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[2]
WIDE = Bounds(10**12, 10**6)
WORK = """
import resource, sys
from pathlib import Path
from include.commsarchive.pgp.base import Bounds
from include.commsarchive.pgp.gnupg import GnupgDecryptor
from include.commsarchive.pgp.settings import PgpSettings, PrivateKey

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

key, passphrase, encrypted, clear = sys.stdin.read().split("|")
with GnupgDecryptor(PgpSettings((PrivateKey(key, passphrase),), require_signature=False)) as decryptor:
    before = peak()
    decryptor.decrypt(Path(encrypted), Path(clear), None, Bounds(10**12, 10**6))
    print(peak() - before)
"""
"""Decrypts in a process of its own and prints by how many KiB its peak memory grew."""


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with running_vendor() as vendor:
        yield vendor


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The only place where homes may appear; short, as sockets need it."""
    folder = Path("/tmp") / f"homes-{os.getpid()}"  # noqa: S108
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    yield folder
    shutil.rmtree(folder)


def agents(homes: Path) -> list[str]:
    """Processes that work in one of these homes."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it may just have ended
            found.append(process.read_text())
    return [line for line in found if str(homes) in line]


def eventually_none(homes: Path) -> bool:
    """Agents take a moment to end."""
    for _ in range(500):
        if not agents(homes):
            return True
        time.sleep(0.01)
    return False


def settings(vendor: Vendor) -> PgpSettings:
    return PgpSettings((PrivateKey(vendor.ours.private, PASSPHRASE),), require_signature=False)


def start(vendor: Vendor, encrypted: Path, clear: Path) -> subprocess.Popen[str]:
    job = clear.with_name("job")
    job.parent.mkdir(exist_ok=True)
    job.write_text("|".join([vendor.ours.private, PASSPHRASE, str(encrypted), str(clear)]))
    with job.open() as stdin:
        return subprocess.Popen(
            [sys.executable, "-c", WORK], stdin=stdin, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )


def test_home_and_agent_end_with_the_block(vendor: Vendor, homes: Path) -> None:
    with GnupgDecryptor(settings(vendor)):
        (home,) = homes.iterdir()
        assert home.stat().st_mode & 0o777 == 0o700
        assert agents(homes)
    assert list(homes.iterdir()) == []
    assert eventually_none(homes)


def test_home_and_agent_end_when_entering_fails(vendor: Vendor, homes: Path) -> None:
    wrong = PgpSettings((PrivateKey(vendor.ours.private, "wrong"),), require_signature=False)
    with pytest.raises(Exception, match="passphrase"), GnupgDecryptor(wrong):
        pass
    assert list(homes.iterdir()) == []
    assert eventually_none(homes)


def test_a_killed_process_leaves_no_file_under_the_final_name_and_the_next_cleans_up(
    vendor: Vendor, homes: Path, tmp_path: Path
) -> None:
    encrypted = vendor.seal(bytes(500_000_000), tmp_path / "a.gpg", signer="", more=["-z", "1"])
    clear = tmp_path / "clear" / "a.xml"
    worker = start(vendor, encrypted, clear)
    while not any(part.stat().st_size for part in clear.parent.glob(".a.xml.*.part")):
        assert worker.poll() is None, "it ended before it could be killed"
        time.sleep(0.005)
    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    assert not clear.exists()
    assert len(list(homes.iterdir())) == 1

    small = vendor.seal(b"<FileDump/>", tmp_path / "b.gpg", signer="")
    with GnupgDecryptor(settings(vendor)) as decryptor:
        assert len(list(homes.iterdir())) == 1, "the home of the dead should be gone, and only ours be there"
        decryptor.decrypt(small, clear, None, WIDE)
    assert sorted(path.name for path in clear.parent.iterdir()) == ["a.xml", "job"]
    assert list(homes.iterdir()) == []
    assert eventually_none(homes)


def test_a_home_whose_owner_lives_is_left_alone(vendor: Vendor, homes: Path, tmp_path: Path) -> None:
    encrypted = vendor.seal(b"<FileDump/>", tmp_path / "a.gpg", signer="")
    with GnupgDecryptor(settings(vendor)) as first:
        with GnupgDecryptor(settings(vendor)) as second:
            second.decrypt(encrypted, tmp_path / "2.xml", None, WIDE)
        assert first.decrypt(encrypted, tmp_path / "1.xml", None, WIDE).size == 11


def test_memory_stays_flat_however_large_the_clear_text(vendor: Vendor, tmp_path: Path) -> None:
    encrypted = vendor.seal(bytes(300_000_000), tmp_path / "a.gpg", signer="", more=["-z", "1"])
    clear = tmp_path / "a.xml"
    grown, _ = start(vendor, encrypted, clear).communicate()
    assert clear.stat().st_size == 300_000_000
    assert int(grown) < 30_000


def test_neither_arguments_nor_logs_hold_passphrase_key_or_names(
    vendor: Vendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spies = tmp_path / "bin"
    spies.mkdir()
    for program in ("gpg", "gpgconf"):
        spy = spies / program
        spy.write_text(f'#!/bin/sh\necho "$0 $@" >> {tmp_path}/seen\nexec {shutil.which(program)} "$@"\n')
        spy.chmod(0o700)
    monkeypatch.setenv("PATH", str(spies), prepend=os.pathsep)
    encrypted = vendor.seal(b"<FileDump/>", tmp_path / "a.gpg")
    (tmp_path / "seen").unlink()
    caplog.set_level(logging.DEBUG)
    with GnupgDecryptor(vendor.settings()) as decryptor:
        decryptor.decrypt(encrypted, tmp_path / "a.xml", None, WIDE)
        arguments = (tmp_path / "seen").read_text()
    assert "--decrypt" in arguments
    for secret in (PASSPHRASE, "BEGIN PGP", "archive@firm.example", "vendor@vendor.example"):
        assert secret not in arguments
        assert secret not in caplog.text


def test_a_full_disk_leaves_nothing_and_asks_for_space(vendor: Vendor, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root can make a small disk")
    try:
        encrypted = vendor.seal(bytes(5_000_000), tmp_path / "a.gpg", signer="")
        with GnupgDecryptor(settings(vendor)) as decryptor, pytest.raises(Retriable, match="Free space"):
            decryptor.decrypt(encrypted, disk / "a.xml", None, WIDE)
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_place_for_homes_that_is_missing_is_named(
    vendor: Vendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/no-such-folder")
    with pytest.raises(CommsArchiveError, match="/no-such-folder"), GnupgDecryptor(settings(vendor)):
        pass
