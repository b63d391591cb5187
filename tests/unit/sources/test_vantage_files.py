from __future__ import annotations

import io

import pytest

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Refused
from include.commsarchive.sources.base import Claim, Options, Role, Stored
from include.commsarchive.sources.shared_files import SharedFiles
from include.commsarchive.sources.vantage import Vantage
from tests.unit.sources.test_zip_members import packed
from tests.unit.sources.vantage_xml import conversation, export, joined, message, read

ROOM = export(conversation("r1", joined("nina"), *(message("nina", n, f"words {n}") for n in range(200))))


@pytest.mark.parametrize(
    ("name", "claim"),
    [
        ("actiance_export.xml", Claim("actiance_export", Role.CONTENT)),
        ("Firm.Vantage.240313.xml2", Claim("firm.vantage.240313", Role.CONTENT, 2)),
        ("vantage_20240313.zip", Claim("vantage_20240313", Role.CONTAINER)),
        ("vantage_20240313.att.1.tar.gz", Claim("vantage_20240313", Role.ATTACHMENTS, 1)),
        ("advantage.xml", None),
        ("vantage.pdf", None),
    ],
)
def test_files_are_claimed_by_name(name: str, claim: Claim | None) -> None:
    assert Vantage().claim(name) == claim


def test_a_broken_file_of_an_archive_is_read_as_far_as_it_goes_and_refused() -> None:
    raw = bytearray(packed(("a.xml", ROOM), ("b.xml", ROOM), method=0))
    at = raw.index(b"words 150")
    raw[at : at + 5] = b"wrong"
    items, refused = read(Vantage(), bytes(raw), Options())
    torn, whole = items
    assert 0 < len(torn.events) < len(whole.events) == 201
    assert "truncated" in torn.marks[-1]
    assert [one.reason for one in refused] == ["unreadable-member"]
    assert refused[0].place == "x: a.xml"


def test_an_archive_that_is_cut_off_is_set_aside_whole() -> None:
    with pytest.raises(Quarantine) as error:
        read(Vantage(), packed(("a.xml", ROOM))[:500], Options())
    assert error.value.reason == "unreadable-archive"


def test_conversations_and_warnings_are_no_attachments_but_shared_xml_is() -> None:
    raw = packed(
        ("actiance_export.xml", ROOM),
        ("warning.txt", b"lost"),
        ("a/data.xml", b"<x/>"),
        ("a/warning.txt", b""),
    )
    found = [
        one.reason if isinstance(one, Refused) else one[0] for one in Vantage().members("x", io.BytesIO(raw))
    ]
    assert found == ["a/data.xml"]


def test_of_files_with_one_name_the_path_tells_which() -> None:
    files = SharedFiles(
        {"x/a/image.png": Stored("1", 1), "x/b/image.png": Stored("2", 2), "c/IMAGE.png": Stored("2", 2)}
    )
    assert files.attachment("i", "a/image.png").blob == "1"
    assert files.attachment("i", "deep/x/b/image.png").blob == "2"
    assert files.attachment("i", "image.png").problem == "missing"
    assert files.attachment("i", "image.png", 2).blob == "2"
    assert files.attachment("i", "a/image.png", 5).problem == "size-mismatch"


@pytest.mark.parametrize("packed_text", ["½½", "%", "YQ", "/w=="])
def test_a_second_form_of_a_text_that_cannot_be_unpacked_is_kept_beside_it(packed_text: str) -> None:
    said = message("nina", 1, "as said").replace(
        "</Content>", f"</Content><Base64Content>{packed_text}</Base64Content>"
    )
    (item,), refused = read(Vantage(), export(conversation("r1", said)), Options())
    assert not refused
    assert item.events[0].text == "as said"
    assert packed_text in item.events[0].residue
