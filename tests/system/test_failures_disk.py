"""No room, no mailbox: what can be filed is filed, the rest waits for room, a retry or a replay."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from include.commsarchive.errors import Fatal, Retriable
from tests.servers.vendor import Vendor
from tests.system import whole_path
from tests.system.interrupted import End, fill_the_disk, sweep
from tests.system.whole_path import CHATS, FILES, Archive, Mails, chat, export, numbers, send, tar

pytestmark = pytest.mark.system

SHARED = chat("A", "ann shares note.txt of 5", "bob: thanks", "EXT: noted")
NO_ROOM = chat("", "zoe: where are we?")
DAY = {CHATS: export(SHARED, NO_ROOM), FILES: tar(("note.txt", b"hello"))}
CHAT = {CHATS: export(SHARED), FILES: DAY[FILES]}
WANTED = {"archived": 1, "quarantined": 1, "made": 2}


def test_a_disk_that_is_full_at_any_change_is_worth_a_retry_which_goes_on(
    archive: Archive, vendor: Vendor, undisturbed: Callable[..., Mails], disk: Path
) -> None:
    send(archive, vendor, DAY)
    wanted = undisturbed(DAY)
    ends = set()
    for at, copy, end in sweep(archive, disk, Archive.archive, fill_the_disk, step=3):
        ends.add(end)
        assert numbers(copy.archive()) == WANTED, at
        assert (copy.mails(), copy.reasons()) == (wanted, ["missing-room-id"]), at
    assert ends == {End.RETRY, End.COMPLETED}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root can make a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_run_goes_on_each_time_a_small_disk_is_made_larger(
    archive: Archive, vendor: Vendor, undisturbed: Callable[..., Mails], small_disk: Path
) -> None:
    archive.root = small_disk
    send(archive, vendor, DAY)
    refusals = []
    for size in itertools.count(64, 4):
        subprocess.run(["mount", "-o", f"remount,size={size}k", str(small_disk)], check=True)
        try:
            record = archive.archive()
        except Retriable as error:
            refusals.append(str(error))
        else:
            break
    assert len(refusals) > 10
    assert numbers(record) == WANTED
    assert archive.mails() == undisturbed(DAY)


@pytest.mark.parametrize("reason", ["no-such-mailbox", "not-a-mailbox"])
def test_a_copy_that_no_mailbox_takes_is_held_and_filed_by_replay_when_there_is_one(
    archive: Archive, vendor: Vendor, undisturbed: Callable[..., Mails], reason: str
) -> None:
    send(archive, vendor, CHAT)
    ann, bob = (archive.mail / f"{name}@firm.example" for name in ("ann", "bob"))
    ann.mkdir(parents=True)
    archive.create, archive.looks_up = reason != "no-such-mailbox", False
    if archive.create:
        bob.touch()
    assert numbers(archive.archive("one")) == {"quarantined": 1, "made": 1, "failed": 1}
    assert [path for path in archive.mails() if "ann@" not in path] == []
    assert archive.reasons() == [reason]
    with archive.ledger() as ledger:
        (failure,) = ledger.failures("one")
    assert (failure.mailbox, failure.stage, failure.reason) == ("bob@firm.example", "ingest", reason)

    assert numbers(archive.replay("too early")) == {"quarantined": 1, "failed": 1, "known": 1}

    bob.unlink(missing_ok=True)
    bob.mkdir()
    assert numbers(archive.replay()) == {"archived": 1, "made": 1, "known": 1}
    assert (archive.mails(), archive.reasons()) == (undisturbed(CHAT), [])


def test_a_copy_that_no_mailbox_took_is_filed_by_the_next_run_too(
    archive: Archive, vendor: Vendor, undisturbed: Callable[..., Mails]
) -> None:
    send(archive, vendor, CHAT)
    archive.create = archive.looks_up = False
    assert numbers(archive.archive("one")) == {"quarantined": 1, "failed": 2}
    archive.create = True
    assert numbers(archive.archive("two")) == {"archived": 1, "made": 2}
    assert numbers(archive.replay()) == {"duplicate": 1, "known": 2}
    assert (archive.mails(), archive.reasons()) == (undisturbed(CHAT), [])


def test_a_run_whose_staging_was_lost_says_so_and_collects_again_when_it_is_cleared(
    archive: Archive, vendor: Vendor, undisturbed: Callable[..., Mails]
) -> None:
    send(archive, vendor, CHAT)
    with patch.object(whole_path, "convert", side_effect=Retriable("later")), pytest.raises(Retriable):
        archive.archive()
    shutil.rmtree(archive.root / "staging")
    with pytest.raises(Fatal, match="clear the whole run"):
        archive.archive()
    archive.clear()
    assert numbers(archive.archive()) == {"archived": 1, "made": 2}
    assert archive.mails() == undisturbed(CHAT)
