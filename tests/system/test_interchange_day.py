"""Interchange formats all the way: from encrypted files to mails in mailboxes and import records."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
import yaml

from include.commsarchive.connector import Connector
from include.commsarchive.profile import PROJECT
from include.samples.interchange_samples import DAY, HERE, SOURCES, delivery
from tests.servers.vendor import Vendor
from tests.system.test_symphony_day import mails, text
from tests.system.whole_path import Archive, numbers, send

pytestmark = pytest.mark.system

WHEN = dt.date.fromisoformat(DAY)


def archive_of(archive: Archive, source: str) -> Archive:
    """An archive by the source's commented example."""
    told = yaml.safe_load((PROJECT / "include" / "connectors" / f"{source}.yaml.example").read_text())
    return replace(
        archive, connector=Connector.model_validate(told | {"name": "feed", "pgp": {"connection": "k"}})
    )


@pytest.mark.parametrize("source", SOURCES)
def test_shipped_interchange_samples_are_what_their_maker_makes(source: str) -> None:
    shipped = {path.name: path.read_bytes() for path in (HERE / source / DAY).iterdir()}
    assert shipped == delivery(source), "run: python -m include.samples.interchange_samples"


@pytest.mark.parametrize(
    ("source", "record", "again"),
    [
        ("persistent_chat", {"archived": 1, "made": 2}, {"duplicate": 1, "known": 2}),
        ("dig", {"archived": 2, "made": 2}, {"duplicate": 2, "known": 2}),
        ("vantage", {"archived": 2, "made": 3}, {"duplicate": 2, "known": 3}),
    ],
)
def test_an_interchange_day_is_archived_with_every_number_closed(
    archive: Archive, vendor: Vendor, source: str, record: dict[str, int], again: dict[str, int]
) -> None:
    feed = archive_of(archive, source)
    send(feed, vendor, delivery(source))
    assert numbers(feed.archive("one", WHEN)) == record
    assert numbers(feed.archive("two", WHEN)) == again


def test_a_persistent_chat_mail_has_messages_in_order_and_the_file(archive: Archive, vendor: Vendor) -> None:
    feed = archive_of(archive, "persistent_chat")
    send(feed, vendor, delivery("persistent_chat"))
    feed.archive("one", WHEN)
    found = dict(mails(feed))
    assert set(found) == {
        f"{name}@quillbrook.example/.Persistent Chat" for name in ("nina.oakes", "tobias.grant")
    }
    (mail, *_) = found.values()
    said = text(mail)
    assert said.index("where is 3y WI?") < said.index("3y WI 4.25 / 4.24,") < said.index("size on the bid")
    assert mail["X-Commsarchive-Item-Class"] == "ipm.externaldata.persistentchat"
    (axes,) = mail.iter_attachments()
    assert axes.get_content().startswith(b"%PDF")


def test_a_dig_mail_shows_the_edit_and_has_the_file_that_stood_in_the_transcript(
    archive: Archive, vendor: Vendor
) -> None:
    feed = archive_of(archive, "dig")
    send(feed, vendor, delivery("dig"))
    feed.archive("one", WHEN)
    found = {str(mail["Subject"]): mail for _, mail in mails(feed)}
    chat = found["InstantBloomberg conversation: Rufus Pell, Nina Oakes (PCHAT-0x10000AB12CD34)"]
    assert "Nina Oakes edited a message (replaces Nina Oakes 2024-03-13 16:01:00): 99-10 / 99-10+" in text(
        chat
    )
    assert "could you show 10y in 40mm?" in text(chat)
    (axes,) = chat.iter_attachments()
    assert axes.get_content().startswith(b"%PDF")
    (call,) = (mail for subject, mail in found.items() if "A call" in subject)
    assert "the source lists no events" in text(call)


def test_an_enclosed_file_is_attached_whatever_its_transcript_is_called(
    archive: Archive, vendor: Vendor
) -> None:
    feed = archive_of(archive, "dig")
    told = feed.connector.model_dump(mode="json")
    told["collect"]["files"] = ["*{yyyymmdd}*"]
    feed = replace(feed, connector=Connector.model_validate(told))
    send(feed, vendor, {"20240313-7.xml": delivery("dig")["firm.transcripts.20240313.xml"]})
    assert numbers(feed.archive("one", WHEN)) == {"archived": 2, "made": 2}


def test_a_persistent_chat_file_where_dig_is_expected_is_set_aside(archive: Archive, vendor: Vendor) -> None:
    feed = archive_of(archive, "dig")
    send(feed, vendor, {"transcripts.20240313.xml": b"<Conversations/>"})
    assert numbers(feed.archive("one", WHEN)) == {"quarantined": 1}
    assert feed.reasons() == ["not-dig"]
