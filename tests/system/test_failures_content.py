"""Content that is broken, hostile or incomplete: what can be read is archived, the rest is set aside."""

from __future__ import annotations

import os
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from include.commsarchive.ledger.base import HeldStage
from include.commsarchive.sources import tar_members
from include.commsarchive.sources.instant_bloomberg import InstantBloomberg
from tests.servers.vendor import Vendor
from tests.system.whole_path import (
    CHATS,
    FILES,
    MORE_CHATS,
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

GOOD = {CHATS: export(chat("A", "ann: hello", "bob: hi"))}
CONTENT = export(chat("B", "ann: this one is fine"), chat("C", "bob: so is this"))
WHOLE = {MORE_CHATS: CONTENT}
DTD = b'<?xml version="1.0"?>\n<!DOCTYPE FileDump [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>\n'
MAIL = b"<FileDump>\n<Version>BMAIL 1.0</Version>\n<Message></Message>\n</FileDump>"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (DTD + CONTENT.replace(b"this one", b"&b;"), "document-type"),
        (CONTENT.replace(b"1.9", b"2.7"), "unknown-version"),
        (MAIL, "not-instant-bloomberg"),
        (b"", "empty-file"),
        (b'<?xml version="1.0" encoding="EBCDIC-FR"?>' + CONTENT, "unknown-encoding"),
    ],
    ids=["entities", "version", "format", "empty", "encoding"],
)
def test_a_file_that_is_not_to_be_read_is_set_aside_and_a_better_one_is_archived_by_the_next_run(
    archive: Archive, vendor: Vendor, undisturbed: Undisturbed, content: bytes, reason: str
) -> None:
    send(archive, vendor, GOOD | {MORE_CHATS: content})
    assert numbers(archive.archive("one")) == {"archived": 1, "quarantined": 1, "made": 2}
    assert archive.mails() == undisturbed(GOOD)
    (held,) = archive.held()
    assert (held.stage, held.reason, held.place) == (HeldStage.CONVERT, reason, MORE_CHATS)
    assert MORE_CHATS in held.detail

    assert numbers(archive.archive("the same")) == {"duplicate": 1, "quarantined": 1, "known": 2}
    assert archive.reasons() == [reason]
    send(archive, vendor, WHOLE)
    assert numbers(archive.archive("two")) == {"archived": 2, "duplicate": 1, "made": 2, "known": 2}
    assert archive.mails() == undisturbed(GOOD, WHOLE)
    assert archive.reasons() == ([] if reason in {"document-type", "empty-file"} else [reason])


def test_a_file_that_came_again_and_is_refused_as_a_whole_makes_up_for_nothing(
    archive: Archive, vendor: Vendor
) -> None:
    send(archive, vendor, WHOLE)
    sealed = archive.served / f"{MORE_CHATS}.gpg"
    sealed.write_bytes(sealed.read_bytes()[:-30])
    archive.archive("one")
    send(archive, vendor, GOOD | {MORE_CHATS: b"<!DOCTYPE x>" + CONTENT})
    archive.archive("two")
    assert sorted(archive.reasons()) == ["damaged", "document-type"]
    send(archive, vendor, WHOLE)
    archive.archive("three")
    assert archive.reasons() == []


def lacking(pattern: str) -> bytes:
    """Two conversations, of which the first lacks something."""
    return export(re.sub(pattern, "", chat("B", "ann: this one is fine")), chat("C", "bob: so is this"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lacking("<RoomID>.*</RoomID>"), "missing-room-id"),
        (lacking("<DateTimeUTC>.*</DateTimeUTC>"), "missing-date"),
        (lacking("<User>.*</User>"), "missing-from"),
        (CONTENT.replace(b"this one", b"<!ENTITY a 'b'>]><"), "document-type"),
    ],
    ids=["room", "date", "from", "entities"],
)
def test_a_conversation_that_cannot_become_a_mail_is_set_aside_alone(
    archive: Archive, vendor: Vendor, undisturbed: Undisturbed, content: bytes, reason: str
) -> None:
    send(archive, vendor, GOOD | {MORE_CHATS: content})
    assert numbers(archive.archive("one")) == {"archived": 2, "quarantined": 1, "made": 3}
    (held,) = archive.held()
    assert (held.stage, held.reason) == (HeldStage.CONVERT, reason)
    assert held.place.startswith(f"{MORE_CHATS}, conversation at byte")

    send(archive, vendor, WHOLE)
    assert numbers(archive.archive("two")) == {"archived": 1, "duplicate": 2, "made": 1, "known": 3}
    assert archive.mails() == undisturbed(GOOD, WHOLE)


@pytest.mark.parametrize("typed", [b"a \x07 bell", b"R&D", b"a < b", b"caf\xe9", b"&undefined;", b"&#0;"])
def test_what_is_not_xml_is_repaired_and_marked_and_a_clean_issue_is_a_revision(
    archive: Archive, vendor: Vendor, typed: bytes
) -> None:
    send(archive, vendor, {CHATS: CONTENT.replace(b"this one", typed)})
    assert numbers(archive.archive("one")) == {"archived": 2, "made": 2}
    assert [b"repaired: " in mail for _, mail in sorted(archive.mails().items())] == [True, False]

    send(archive, vendor, {CHATS: CONTENT})
    assert numbers(archive.archive("two")) == {"archived": 1, "duplicate": 1, "made": 1, "known": 1}


