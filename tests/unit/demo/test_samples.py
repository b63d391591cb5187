from __future__ import annotations

import csv
import io
import re
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
from lxml import etree

from include.samples.documents import document, pdf, png, tar_gz, xlsx
from include.samples.make_samples import HERE, delivery, folder_of
from include.samples.screenplay import PEOPLE, play_names, read_play

PLAYS = play_names()


@pytest.mark.parametrize("name", PLAYS)
def test_shipped_files_are_what_the_screenplay_says(name: str) -> None:
    folder = HERE / folder_of(name)
    shipped = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert shipped == delivery(read_play(name)), "run: python -m include.samples.make_samples"


def test_nothing_else_is_shipped_and_it_stays_small() -> None:
    folders = {path.parent for path in HERE.glob("instant_bloomberg*/*/*")}
    assert folders == {HERE / folder_of(name) for name in PLAYS}
    assert sum(path.stat().st_size for path in HERE.rglob("*") if path.suffix != ".pyc") < 1_500_000


@pytest.mark.parametrize("name", PLAYS)
def test_the_manifest_lists_every_file(name: str) -> None:
    folder = HERE / folder_of(name)
    (manifest,) = folder.glob("daily_manifest_*.txt")
    assert sorted([*manifest.read_text().split(), manifest.name]) == sorted(p.name for p in folder.iterdir())


def test_only_the_wednesday_needs_repair_to_be_xml() -> None:
    broken = set()
    for path in HERE.glob("instant_bloomberg*/*/*.xml*"):
        try:
            etree.fromstring(path.read_bytes())
        except etree.XMLSyntaxError:
            broken.add(path.parent.name)
    assert broken == {"2024-03-13"}


def test_every_attachment_is_in_the_tar_with_its_size_but_the_one_that_is_missing() -> None:
    missing = []
    for folder in HERE.glob("instant_bloomberg*/*"):
        sizes: dict[str, int] = {}
        for path in folder.glob("*.tar.gz"):
            with tarfile.open(path) as archive:
                sizes |= {re.findall("[0-9A-F]{24}", member.name)[-1]: member.size for member in archive}
        text = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.xml*"))
        for name, token, size in re.findall(
            r"<FileName>(.*)</FileName>\n<FileID>.*?([0-9A-F]{24})\..*\n<FileSize>(\d+)<", text
        ):
            if token in sizes:
                assert sizes[token] == int(size)
            else:
                missing.append(name)
    assert missing == ["corviglia termsheet.pdf"]


def test_one_tar_holds_names_in_both_spellings() -> None:
    with tarfile.open(next(HERE.glob("instant_bloomberg/2024-03-13/*.tar.gz"))) as archive:
        names = archive.getnames()
    assert [" " in name for name in names] == [False, True]
    assert "%20" in names[0]


@pytest.mark.parametrize("person", PEOPLE)
def test_nobody_real_is_in_the_cast(person: str) -> None:
    assert not PEOPLE[person]["mail"] or PEOPLE[person]["mail"].endswith(".example")


def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "2024-03-18.txt").write_text("version 1.9\n\n== CHAT-1\n08:00:00\nnobody: hello\n")
    monkeypatch.setattr("include.samples.screenplay.PLAYS", tmp_path)
    with pytest.raises(ValueError, match=r"2024-03-18\.txt, line 5"):
        read_play("2024-03-18")


def test_an_xlsx_holds_its_cells() -> None:
    with zipfile.ZipFile(io.BytesIO(xlsx("a & b,1.50\nc,2"))) as archive:
        assert archive.testzip() is None
        sheet = etree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
    assert ["".join(map(str, cell.itertext())) for cell in sheet.iter("{*}c")] == ["a & b", "1.5", "c", "2"]


def test_a_png_is_a_whole_picture() -> None:
    picture = png("1 3 2")
    start = picture.index(b"IDAT") + 4
    pixels = zlib.decompress(picture[start : start + int.from_bytes(picture[start - 8 : start - 4])])
    assert len(pixels) == 160 * (320 + 1)
    assert pixels.count(b"\x30") > 320


def test_a_pdf_points_at_its_objects() -> None:
    page = pdf("one (1)\ntwo")
    assert rb"(one \(1\)) Tj" in page
    offsets = re.findall(rb"(\d{10}) 00000 n", page)
    assert [page[int(offset) :][:7] for offset in offsets] == [b"%d 0 obj" % number for number in range(1, 6)]
    assert page[int(page.split()[-2]) :].startswith(b"xref")


def test_other_names_are_text_as_it_is() -> None:
    assert document("note.txt", "Zoë\n") == "Zoë\n".encode()


def test_a_tar_larger_than_a_block_comes_back_whole() -> None:
    content = bytes(range(256)) * 1000
    with tarfile.open(fileobj=io.BytesIO(tar_gz([("a bß.bin", content)], 1_710_000_000))) as archive:
        member = archive.extractfile("a bß.bin")
        assert member is not None
        assert member.read() == content


def test_the_mapping_file_is_about_people_in_the_cast() -> None:
    uuids = {person["uuid"] for person in PEOPLE.values() if person["uuid"]}
    with (HERE / "mapping.csv").open(newline="") as file:
        assert {row["External User ID"] for row in csv.DictReader(file)} <= uuids
