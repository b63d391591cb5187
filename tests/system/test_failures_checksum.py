"""Files that come with a checksum: what does not have it is not read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from tests.servers.vendor import Vendor
from tests.system.whole_path import CHATS, Archive, chat, export, numbers, send

pytestmark = pytest.mark.system

CONTENT = export(chat("A", "ann: hello", "bob: hi"))


def delivered(archive: Archive) -> bytes:
    return (archive.served / f"{CHATS}.gpg").read_bytes()


@pytest.mark.parametrize(
    ("name", "checksum"),
    [
        (f"{CHATS}.gpg.md5", lambda sealed: f"{hashlib.md5(sealed).hexdigest()}  {CHATS}.gpg\n"),  # noqa: S324
        (f"{CHATS}.sha256", lambda _: hashlib.sha256(CONTENT).hexdigest().upper()),
    ],
    ids=["of the encrypted file", "of its clear form"],
)
def test_a_file_that_has_its_checksum_is_archived(
    archive: Archive, vendor: Vendor, name: str, checksum: Callable[[bytes], str]
) -> None:
    send(archive, vendor, {CHATS: CONTENT})
    (archive.served / name).write_text(checksum(delivered(archive)))
    assert numbers(archive.archive()) == {"archived": 1, "made": 2}


@pytest.mark.parametrize("checksum", ["0" * 64, "", "nonsense"])
def test_a_file_that_does_not_have_its_checksum_is_set_aside_until_it_is_sent_again(
    archive: Archive, vendor: Vendor, checksum: str
) -> None:
    send(archive, vendor, {CHATS: CONTENT})
    companion = archive.served / f"{CHATS}.gpg.sha256"
    companion.write_text(checksum)
    assert numbers(archive.archive("one")) == {"quarantined": 1}
    assert archive.reasons() == ["checksum-mismatch"]
    assert numbers(archive.replay("again", "quarantined")) == {"quarantined": 1}

    companion.write_text(hashlib.sha256(delivered(archive)).hexdigest())
    assert numbers(archive.archive("two")) == {"archived": 1, "made": 2}
