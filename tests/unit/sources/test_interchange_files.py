from __future__ import annotations

import io

import pytest

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Refused
from include.commsarchive.sources import registry
from include.commsarchive.sources.base import Claim, Options, Role
from include.commsarchive.sources.dig import Dig
from include.commsarchive.sources.iso_times import iso
from include.commsarchive.sources.persistent_chat import PersistentChat
from include.commsarchive.sources.xml_window import BLOCK
from include.commsarchive.stages.bundles import bundles_of
from tests.unit.sources.test_interchange_mutations import dig, persistent_chat
from tests.unit.sources.test_zip_members import packed
from tests.unit.sources.vantage_xml import read

GUID = "1f0c2d3e-4a5b-4c6d-8e7f-0123456789ab"


@pytest.mark.parametrize(
    ("name", "source", "role"),
    [
        ("firm.transcripts.20240313.xml", "dig", Role.CONTAINER),
        ("generated-transcript.xml", "dig", Role.CONTAINER),
        ("dig_20240313.zip", "dig", Role.CONTAINER),
        ("dig_20240313.tar.gz", "dig", Role.ATTACHMENTS),
        ("prodigy.xml", "", None),
        ("persistent_chat_20240313.xml", "persistent_chat", Role.CONTENT),
        ("firm.PChat.20240313.zip", "persistent_chat", Role.CONTAINER),
        ("groupchat.240313.tar", "persistent_chat", Role.ATTACHMENTS),
        (f"{GUID}.docx", "persistent_chat", Role.ATTACHMENTS),
        (f"x{GUID}.docx", "", None),
    ],
)
def test_interchange_files_are_claimed_by_name_by_one_source(
    name: str, source: str, role: Role | None
) -> None:
    assert registry.claims(name) == ({source: Claim("files", role)} if role else {})


def test_a_transcript_of_any_name_is_looked_through_for_files() -> None:
    (bundle,) = bundles_of(Dig(), ["7.xml", "files.tar.gz"])
    assert bundle.content == ("7.xml",)
    assert bundle.attachments == ("7.xml", "files.tar.gz")


def test_a_file_that_was_shared_alone_is_its_own_member() -> None:
    (member,) = PersistentChat().members(f"{GUID}.zip", io.BytesIO(packed(("a.txt", b"a"))))
    assert not isinstance(member, Refused)
    assert member[0] == f"{GUID}.zip"
    assert member[1].read().startswith(b"PK")


@pytest.mark.parametrize("source", [Dig(), PersistentChat()], ids=lambda source: source.name)
def test_a_file_in_doubt_is_refused_only_when_it_is_read(source: Dig | PersistentChat) -> None:
    chunks = source.chunks("x", io.BytesIO(b"<Conversations><Conversation/></Conversations>"), Options())
    with pytest.raises(Quarantine, match=r"Mend `collect\.files` or the source"):
        next(chunks)


def test_a_transcript_that_cannot_be_read_encloses_nothing_and_is_refused_once() -> None:
    assert list(Dig().members("x.xml", io.BytesIO(b"<a/>"))) == []


def test_an_event_too_large_is_set_aside_with_its_bytes_and_the_rest_is_archived() -> None:
    large = b"x" * 3 * BLOCK
    items, refused = read(Dig(), dig(1, 3).replace(b"word0001", large), Options(max_bytes=2000))
    assert [event.text[:13] for item in items for event in item.events] == ["some word0000", "some word0002"]
    assert {one.reason for one in refused} == {"event-too-large"}
    raw = b"".join(one.raw for one in refused)
    assert large in raw
    assert raw.endswith(b"</i:text-event>")


def test_a_message_too_large_takes_the_rest_of_its_channel_with_it_but_loses_nothing() -> None:
    raw = persistent_chat(1, 3).replace(b"word0001", b"x" * 3 * BLOCK)
    items, refused = read(PersistentChat(), raw, Options(max_bytes=2000))
    assert [event.text[:13] for item in items for event in item.events] == ["some word0000"]
    assert b"word0002" in b"".join(one.raw for one in refused)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1970-01-01T00:00:01.2345678Z", 1234),
        ("1970-01-01T02:00:01+02:00", 1000),
        ("1970-01-01T00:00:01", 1000),
        ("soon", None),
        ("", None),
        ("0001-01-01T00:00:00+10:00", -62_135_596_800_000 - 36_000_000),
    ],
)
def test_iso_times_are_read_to_the_millisecond(text: str, at: int | None) -> None:
    assert iso(text) == at
