"""Names, containers and people of Symphony's deliveries."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Refused
from include.commsarchive.sources import registry
from include.commsarchive.sources.base import Chunk, Claim, Options, Role
from include.commsarchive.sources.blocks import Blocks
from include.commsarchive.sources.mime_parts import parts_of
from include.commsarchive.sources.symphony import Symphony, source
from tests.unit.sources.symphony_events import lines, mail, sent, user
from tests.unit.sources.test_zip_members import packed
from tests.unit.sources.vantage_xml import conversation, export, joined, message, read


@pytest.mark.parametrize(
    ("name", "claim"),
    [
        (
            "e_sym-uat-1_SD-2019-08-13-00_ED-2019-08-14-00_GD-2019-08-14_1565741400162.zip",
            Claim(
                "e_sym-uat-1_sd-2019-08-13-00_ed-2019-08-14-00_gd-2019-08-14_1565741400162", Role.CONTAINER
            ),
        ),
        (
            "a_pod_CD-2019-08-07_GD-2019-08-08_1565283570922.zip",
            Claim("a_pod_cd-2019-08-07_gd-2019-08-08_1565283570922", Role.CONTAINER),
        ),
        ("symphony_quill_20240313.jsonl", Claim("symphony_quill_20240313", Role.CONTENT)),
        ("firm.symphony.240313.json2", Claim("firm.symphony.240313", Role.CONTENT, 2)),
        ("symphony_quill_20240313.att.tar.gz", Claim("symphony_quill_20240313", Role.ATTACHMENTS)),
        ("symphony_quill_20240313.att.1.zip", Claim("symphony_quill_20240313", Role.ATTACHMENTS, 1)),
        ("symphonyorchestra.json", None),
        ("e_pod_GD-2019-08-14.zip", None),
    ],
)
def test_deliveries_are_claimed_by_name(name: str, claim: Claim | None) -> None:
    assert Symphony().claim(name) == claim
    assert registry.claims(name) == ({"symphony": claim} if claim else {})


def members(raw: bytes) -> dict[str, bytes]:
    found = {}
    for one in Symphony().members("x", io.BytesIO(raw)):
        assert not isinstance(one, Refused)
        found[one[0]] = one[1].read()
    return found


def test_the_files_of_a_mail_are_found_again_when_its_item_is_made() -> None:
    raw = packed(
        ("a/one.eml", mail(1, "hello", ("note.txt", b"some\nbytes"))),
        ("b/one.eml", mail(2, "again", ("note.txt", b"x"))),
    )
    found = members(raw)
    assert found == {"a/one.eml/2/note.txt": b"some\nbytes", "b/one.eml/2/note.txt": b"x"}


def test_what_is_attached_to_a_mail_comes_out_as_the_standard_library_reads_it() -> None:
    content = bytes(range(256)) * 700
    made = EmailMessage()
    made["From"] = "nina@quill.example"
    made["Date"] = "Wed, 13 Mar 2024 20:05:00 +0000"
    made.set_content("größer\n", charset="iso-8859-15", cte="quoted-printable")
    made.add_alternative("<p>größer</p>", subtype="html")
    made.add_attachment(content, maintype="application", subtype="octet-stream", filename="grün & blau.bin")
    made.add_attachment("text\n", filename="a.txt")
    raw = made.as_bytes(policy=policy.SMTP)
    expected = {
        part.get_filename(): part.get_payload(decode=True)
        for part in message_from_bytes(raw).walk()
        if part.get_filename()
    }
    found = {part.name: b"".join(part.content()) for part in parts_of(io.BytesIO(raw)) if part.is_file}
    assert found["grün & blau.bin"] == content
    assert list(found.values()) == list(expected.values())
    (item,), refused = read(Symphony(), raw, Options())
    assert (item.events[0].text, refused) == ("größer", [])


def test_a_large_attachment_passes_in_blocks() -> None:
    body = base64.encodebytes(bytes(3_000_000))
    raw = b"From: a@b.example\nContent-Disposition: attachment\nContent-Transfer-Encoding: base64\n\n" + body
    sizes = [len(block) for part in parts_of(io.BytesIO(raw)) for block in part.content()]
    assert sum(sizes) == 3_000_000
    assert max(sizes) < 100_000


def test_many_small_mails_share_a_chunk_and_each_keeps_its_place() -> None:
    raw = packed(*((f"{number}.eml", mail(number, f"text {number}")) for number in range(300)))
    chunks = list(Symphony().chunks("x", io.BytesIO(raw), Options()))
    (chunk,) = chunks
    assert isinstance(chunk, Chunk)
    assert len(chunk.starts) == 300
    items = list(Symphony().parse(chunk, {}, Options()))
    assert not [one for one in items if isinstance(one, Refused)]
    assert len({one.native_ids for one in items if not isinstance(one, Refused)}) == 300


def test_a_mail_larger_than_a_part_may_be_is_refused_alone() -> None:
    raw = packed(("a.eml", mail(1, "word " * 1000)), ("b.eml", mail(2, "short")))
    items, refused = read(Symphony(), raw, Options(max_bytes=2000))
    assert [item.events[0].text for item in items] == ["short"]
    assert [one.reason for one in refused] == ["event-too-large"]


def test_packed_events_that_cannot_be_held_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_LARGEST_PACKED", 1000)
    monkeypatch.setattr(source, "_HEAD", 500)
    raw = packed(("events.jsonl", lines(*(sent(n, "nina", "hello") for n in range(20)))))
    _, (refused,) = read(Symphony(), raw, Options())
    assert refused.reason == "packed-too-large"


def test_mails_attached_in_an_actiance_export_are_attachments() -> None:
    room = export(conversation("r1", joined("nina"), message("nina", 1, "hello")))
    raw = packed(("export.xml", room), ("files/a.eml", mail(1, "x", ("inner.txt", b"y"))))
    assert list(members(raw)) == ["files/a.eml"]
    assert len(read(Symphony(), raw, Options())[0]) == 1


def own(*records: dict[str, object]) -> dict[str, bool | None]:
    items, _ = read(Symphony(), lines(*records), Options())
    return {person.name: person.internal for item in items for person in (item.sender, *item.to) if person}


def test_who_is_seen_in_an_internal_conversation_is_one_of_ours() -> None:
    outside = {"streamId": "out", "external": True}
    inside = {"streamId": "in", "external": False}
    told = own(
        sent(1, "nina", "a", stream=outside),
        sent(2, "rufus", "b", stream=outside),
        sent(3, "nina", "c", stream=inside),
    )
    assert told == {"Nina": True, "Rufus": None}


def test_users_who_share_an_address_are_one_person() -> None:
    records = [sent(1, "nina", "a"), sent(2, "nina", "b", user=user("nina", 77)), sent(3, "tobias", "c")]
    (item,), _ = read(Symphony(), lines(*records), Options())
    assert item.sender
    assert dict(item.sender.ids).get("UserId")
    assert [value for label, value in item.sender.ids if label == "UserId"] == [
        str(user("nina")["userId"]),
        "77",
    ]
    assert len(item.to) == 1


def test_conversations_come_out_whole_however_their_events_are_mixed() -> None:
    records = [sent(n, "nina" if n % 2 else "tobias", f"t{n}", f"r{n % 7}") for n in range(700)]
    items, refused = read(Symphony(), lines(*records), Options())
    assert (len(items), refused) == (7, [])
    assert {len(item.events) for item in items} == {100}


def test_a_record_that_says_a_thing_twice_is_refused() -> None:
    raw = lines(sent(1, "nina", "a")).replace(b'"type"', b'"id": "other", "type"')
    items, (refused,) = read(Symphony(), raw, Options())
    assert (items, refused.reason, refused.raw) == ([], "not-a-record", raw.strip())


def blocks() -> Iterator[bytes]:
    yield from (b"", b"ab", b"", b"cdef")


def test_blocks_are_read_as_one_stream() -> None:
    assert io.BufferedReader(Blocks(blocks()), 3).read() == b"abcdef"


def test_a_wall_of_text_is_set_aside() -> None:
    with pytest.raises(Quarantine, match="no Actiance FileDump and no mail") as error:
        read(Symphony(), b"just words", Options())
    assert error.value.reason == "not-symphony"
