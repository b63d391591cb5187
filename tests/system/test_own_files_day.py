"""Own files and mails all the way: from the sender's folder to mailboxes and an import record."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import io
import shutil
import zipfile
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

from include.commsarchive.connector import load_connector
from include.commsarchive.profile import PROJECT
from tests.system.whole_path import Archive, numbers

DAY = dt.date(2024, 3, 13)
EXAMPLES = PROJECT / "include" / "connectors"
SAMPLES = PROJECT / "include" / "samples"
GOLDEN = PROJECT / "tests" / "golden"


def archive_of(tmp_path: Path, example: str) -> Archive:
    """An archive with an example connector; files come as they are, not encrypted."""
    connector = load_connector(EXAMPLES / f"{example}.yaml.example").model_copy(update={"name": "feed"})
    archive = Archive(tmp_path / "archive", None, connector)
    archive.served.mkdir(parents=True)
    return archive


def mails(archive: Archive) -> dict[str, list[EmailMessage]]:
    """Read all mails, by mailbox and folder."""
    found: dict[str, list[EmailMessage]] = {}
    for path, raw in sorted(archive.mails().items()):
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        found.setdefault(path.partition("/cur/")[0], []).append(mail)
    return found


def text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def test_the_pivot_sample_is_archived_to_own_people_alone_and_what_does_not_fit_comes_back_by_replay(
    tmp_path: Path,
) -> None:
    archive = archive_of(tmp_path, "pivot")
    shutil.copytree(SAMPLES / "pivot" / "2024-03-13", archive.served, dirs_exist_ok=True)
    assert numbers(archive.archive(day=DAY)) == {"archived": 2, "quarantined": 1, "made": 4}
    assert archive.reasons() == ["row-does-not-fit"]
    found = mails(archive)
    people = ("marcus.adeyemi", "nina.oakes", "zoe.lindqvist")
    assert sorted(found) == [f"{name}@quillbrook.example/.Pivot" for name in people]
    halden = next(one for one in found["nina.oakes@quillbrook.example/.Pivot"] if "Halden" in text(one))
    assert halden["Subject"] == "Pivot: Nina Oakes, Rufus Vale (P-1001)"
    assert halden["X-Commsarchive-Item-Class"] == "ipm.externaldata.pivot"
    assert [part.get_content() for part in halden.iter_attachments()] == ["5y5y 50k offered at 2.425\n"]
    assert "[08:01:10] * disclaimer: For institutional investors only." in text(halden)

    mended = tmp_path / "pivot.yaml"
    told = (PROJECT / archive.connector.profile).read_text(encoding="utf-8")
    mended.write_text(told.replace("System: system", "System: system, Nudge: system"), encoding="utf-8")
    archive = replace(archive, connector=archive.connector.model_copy(update={"profile": str(mended)}))
    assert numbers(archive.replay()) == {"archived": 1, "duplicate": 1, "made": 3, "known": 1}
    own = mails(archive)["marcus.adeyemi@quillbrook.example/.Pivot"]
    assert len(own) == 2, "the chat with the nudge is filed beside the first, as a revision"
    assert any("Marcus Adeyemi system note" in text(one) for one in own)
    assert numbers(archive.archive("again", DAY)).get("made", 0) == 0


def test_a_profile_of_one_s_own_maps_people_by_the_ids_that_it_names(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, "own_files")
    shutil.copytree(SAMPLES / "own_files" / "2024-03-13", archive.served, dirs_exist_ok=True)
    assert numbers(archive.archive(day=DAY)) == {"archived": 2, "quarantined": 1, "made": 3}
    owners = {path.split("/")[0] for path in mails(archive)}
    assert owners == {"nina.oakes@quillbrook.example", "zoe.lindqvist@quillbrook.example"}


def test_mails_stay_the_mails_that_they_were_with_the_original_beside(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, "eml")
    domains = archive.connector.mapping.model_copy(update={"domains": ("quill.example",)})
    archive = replace(archive, connector=archive.connector.model_copy(update={"mapping": domains}))
    raw = (GOLDEN / "eml" / "journal-report" / "export.eml").read_bytes()
    (archive.served / "mail-20240313-1.eml").write_bytes(raw)
    (archive.served / "mail-20240313-2.eml").write_bytes(b"hello world\n")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr(
            "a.eml", (GOLDEN / "eml" / "thread" / "export.eml").read_bytes().replace(b"m1@", b"m2@")
        )
    (archive.served / "mail-20240313-more.zip").write_bytes(packed.getvalue())
    assert numbers(archive.archive(day=DAY)) == {"archived": 2, "quarantined": 1, "made": 5}
    assert archive.reasons() == ["not-a-mail"]
    found = mails(archive)
    secret = found["secret@quill.example/.EML"][0]
    assert secret["Subject"] == "Axes"
    assert secret["Date"].datetime == dt.datetime(2024, 3, 13, 11, tzinfo=dt.UTC)
    assert "inner body" in text(secret)
    names = {part.get_filename(): part.get_content() for part in secret.iter_attachments()}
    assert names == {"axes.pdf": b"hello", "original.eml": raw}
    assert numbers(archive.archive("again", DAY)).get("made", 0) == 0
