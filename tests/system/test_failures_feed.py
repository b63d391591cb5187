"""Deliveries that repeat, change, come late or not at all, and servers that fail us."""

from __future__ import annotations

import datetime as dt
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from include.commsarchive.collect.base import RemoteFile
from include.commsarchive.collect.folder import FolderCollector
from include.commsarchive.collect.sftp import SftpCollector
from include.commsarchive.collect.sftp_settings import settings_from
from include.commsarchive.collect.ssh_key import make_ssh_key
from include.commsarchive.connector import Collect
from include.commsarchive.errors import Fatal, Retriable
from tests.servers.programs import HOST, free_port
from tests.servers.sftp_doubles import PASSWORD, USER, running_server
from tests.servers.sshd import running_sshd
from tests.servers.vendor import Vendor
from tests.system.whole_path import (
    CHATS,
    CONNECTOR,
    FILES,
    Archive,
    Mails,
    chat,
    export,
    numbers,
    send,
    tar,
)

pytestmark = pytest.mark.system

Undisturbed = Callable[..., Mails]

SHARED = chat("A", "ann shares note.txt of 5", "bob: thanks")
FIRST = {CHATS: export(SHARED, chat("B", "ann: one")), FILES: tar(("note.txt", b"hello"))}
AGAIN = {CHATS: export(SHARED, chat("B", "ann: one", "ann: and another")), FILES: FIRST[FILES]}
TOMORROW = {"f1.ib19.240313.xml": export(chat("C", "bob: the day after"))}


def test_the_same_files_again_file_nothing(
    archive: Archive, vendor: Vendor, undisturbed: Undisturbed
) -> None:
    send(archive, vendor, FIRST)
    assert numbers(archive.archive("one")) == {"archived": 2, "made": 3}
    assert numbers(archive.archive("two")) == {"duplicate": 2, "known": 3}
    assert archive.mails() == undisturbed(FIRST)


@pytest.mark.parametrize(
    "name", ["f1.ib.240312.xml", "f1.ib19.240312.xml9", "f2.ib19.240312.xml", "f1.ib19.240312 (1).xml"]
)
def test_a_file_under_another_name_files_nothing(
    archive: Archive, vendor: Vendor, undisturbed: Undisturbed, name: str
) -> None:
    chats = {CHATS: export(chat("B", "ann: one"))}
    send(archive, vendor, chats)
    assert numbers(archive.archive("one")) == {"archived": 1, "made": 1}
    (archive.served / f"{CHATS}.gpg").rename(archive.served / f"{name}.gpg")
    assert numbers(archive.archive("two")) == {"duplicate": 1, "known": 1}
    send(archive, vendor, chats)
    assert numbers(archive.archive("three")) == {"duplicate": 2, "known": 1}
    assert archive.mails() == undisturbed(chats)


def test_a_day_issued_again_files_what_changed_beside_the_first(
    archive: Archive, vendor: Vendor, undisturbed: Undisturbed
) -> None:
    send(archive, vendor, FIRST)
    archive.archive("one")
    before = archive.mails()
    send(archive, vendor, AGAIN)
    assert numbers(archive.archive("two")) == {"archived": 1, "duplicate": 1, "made": 1, "known": 2}
    assert before.items() < archive.mails().items()
    assert archive.mails() == undisturbed(FIRST, AGAIN)


def test_a_day_that_is_missing_is_an_error_of_its_own_and_is_archived_when_it_comes(
    archive: Archive, vendor: Vendor, undisturbed: Undisturbed
) -> None:
    send(archive, vendor, FIRST)
    with pytest.raises(Fatal, match="no file of this day is there"):
        archive.archive("the 13th", dt.date(2024, 3, 13))
    assert numbers(archive.archive("the 12th")) == {"archived": 2, "made": 3}
    send(archive, vendor, TOMORROW)
    assert numbers(archive.archive("the 13th", dt.date(2024, 3, 13))) == {"archived": 1, "made": 1}
    assert archive.mails().items() > undisturbed(FIRST).items()
    assert len(archive.mails()) == 4


