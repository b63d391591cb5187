"""Bloomberg mail all the way: encrypted files of the vendor's to mails in mailboxes and an import record."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
from dataclasses import replace
from email.message import EmailMessage

import pytest

from include.commsarchive.connector import Connector
from include.samples.bloomberg_message_samples import HERE, days
from tests.servers.vendor import Vendor
from tests.system.whole_path import Archive, chat, export, numbers, send, tar
from tests.unit.sources.bloomberg_message_xml import NINA, disclaimer, dump, message, to

pytestmark = pytest.mark.system

CONNECTOR = Connector.model_validate(
    {
        "name": "feed",
        "source": "bloomberg_message",
        "collect": {"connection": "vendor", "manifest": "daily_manifest_{yymmdd}.txt"},
        "pgp": {"connection": "keys"},
        "mapping": {
            "third_party_mailbox": "third@quillbrook.example",
            "custom": str(HERE / "mapping.csv"),
        },
        "deliver": {"connection": "archive"},
        "schedule": {"start": "2024-03-13"},
    }
)
DAY = dt.date(2024, 3, 13)


@pytest.fixture
def mail_archive(archive: Archive) -> Archive:
    return replace(archive, connector=CONNECTOR)


def deliver(archive: Archive, vendor: Vendor, day: str) -> None:
    """Put a sample day on the vendor's server."""
    folder = HERE / "bloomberg_message" / day
    names = [path.name for path in folder.iterdir()]
    (manifest,) = (name for name in names if name.startswith("daily_manifest"))
    send(archive, vendor, {name: (folder / name).read_bytes() for name in names if name != manifest})
    listed = (folder / manifest).read_text().split()
    (archive.served / manifest).write_text("".join(f"{name}.gpg\n" for name in listed))


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


def test_the_sample_days_are_archived_with_every_number_closed(mail_archive: Archive, vendor: Vendor) -> None:
    for day in days():
        deliver(mail_archive, vendor, day)
    records = [numbers(mail_archive.archive(day, dt.date.fromisoformat(day))) for day in days()]
    assert records == [
        {"archived": 8, "unmapped": 1, "made": 14},
        {"archived": 5, "duplicate": 1, "quarantined": 2, "partial": 1, "made": 12},
    ]
    assert sorted(mail_archive.reasons()) == ["malformed", "missing-from", "nobody-mapped"]
    again = [numbers(mail_archive.archive(f"{day} again", dt.date.fromisoformat(day))) for day in days()]
    assert [record.get("made", 0) for record in again] == [0, 0]


def test_mails_are_the_mails_that_they_were(mail_archive: Archive, vendor: Vendor) -> None:
    for day in days():
        deliver(mail_archive, vendor, day)
        mail_archive.archive(day, dt.date.fromisoformat(day))
    found = mails(mail_archive)
    run = next(mail for _, mail in found if mail["Subject"] == "10Y AXES  >99-16")
    assert run["Date"].datetime == dt.datetime(2024, 3, 13, 12, 31, 10, tzinfo=dt.UTC)
    assert [one.addr_spec for one in run["To"].addresses] == [
        "nina.oakes@quillbrook.example",
        "tobias.grant@quillbrook.example",
    ]
    assert [one.addr_spec for one in run["Cc"].addresses] == ["wen.hartmann@quillbrook.example"]
    assert "    T 4   34        99-16+  99-18   25x10\n    T 4¼  33       100-02  100-04   10x10" in text(run)
    assert [part.get_filename() for part in run.iter_attachments()] == ["axes 11 mar.pdf"]
    assert "shared (reference, no file): RUNZ READONLY" in text(run)
    later = next(mail for _, mail in found if str(mail["Subject"]).startswith("Re: Re: 10Y AXES"))
    assert "disclaimer: This communication is for institutional investors only." in text(later)
    assert set(run["References"].split()) & set(later["References"].split())
    blind = next(mail for _, mail in found if mail["Subject"] == "EURUSD VOL RUN")
    assert str(blind["To"]) == "undisclosed-recipients:;"
    assert len(blind["Bcc"].addresses) == 4


def test_who_takes_part_beside_sender_and_recipients_gets_a_copy(
    mail_archive: Archive, vendor: Vendor
) -> None:
    deliver(mail_archive, vendor, "2024-03-13")
    mail_archive.archive(day=DAY)
    owners = {folder.split("/")[0] for folder, mail in mails(mail_archive) if mail["Subject"] == "Allocation"}
    assert owners == {"zoe.lindqvist@quillbrook.example", "marcus.adeyemi@quillbrook.example"}
    mail = next(mail for _, mail in mails(mail_archive) if mail["Subject"] == "Allocation")
    assert str(mail["X-Commsarchive-Participant"]) == (
        "On behalf of: MARCUS ADEYEMI <marcus.adeyemi@quillbrook.example>"
    )


def test_a_mail_that_cannot_be_archived_is_set_aside_alone(mail_archive: Archive, vendor: Vendor) -> None:
    bad = [
        message("no id", number=2).replace("<MsgID>65F1D2A300010F2E00000002</MsgID>", ""),
        message("no sender", number=3, sender="<UserInfo/>"),
        message("no time", number=4, times=""),
        message("nobody", number=5, recipients=""),
        disclaimer("", "no reference"),
        message("the end is missing", number=6).replace("</Message>\n", ""),
    ]
    files = {"f1.msg.240313.xml": dump(message("one", recipients=to(NINA)), *bad)}
    archive = replace(mail_archive, connector=without_manifest(CONNECTOR))
    send(archive, vendor, files)
    assert numbers(archive.archive(day=DAY)) == {"archived": 1, "quarantined": 6, "made": 1}
    assert sorted(archive.reasons()) == [
        "incomplete-disclaimer",
        "missing-date",
        "missing-from",
        "missing-message-id",
        "missing-to",
        "truncated",
    ]


def test_one_old_tar_of_chat_and_mail_serves_both_connectors(mail_archive: Archive, vendor: Vendor) -> None:
    listed = "<Attachment><FileName>mail.txt</FileName><FileSize>4</FileSize></Attachment>"
    files = {
        "f1.msg.240313.xml": dump(message("see file", files=listed), version="MSGXML 1.5"),
        "f1.ib.240313.xml": export(chat("A", "ann shares chat.txt of 4"), version="IBXML 1.3"),
        "f1.att.240313.tar.gz": tar(("mail.txt", b"mail"), ("chat.txt", b"chat")),
    }
    attached = {}
    for source in ("bloomberg_message", "instant_bloomberg"):
        connector = without_manifest(CONNECTOR).model_copy(update={"source": source})
        archive = replace(mail_archive, root=mail_archive.root / source, connector=connector)
        send(archive, vendor, files)
        record = archive.archive(day=DAY)
        assert numbers(record) == {"archived": 1, "made": 1}
        assert record.body["attachments_unclaimed"] == 1
        ((_, mail),) = mails(archive)
        attached[source] = [part.get_content() for part in mail.iter_attachments()]
    assert attached == {"bloomberg_message": ["mail"], "instant_bloomberg": ["chat"]}


def without_manifest(connector: Connector) -> Connector:
    return connector.model_copy(update={"collect": connector.collect.model_copy(update={"manifest": ""})})
