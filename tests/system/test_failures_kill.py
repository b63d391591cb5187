"""Killed at any change on disk, from the first file fetched to the import record, and run again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers.vendor import Vendor
from tests.system.interrupted import End, die, sweep
from tests.system.whole_path import CHATS, FILES, Archive, Mails, chat, export, numbers, send, tar

pytestmark = pytest.mark.system

SHARED = chat("A", "ann shares note.txt of 5", "bob: thanks", "EXT: noted")
NO_ROOM = chat("", "zoe: where are we?")
DAY = {CHATS: export(SHARED, NO_ROOM), FILES: tar(("note.txt", b"hello"))}


def test_a_run_that_is_killed_anywhere_ends_as_if_nothing_had_been(
    archive: Archive, vendor: Vendor, undisturbed: Callable[..., Mails], disk: Path
) -> None:
    send(archive, vendor, DAY)
    wanted = undisturbed(DAY)
    for at, copy, end in sweep(archive, disk, Archive.archive, die):
        assert end is End.KILLED
        if at % 2:  # clear the whole run, as an admin may, instead of the retry of the task
            copy.clear()
        assert numbers(copy.archive()) == {"archived": 1, "quarantined": 1, "made": 2}, at
        assert (copy.mails(), copy.reasons()) == (wanted, ["missing-room-id"]), at
    assert at > 80


def test_a_replay_that_is_killed_anywhere_ends_as_if_nothing_had_been(
    archive: Archive, vendor: Vendor, undisturbed: Callable[..., Mails], disk: Path
) -> None:
    send(archive, vendor, DAY)
    files = archive.served / f"{FILES}.gpg"
    whole = files.read_bytes()
    files.write_bytes(whole[:-1])
    archive.archive()
    (bundle,) = {one.path for one in archive.held()}
    (archive.root / "staging" / "feed" / "held" / bundle / "raw" / files.name).write_bytes(whole)

    wanted = undisturbed({CHATS: DAY[CHATS]}, DAY)
    for at, copy, end in sweep(archive, disk, Archive.replay, die, step=2):
        assert end is End.KILLED
        assert numbers(copy.replay()) == {"archived": 1, "quarantined": 1, "made": 2}, at
        assert (copy.mails(), copy.reasons()) == (wanted, ["missing-room-id"]), at
    assert at > 80
