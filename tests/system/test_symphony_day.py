"""Symphony all the way: encrypted exports and collected events to mails in mailboxes and import records."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
import yaml

from include.commsarchive.connector import Connector, load_connector
from include.samples.symphony_samples import DAYS, HERE, delivery
from tests.servers.vendor import Vendor
from tests.system.whole_path import Archive, numbers

pytestmark = pytest.mark.system

EXAMPLE = Path(__file__).parents[2] / "include" / "connectors" / "symphony.yaml.example"
CHECKSUMS = (".md5", ".sha256")


def connector(**collect: object) -> Connector:
    """The commented example, for all forms of delivery."""
    told = yaml.safe_load(EXAMPLE.read_text())
    told["name"] = "feed"
    told["collect"] |= {"files": ["*_GD-{yyyy-mm-dd}_*.zip", "symphony_*_{yyyymmdd}.*"], **collect}
    return Connector.model_validate(told)


@pytest.fixture
def symphony(archive: Archive, vendor: Vendor) -> Archive:
    """An archive with the three sample days on the vendor's server."""
    archive.served.mkdir(parents=True)
    for day in DAYS:
        for path in (HERE / "symphony" / day).iterdir():
            content = path.read_bytes()
            if path.suffix in CHECKSUMS:
                (archive.served / path.name).write_bytes(content)
            else:
                vendor.seal(content, archive.served / f"{path.name}.pgp")
    return replace(archive, connector=connector())


def mails(archive: Archive) -> list[tuple[str, EmailMessage]]:
    """Read all mails: whose folder, and the mail."""
    found = []
    for path, raw in sorted(archive.mails().items()):
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        found.append((path.partition("/cur/")[0], mail))
    return found


def text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def run(archive: Archive, suffix: str = "") -> list[dict[str, int]]:
    return [numbers(archive.archive(f"{day}{suffix}", dt.date.fromisoformat(day))) for day in DAYS]


def test_the_example_is_a_connector(tmp_path: Path) -> None:
    copied = tmp_path / "symphony.yaml"
    copied.write_text(EXAMPLE.read_text())
    assert load_connector(copied).source == "symphony"


@pytest.mark.parametrize("day", DAYS)
def test_shipped_samples_are_what_their_maker_makes(day: str) -> None:
    shipped = {path.name: path.read_bytes() for path in (HERE / "symphony" / day).iterdir()}
    assert shipped == delivery(day), "run: python -m include.samples.symphony_samples"


def test_the_sample_days_are_archived_with_every_number_closed(symphony: Archive) -> None:
    assert run(symphony) == [
        {"archived": 3, "made": 5},
        {"archived": 1, "made": 1},
        {"archived": 2, "made": 4},
    ]
    assert run(symphony, " again") == [
        {"duplicate": 3, "known": 5},
        {"duplicate": 1, "known": 1},
        {"duplicate": 2, "known": 4},
    ]


def test_copies_lie_in_the_symphony_folder_of_everybody_mapped_by_address(symphony: Archive) -> None:
    run(symphony)
    owners = {place.partition("/")[0] for place, _ in mails(symphony)}
    assert owners == {
        f"{name}@quillbrook.example"
        for name in ("nina.oakes", "tobias.grant", "wen.hartmann", "zoe.lindqvist")
    }
    assert all(place.endswith(".Symphony") for place, _ in mails(symphony))


def test_the_mails_say_what_was_said_edited_deleted_and_shared(symphony: Archive) -> None:
    run(symphony)
    by_subject = {str(mail["Subject"]): mail for _, mail in mails(symphony)}
    room = text(by_subject["Symphony room: Greta Solberg, Nina Oakes (Kestrel x Quill Brook: UST)"])
    assert "Nina Oakes joined (added by Greta Solberg)" in room
    assert "edited a message (replaces Nina Oakes 2024-03-11 08:02:00" in room
    assert "Greta Solberg disclaimer: Sales and trading communication" in room
    desk = by_subject["Symphony room: Nina Oakes, Tobias Grant, Isla Vance (Rates desk)"]
    (axes,) = desk.iter_attachments()
    assert axes.get_filename() == "axes for tuesday.pdf"
    assert axes.get_content().startswith(b"%PDF")
    (pair,) = (text(mail) for subject, mail in by_subject.items() if subject.startswith("Symphony chat"))
    assert "Tobias Grant deleted a message (Tobias Grant 2024-03-11 09:00:00)" in pair
    dumped = by_subject[
        "Symphony conversation: camille.duarte@tern.example, nina.oakes@quillbrook.example "
        "(Tern Island x Quill Brook)"
    ]
    assert [part.get_filename() for part in dumped.iter_attachments()] == ["axes.pdf"]
    assert "ありがとう" in "".join(text(mail) for mail in by_subject.values())
    assert {mail["X-Commsarchive-Item-Class"] for mail in by_subject.values()} == {
        "ipm.externaldata.symphony"
    }


def test_an_export_that_is_not_what_its_checksum_says_is_set_aside(symphony: Archive, vendor: Vendor) -> None:
    (export,) = symphony.served.glob("a_*.pgp")
    sound = (HERE / "symphony" / DAYS[1] / export.name.removesuffix(".pgp")).read_bytes()
    vendor.seal(sound + b" ", export)
    assert numbers(symphony.archive("one", dt.date(2024, 3, 12))) == {"quarantined": 1}
    assert symphony.reasons() == ["checksum-mismatch"]
    vendor.seal(sound, export)
    assert numbers(symphony.archive("two", dt.date(2024, 3, 12))) == {"archived": 1, "made": 1}


def test_a_zip_bomb_is_set_aside_at_the_bound(
    symphony: Archive, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.commsarchive.sources.zip_members.FREE_BYTES", 1000)
    monkeypatch.setattr("include.commsarchive.sources.zip_members.MAX_EXPANSION", 0)
    record = numbers(symphony.archive("one", dt.date(2024, 3, 12)))
    assert set(record) == {"quarantined"}
    assert set(symphony.reasons()) == {"too-large"}