@pytest.mark.parametrize("cut", range(len(CONTENT) - 12, 0, -43))
def test_a_file_cut_anywhere_gives_what_is_whole_and_the_next_issue_the_rest(
    archive: Archive, vendor: Vendor, undisturbed: Undisturbed, cut: int
) -> None:
    send(archive, vendor, GOOD | {MORE_CHATS: CONTENT[:cut]})
    first = numbers(archive.archive("one"))
    assert first["archived"] >= 1 + CONTENT[:cut].count(b"</Conversation>")
    marked = [mail for mail in archive.mails().values() if b"truncated: " in mail or b"cut off: " in mail]
    assert marked or archive.held()

    send(archive, vendor, WHOLE)
    archive.archive("two")
    wanted, mails = undisturbed(GOOD, WHOLE), archive.mails()
    assert wanted.keys() <= mails.keys()
    assert len(mails) <= len(wanted) + 1


def link(kind: bytes, target: str) -> tarfile.TarInfo:
    made = tarfile.TarInfo("evil")
    made.type, made.linkname = kind, target
    return made


SHARED = {CHATS: export(chat("A", "ann shares note.txt of 5", "bob: thanks"))}
NOTE = ("note.txt", b"hello")
RIGHT = SHARED | {FILES: tar(NOTE)}


@pytest.mark.parametrize(
    "hostile",
    [
        ("../../../evil", b"evil"),
        ("/evil", b"evil"),
        ("a/../../evil", b"evil"),
        link(tarfile.SYMTYPE, "/etc/passwd"),
        link(tarfile.LNKTYPE, "../../ledger.db"),
        link(tarfile.CHRTYPE, ""),
    ],
    ids=["up", "absolute", "within", "symbolic link", "hard link", "device"],
)
def test_a_member_that_leads_outside_is_set_aside_and_the_others_are_attached(
    archive: Archive,
    vendor: Vendor,
    undisturbed: Undisturbed,
    hostile: tuple[str, bytes] | tarfile.TarInfo,
) -> None:
    send(archive, vendor, SHARED | {FILES: tar(hostile, NOTE)})
    assert numbers(archive.archive()) == {"archived": 1, "quarantined": 1, "made": 2}
    assert archive.reasons() == ["unsafe-member"]
    assert archive.mails() == undisturbed(RIGHT)
    assert list(archive.root.rglob("evil")) == []
    assert not Path("/evil").exists()


NOISE = os.urandom(100_000)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (tar(NOTE, ("rest", NOISE))[:50_000], "unreadable-archive"),
        (b"no archive at all", "unreadable-archive"),
        (b"", "empty-file"),
        (tar(NOTE, ("rest", bytes(2_000_000))), "too-large"),
    ],
    ids=["cut", "other", "empty", "bomb"],
)
def test_an_attachments_file_that_cannot_be_read_to_its_end_is_set_aside(
    archive: Archive,
    vendor: Vendor,
    undisturbed: Undisturbed,
    monkeypatch: pytest.MonkeyPatch,
    files: bytes,
    reason: str,
) -> None:
    monkeypatch.setattr(tar_members, "FREE_BYTES", 100_000)
    send(archive, vendor, SHARED | {FILES: files})
    first = numbers(archive.archive("one"))
    assert (first["archived"], first["quarantined"], archive.reasons()) == (1, 1, [reason])

    send(archive, vendor, RIGHT)
    archive.archive("two")
    assert archive.mails().items() >= undisturbed(RIGHT).items()
    assert len(archive.mails()) == 2 + 2 * first.get("partial", 0)


@pytest.mark.parametrize(
    ("listed", "problem", "said"),
    [
        (("other.txt", b"hello"), "missing", b"missing"),
        (("note.txt", b"hell"), "size-mismatch", b"4 bytes"),
    ],
    ids=["missing", "of another size"],
)
def test_an_attachment_that_is_not_as_listed_makes_the_item_partial_until_it_is(
    archive: Archive,
    vendor: Vendor,
    undisturbed: Undisturbed,
    listed: tuple[str, bytes],
    problem: str,
    said: bytes,
) -> None:
    wrong = SHARED | {FILES: tar(listed)}
    send(archive, vendor, wrong)
    assert numbers(archive.archive("one")) == {"archived": 1, "partial": 1, "made": 2}
    assert all(said in mail for mail in archive.mails().values())
    with archive.ledger() as ledger:
        (row,) = ledger.failures("one")
    assert (row.reason, row.detail) == (f"attachment-{problem}", "note.txt")

    send(archive, vendor, RIGHT)
    assert numbers(archive.archive("two")) == {"archived": 1, "made": 2}
    assert archive.mails() == undisturbed(wrong, RIGHT)


def test_an_export_without_conversations_closes_with_nothing(archive: Archive, vendor: Vendor) -> None:
    send(archive, vendor, {CHATS: export(), FILES: tar()})
    assert numbers(archive.archive()) == {}
    assert (archive.mails(), archive.held()) == ({}, [])


def fail(*_: object) -> Iterator[float]:
    yield 1 / 0


@pytest.mark.parametrize(
    ("verb", "first"),
    [
        ("parse", {"quarantined": 1}),
        ("chunks", {"quarantined": 1}),
        ("members", {"archived": 1, "quarantined": 1, "partial": 1, "made": 2}),
    ],
)
def test_a_fault_of_our_own_reader_sets_aside_what_it_read_until_it_is_mended(
    archive: Archive,
    vendor: Vendor,
    undisturbed: Undisturbed,
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
    first: dict[str, int],
) -> None:
    send(archive, vendor, RIGHT)
    with monkeypatch.context() as broken:
        broken.setattr(InstantBloomberg, verb, fail)
        assert numbers(archive.archive()) == first
    assert archive.reasons() == ["parser-fault"]

    assert numbers(archive.replay()) == {"archived": 1, "made": 2}
    assert archive.reasons() == []
    assert archive.mails().items() >= undisturbed(RIGHT).items()