def test_a_file_that_the_manifest_lists_and_nobody_delivered_is_named(
    archive: Archive, vendor: Vendor
) -> None:
    archive.connector = CONNECTOR.model_copy(
        update={"collect": Collect(connection="vendor", manifest="manifest_{yymmdd}.txt")}
    )
    send(archive, vendor, {CHATS: FIRST[CHATS]})
    (archive.served / "manifest_240312.txt").write_text(f"{CHATS}.gpg\n{FILES}.gpg\n")
    with pytest.raises(Fatal, match=FILES):
        archive.archive()
    assert archive.mails() == {}
    send(archive, vendor, {FILES: FIRST[FILES]})
    assert numbers(archive.archive()) == {"archived": 2, "made": 3}


class _WrittenWhileRead(FolderCollector):
    """Reads a file of which the vendor writes the rest meanwhile."""

    rest = b""

    async def _pour(self, file: RemoteFile, write: Callable[[bytes], None]) -> None:
        await super()._pour(file, write)
        with (Path(str(self._root)) / file.path).open("ab") as growing:
            growing.write(self.rest)


def test_a_file_that_grows_while_it_is_read_is_left_until_it_is_looked_for_again(
    archive: Archive, vendor: Vendor, undisturbed: Undisturbed
) -> None:
    send(archive, vendor, FIRST)
    growing = archive.served / f"{CHATS}.gpg"
    content = growing.read_bytes()
    growing.write_bytes(content[:200])
    place = _WrittenWhileRead(archive.served)
    place.rest = content[200:]
    archive.collector = lambda: place
    with pytest.raises(Retriable, match="changed since it was listed"):
        archive.archive()

    archive.collector = None
    with pytest.raises(Retriable, match="changed since it was listed"):
        archive.archive()  # a retry knows no better than the listing that it was given
    archive.clear("one", "wait_for_export")
    assert numbers(archive.archive()) == {"archived": 2, "made": 3}
    assert archive.mails() == undisturbed(FIRST)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that accepts and never says a word."""
    with socket.create_server((HOST, 0)) as silent:
        yield silent.getsockname()[1]


FAULTS = {
    "refuses": (Retriable, "Check host, port"),
    "hangs": (Retriable, "no answer in time"),
    "presents another host key": (Fatal, "unknown host key"),
    "does not know our key": (Fatal, "login refused"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_that_fails_us_between_two_files_costs_a_retry_and_nothing_else(
    archive: Archive, vendor: Vendor, undisturbed: Undisturbed, silent_port: int, fault: str
) -> None:
    with running_sshd(archive.root.with_name("sshd")) as server:
        good = settings_from(HOST, server.port, server.username, None, server.extra)
        other = make_ssh_key("other")
        bad = {
            "refuses": replace(good, port=free_port()),
            "hangs": replace(good, port=silent_port, connect_timeout=0.2),
            "presents another host key": replace(good, host_keys=(other.public,)),
            "does not know our key": replace(good, private_keys=(other.private,)),
        }
        calls = iter([good, good, bad[fault]])  # to look, for the first file, for the second
        archive.collector = lambda: SftpCollector(next(calls, good))
        archive.root.mkdir()
        archive.served.symlink_to(server.folder)
        send(archive, vendor, FIRST)
        error, words = FAULTS[fault]
        with pytest.raises(error, match=words):
            archive.archive()
        assert archive.mails() == {}
        assert numbers(archive.archive()) == {"archived": 2, "made": 3}
    assert archive.mails() == undisturbed(FIRST)


class _Dropping(asyncssh.SFTPServer):
    """Hangs up in the middle of the first file."""

    drops = True

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        if type(self).drops and offset:
            type(self).drops = False
            self.channel.get_connection().abort()
        return bytes(super().read(file_obj, offset, size))  # type: ignore[arg-type]


def test_a_line_that_drops_in_the_middle_of_a_file_costs_a_retry_and_nothing_else(
    archive: Archive, vendor: Vendor, undisturbed: Undisturbed
) -> None:
    day = {CHATS: export(chat("B", "ann: one")), FILES: tar(("large", os.urandom(600_000)))}
    send(archive, vendor, day)
    with running_server(archive.served, _Dropping) as server:
        settings = settings_from(HOST, server.port, USER, PASSWORD, {"host_key": server.host_key})
        archive.collector = lambda: SftpCollector(settings)
        with pytest.raises(Retriable, match=FILES):
            archive.archive()
        assert archive.mails() == {}
        assert numbers(archive.archive()) == {"archived": 1, "made": 1}
    assert archive.mails() == undisturbed(day)
