from __future__ import annotations

import gzip
import io
import tarfile

import pytest

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Refused
from include.commsarchive.sources import tar_members
from include.commsarchive.sources.tar_members import members

FILES = {"folder/a.pdf": b"A" * 700, "b.txt": b"", "c%20d.xlsx": b"C" * 5000}


def archive(files: dict[str, bytes] | None = None, *headers: tarfile.TarInfo) -> bytes:
    """A tar of these files, then of these headers without content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content in (FILES if files is None else files).items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
        for header in headers:
            tar.addfile(header)
    return buffer.getvalue()


def special(kind: bytes) -> tarfile.TarInfo:
    header = tarfile.TarInfo("special")
    header.type, header.linkname = kind, "b.txt"
    return header


def walk(raw: bytes) -> tuple[dict[str, bytes], list[str], str]:
    """What an archive gave: files, reasons of refusal, and the reason it was given up for."""
    files: dict[str, bytes] = {}
    refused = []
    try:
        for member in members("a.tar.gz", io.BytesIO(raw)):
            if isinstance(member, Refused):
                refused.append(member.reason)
            else:
                name, content = member
                files[name] = content.read()
    except Quarantine as error:
        return files, refused, error.reason
    return files, refused, ""


@pytest.mark.parametrize("raw", [archive(), gzip.compress(archive())], ids=["plain", "compressed"])
def test_files_come_with_their_names_as_stored(raw: bytes) -> None:
    assert walk(raw) == (FILES, [], "")


def test_files_that_nobody_reads_are_passed_over() -> None:
    names = [
        member[0] for member in members("a.tar", io.BytesIO(archive())) if not isinstance(member, Refused)
    ]
    assert names == list(FILES)


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/etc/passwd", "C:\\a", "\\\\host\\a", "..\\a", ".."])
def test_a_name_that_leads_outside_is_refused_and_the_rest_read(name: str) -> None:
    assert walk(archive({"a": b"1", name: b"x", "b": b"2"})) == (
        {"a": b"1", "b": b"2"},
        ["unsafe-member"],
        "",
    )


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_are_refused(kind: bytes) -> None:
    assert walk(archive(None, special(kind))) == (FILES, ["unsafe-member"], "")


def test_folders_are_passed_over() -> None:
    assert walk(archive({"a": b"1"}, special(tarfile.DIRTYPE))) == ({"a": b"1"}, [], "")


@pytest.mark.parametrize("compress", [False, True])
def test_a_cut_off_archive_gives_what_came_before_and_then_says_so(compress: bool) -> None:
    plain = archive()
    raw = gzip.compress(plain) if compress else plain
    for length in range(1, len(raw) if compress else plain.index(b"C" * 5000) + 5120, 1 if compress else 300):
        files, _, reason = walk(raw[:length])
        assert reason == "unreadable-archive"
        assert files.items() <= FILES.items()


def test_an_archive_cut_between_two_files_is_not_taken_for_whole() -> None:
    assert walk(archive()[:1536]) == ({"folder/a.pdf": FILES["folder/a.pdf"]}, [], "unreadable-archive")


def test_a_broken_header_is_not_taken_for_the_end() -> None:
    raw = bytearray(archive())
    raw[1536 + 20] ^= 0xFF
    assert walk(bytes(raw))[2] == "unreadable-archive"


def test_a_wrong_checksum_at_the_end_is_noticed() -> None:
    raw = bytearray(gzip.compress(archive()))
    raw[-6] ^= 0xFF
    assert walk(bytes(raw)) == (FILES, [], "unreadable-archive")


@pytest.mark.parametrize(
    ("raw", "reason"), [(b"", "empty-file"), (b"no archive at all", "unreadable-archive")]
)
def test_what_is_no_archive_is_set_aside(raw: bytes, reason: str) -> None:
    assert walk(raw) == ({}, [], reason)


def test_an_archive_that_unpacks_to_far_more_than_it_is_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_members, "FREE_BYTES", 1 << 20)
    files, _, reason = walk(gzip.compress(archive({"a": b"1", "bomb": bytes(20 << 20)})))
    assert (files, reason) == ({"a": b"1"}, "too-large")


def test_too_many_files_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_members, "MAX_MEMBERS", 2)
    files, _, reason = walk(archive())
    assert (list(files), reason) == (["folder/a.pdf", "b.txt"], "too-large")


def test_a_header_that_would_fill_the_memory_is_not_read() -> None:
    assert walk(archive({"a": b"1", "x" * 100_000: b"2"})) == ({"a": b"1"}, [], "unreadable-archive")


def test_long_and_odd_names_come_out_as_text() -> None:
    name = "x" * 300 + ".pdf"
    assert walk(archive({name: b"1"})) == ({name: b"1"}, [], "")
    raw = archive({"caf\udce9.pdf": b"1"})
    assert walk(raw)[0] == {"caf�.pdf": b"1"}
