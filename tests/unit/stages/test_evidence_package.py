"""The examiner's package: complete, checkable without our software, the same each time."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from include.commsarchive.ledger.base import FileRecord
from include.commsarchive.ledger.control import Act
from include.commsarchive.ledger.settlement import settled_by
from include.commsarchive.ledger.sql import SqlLedger, connect
from include.commsarchive.stages.evidence import evidence_zip
from include.commsarchive.stages.mapping import version_of
from include.commsarchive.stages.verify import verify
from tests.letters import DAY, NEXT_DAY, make_held
from tests.unit.stages.proven import DEFINITION, PEOPLE, archive_day, mailboxes

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqlLedger]:
    mailbox = mailboxes()
    with connect(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        archive_day(opened, mailbox, DAY, "ann", "bob")
        archive_day(opened, mailbox, DAY, "cid", connector="mail")
        archive_day(opened, mailbox, NEXT_DAY, "dan")
        opened.hold([make_held("x"), make_held("z"), make_held("y", day=NEXT_DAY)])
        opened.resolve([make_held("x").held_id], "replay/1")
        opened.resolve([make_held("z").held_id], settled_by("ann", "the key is lost, and so is the file"))
        opened.note(Act("olga", "replay", "chat", "2026-03-02", detail={"items": 3}))
        opened.note(Act("olga", "replay", "mail"))
        yield opened


def package(ledger: SqlLedger, first: dt.date = DAY, last: dt.date = NEXT_DAY) -> bytes:
    verdict = verify(ledger, lambda _: nullcontext(mailboxes()))
    return b"".join(evidence_zip(ledger, "chat", first, last, verdict))


def files(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_package_holds_all_that_proves_the_days(ledger: SqlLedger) -> None:
    parts = files(package(ledger))
    logs = [f"{folder}{DAY}-1{end}" for folder, end in (("import-logs/", ".csv"), ("import-logs/", ".json"))]
    version, people = version_of(DEFINITION), version_of(PEOPLE)
    assert parts.keys() >= {
        "README.txt",
        "package.json",
        "verification.txt",
        "import-records.csv",
        "import-records.json",
        *logs,
        f"import-logs/{NEXT_DAY}-3.csv",
        f"decisions/{DAY}-1.csv",
        "files.csv",
        "versions.csv",
        f"configurations/{version}.json",
        f"mappings/custom-{people}.json",
        "held.csv",
        "held.json",
        "audit-trail.csv",
        "audit-trail.json",
        "MANIFEST.sha256",
    }
    assert [row["Source items archived"] for row in rows(parts["import-records.csv"])] == ["2", "1"]
    assert parts[f"configurations/{version}.json"] == DEFINITION
    assert parts[f"mappings/custom-{people}.json"] == PEOPLE
    assert [row["records"] for row in rows(parts["versions.csv"])] == ["1 3", "1 3"]
    assert [row["name"] for row in rows(parts["files.csv"])] == [f"{DAY}.xml.pgp", f"{NEXT_DAY}.xml.pgp"]
    resolved = [row["resolved_by"] for row in rows(parts["held.csv"])]
    assert resolved == ["replay/1", "settled by ann: the key is lost, and so is the file", ""]
    assert [row["state"] for row in rows(parts[f"decisions/{DAY}-1.csv"])].count("excluded") == 1
    assert json.loads(parts["package.json"])["verification"] == "intact"


def test_only_the_connector_and_the_days_asked_for_are_in_it(ledger: SqlLedger) -> None:
    parts = files(package(ledger, NEXT_DAY, NEXT_DAY))
    assert [one["seq"] for one in json.loads(parts["import-records.json"])] == [3]
    assert [one["connector"] for one in json.loads(parts["audit-trail.json"])] == ["chat"]
    assert len(json.loads(parts["held.json"])) == 1


def test_an_empty_range_is_a_package_that_says_so(ledger: SqlLedger) -> None:
    parts = files(package(ledger, dt.date(2020, 1, 1), dt.date(2020, 1, 2)))
    assert json.loads(parts["import-records.json"]) == []
    assert json.loads(parts["package.json"])["records"] == 0


def test_sha256sum_checks_every_file_and_finds_a_changed_one(ledger: SqlLedger, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with zipfile.ZipFile(io.BytesIO(package(ledger))) as archive:
        archive.extractall(out)
    command = ["sha256sum", "--strict", "-c", "MANIFEST.sha256"]
    done = subprocess.run(command, cwd=out, capture_output=True, text=True, check=True)
    checked = {line.removesuffix(": OK") for line in done.stdout.splitlines()}
    there = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert checked == there - {"MANIFEST.sha256"}
    with (out / "files.csv").open("a") as stream:
        stream.write("x")
    assert subprocess.run(command, cwd=out, capture_output=True, check=False).returncode == 1


def test_the_chain_can_be_computed_from_the_package_as_its_readme_says(ledger: SqlLedger) -> None:
    for record in json.loads(files(package(ledger))["import-records.json"]):
        content: dict[str, Any] = {
            name: record[name] for name in ("seq", "run_id", "connector", "day", "closed_at", "body")
        }
        line = json.dumps(content, sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(f"{record['previous']}\n{line}".encode()).hexdigest() == record["hash"]


def test_the_same_ledger_gives_the_same_bytes(ledger: SqlLedger) -> None:
    assert package(ledger) == package(ledger)
    with zipfile.ZipFile(io.BytesIO(package(ledger))) as archive:
        assert {one.date_time for one in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_text_that_a_spreadsheet_would_run_is_made_harmless(ledger: SqlLedger) -> None:
    [failure] = [
        row
        for row in rows(files(package(ledger))[f"import-logs/{DAY}-1.csv"])
        if row["Failure reason"] == "no-key"
    ]
    assert failure["Item id"] == "'=bad.xml"


def test_it_comes_in_pieces_so_that_memory_stays_flat(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = verify(ledger, lambda _: nullcontext(mailboxes()))
    sizes: list[int] = []
    before: list[int] = []
    read_files = ledger.files_of

    def files_of(seq: int) -> Iterator[FileRecord]:
        before.append(sum(sizes))
        return read_files(seq)

    monkeypatch.setattr(ledger, "files_of", files_of)
    for piece in evidence_zip(ledger, "chat", DAY, NEXT_DAY, verdict):
        sizes.append(len(piece))  # noqa: PERF401 - it is looked at while it grows
    assert before[0] > sum(sizes) / 4


def test_the_page_about_evidence_names_every_file(ledger: SqlLedger) -> None:
    text = (PROJECT / "docs" / "evidence.md").read_text(encoding="utf-8")
    names = {name.split("/")[0] for name in files(package(ledger))}
    assert [name for name in names if name not in text] == []
