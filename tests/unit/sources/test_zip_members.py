"""Zip archives are walked safely: names lead nowhere, sizes are bounded, a broken file harms only itself."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Refused
from include.commsarchive.sources import zip_members

WORDS = b"".join(b"word%05d " % number for number in range(3000))


def packed(
    *files: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b""
) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
        archive.comment = comment
    return made.getvalue()


def walk(raw: bytes) -> tuple[dict[str, bytes], list[Refused]]:
    found: dict[str, bytes] = {}
    refused = []
    for one in zip_members.members("a.zip", io.BytesIO(raw)):
        if isinstance(one, Refused):
            refused.append(one)
        else:
            found[one[0]] = one[1].read()
    return found, refused


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_files_come_with_name_and_bytes_and_folders_are_passed_over(method: int) -> None:
    raw = packed(("folder/", b""), ("folder/größe.txt", WORDS), ("b.txt", b""), method=method, comment=b"x")
    assert walk(raw) == ({"folder/größe.txt": WORDS, "b.txt": b""}, [])


@pytest.mark.parametrize("name", ["../up", "/etc/passwd", "a/../../b", "C:/x", "..\\up"])
def test_names_that_lead_outside_are_refused(name: str) -> None:
    found, (refused,) = walk(packed((name, b"x"), ("good", b"y")))
    assert (found, refused.reason) == ({"good": b"y"}, "unsafe-member")


def test_links_are_refused() -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    found, (refused,) = walk(packed((link, b"/etc/passwd"), ("good", b"y")))
    assert (found, refused.reason) == ({"good": b"y"}, "unsafe-member")


def locked(raw: bytes) -> bytes:
    at = raw.index(b"PK\1\2")
    return raw[: at + 8] + b"\1" + raw[at + 9 :]


@pytest.mark.parametrize(
    "raw",
    [locked(packed(("a", b"x"))), packed(("a", WORDS), method=zipfile.ZIP_BZIP2)],
    ids=["locked", "bzip2"],
)
def test_what_cannot_be_unpacked_is_refused(raw: bytes) -> None:
    found, (refused,) = walk(raw)
    assert (found, refused.reason) == ({}, "unreadable-member")


def test_a_broken_file_is_refused_and_those_after_it_are_read() -> None:
    raw = bytearray(packed(("bad", WORDS), ("good", b"y")))
    raw[200] ^= 0xFF
    found, (refused,) = walk(bytes(raw))
    assert (found, refused.reason, refused.place) == ({"good": b"y"}, "unreadable-member", "a.zip: bad")


def test_what_is_before_the_break_can_be_read() -> None:
    raw = bytearray(packed(("bad", WORDS), method=zipfile.ZIP_STORED))
    raw[20_000] ^= 0xFF
    with zip_members.opened("a.zip", io.BytesIO(bytes(raw))) as archive:
        (entry,) = archive.entries()
        assert isinstance(entry, zip_members.Entry)
        member = archive.open(entry)
        assert io.BufferedReader(member).read().startswith(WORDS[:10_000])
        assert "broken" in member.problem


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "empty-file"),
        (b"PK nothing", "unreadable-archive"),
        (packed(("a", WORDS))[:-30], "unreadable-archive"),
    ],
)
def test_what_is_no_archive_is_set_aside(raw: bytes, reason: str) -> None:
    with pytest.raises(Quarantine) as error:
        walk(raw)
    assert error.value.reason == reason


def test_a_bomb_stops_at_the_bound() -> None:
    raw = packed(*((f"{number}", bytes(2_000_000)) for number in range(5)))
    with (
        mock.patch.object(zip_members, "FREE_BYTES", 1_000_000),
        pytest.raises(Quarantine, match="more than 200 times its size") as error,
    ):
        walk(raw)
    assert error.value.reason == "too-large"


@pytest.mark.parametrize("zip64", [False, True])
def test_a_list_of_files_that_would_fill_the_memory_is_not_read(*, zip64: bool) -> None:
    size = 1 << 40 if zip64 else 0xFFFF_FF00
    end64 = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, size, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1)
    end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 1, 1, 0xFFFF_FFFF if zip64 else size, 0, 0)
    with pytest.raises(Quarantine, match="lists too many files"):
        walk(end64 + locator + end)


def test_an_archive_of_too_many_files_is_set_aside() -> None:
    raw = packed(*((f"{number}", b"") for number in range(4)))
    with (
        mock.patch.object(zip_members, "MAX_MEMBERS", 3),
        pytest.raises(Quarantine, match="more than 3 files"),
    ):
        walk(raw)


WHOLE = packed(("a.txt", WORDS), ("b.txt", WORDS[:500]), method=zipfile.ZIP_DEFLATED)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(1, 255)), min_size=1, max_size=4))
def test_a_damaged_archive_is_read_refused_or_set_aside(changes: list[tuple[int, int]]) -> None:
    raw = bytearray(WHOLE)
    for at, flip in changes:
        raw[at] ^= flip
    try:
        found, refused = walk(bytes(raw))
    except Quarantine:
        return
    assert len(found) + len(refused) >= 1
    assert all(content in (WORDS, WORDS[:500]) for name, content in found.items())
