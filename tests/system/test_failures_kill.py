"""Killed at any change on disk, from the first file fetched to the import record, and run again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest

from include.commsarchive.errors import Retriable
from include.commsarchive.ledger.sql import SqlLedger
from include.commsarchive.stages import convert
from tests.servers.vendor import Vendor
from tests.system.interrupted import End, Fuse, die, interrupted, sweep
from tests.system.whole_path import CHATS, CONNECTOR, FILES, Archive, Mails, chat, export, numbers, send, tar

pytestmark = pytest.mark.system

SHARED = chat("A", "ann shares note.txt of 5", "bob: thanks", "EXT: noted")
NO_ROOM = chat("", "zoe: where are we?")
DAY = {CHATS: export(SHARED, NO_ROOM), FILES: tar(("note.txt", b"hello"))}


def test_a_run_that_is_killed_anywhere_ends_as_if_nothing_had_been(
    archive: Archive, vendor: Vendor, disk: Path
) -> None:
    send(archive, vendor, DAY)
    whole = archive.copied(disk / "whole" / "archive")
    whole.archive()
    for at, copy, end in sweep(archive, disk, Archive.archive, die):
        assert end is End.KILLED
        if at % 2:  # clear the whole run, as an admin may, instead of the retry of the task
            copy.clear()
        assert numbers(copy.archive()) == {"archived": 1, "quarantined": 1, "made": 2}, at
        assert (copy.mails(), copy.held_bytes()) == (whole.mails(), whole.held_bytes()), at
        assert copy.reasons() == ["missing-room-id"], at
    assert at > 80


def test_a_replay_that_is_killed_anywhere_ends_as_if_nothing_had_been(
    archive: Archive, vendor: Vendor, disk: Path
) -> None:
    send(archive, vendor, DAY)
    files = archive.served / f"{FILES}.gpg"
    whole_file = files.read_bytes()
    files.write_bytes(whole_file[:-1])
    archive.archive()
    (bundle,) = {one.path for one in archive.held()}
    (archive.root / "staging" / "feed" / "held" / bundle / "raw" / files.name).write_bytes(whole_file)

    whole = archive.copied(disk / "whole" / "archive")
    wanted = numbers(whole.replay())
    assert wanted == {"archived": 1, "quarantined": 1, "made": 2}
    for at, copy, end in sweep(archive, disk, Archive.replay, die, step=3):
        assert end is End.KILLED
        assert numbers(copy.replay()) == wanted, at
        assert (copy.mails(), copy.held_bytes()) == (whole.mails(), whole.held_bytes()), at
        assert copy.reasons() == ["missing-room-id"], at
    assert at > 80


def killed_before_the_receipt(archive: Archive) -> None:
    """Be killed when the mails are filed and the ledger does not know it yet."""
    with patch.object(SqlLedger, "settle", lambda _ledger, _run, outcomes: outcomes and die("")):
        archive.archive()


def test_what_a_killed_run_had_filed_is_known_even_when_the_mapping_has_changed_since(
    archive: Archive, vendor: Vendor
) -> None:
    send(archive, vendor, {CHATS: export(chat("A", "ann: hello", "bob: hi"))})
    never = Fuse(archive.root, 1_000_000, die)
    assert interrupted(partial(killed_before_the_receipt, archive), never) is End.KILLED
    before = archive.mails()
    assert before

    nobody = CONNECTOR.mapping.model_copy(update={"domains": ("elsewhere.example",)})
    archive.connector = CONNECTOR.model_copy(update={"mapping": nobody})
    archive.clear("one", "map_users")
    made = len(before) + 1
    assert numbers(archive.archive()) == {"archived": 1, "unmapped": 1, "made": made}
    assert archive.mails().items() > before.items()
    assert len(archive.mails()) == made


def test_when_a_process_that_helps_to_convert_is_killed_the_task_is_tried_again(
    archive: Archive, vendor: Vendor, undisturbed: Callable[..., Mails], monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = archive.root.with_name("dying")
    dying.write_text("#!/bin/sh\nkill -9 $$\n")
    dying.chmod(0o700)
    send(archive, vendor, DAY)
    monkeypatch.setattr(convert, "PARALLEL_FROM", 0)
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", str(dying))
        with pytest.raises(Retriable, match="ended with status -9"):
            archive.archive()
    assert numbers(archive.archive()) == {"archived": 1, "quarantined": 1, "made": 2}
    assert archive.mails() == undisturbed(DAY)
