"""DavMail, a mail client's view of Exchange that nobody here wrote, opens our EWS server."""

from __future__ import annotations

import email.policy
import imaplib
from collections.abc import Iterator
from email.message import EmailMessage

import exchangelib
import pytest
from exchangelib import Message

from tests.servers.davmail import running_davmail
from tests.servers.ews.plain_client import ensure, opened
from tests.servers.ews.server import Account, EwsServer
from tests.servers.programs import HOST

pytestmark = pytest.mark.system

ANN = "ann@example.com"
LOGIN = Account(ANN, "only ascii 1")
SAID = exchangelib.EWSDateTime(2024, 1, 2, 10, 30, tzinfo=exchangelib.UTC)
FOLDER = '"INBOX/Chats &- more"'


def mail(number: int) -> bytes:
    made = EmailMessage(policy=email.policy.SMTP)
    made["From"], made["To"] = "Böb <bob@example.com>", "Ann <ann@example.com>"
    made["Subject"], made["Date"] = f"Grüße {number}", "Tue, 02 Jan 2024 10:30:00 +0000"
    made["Message-ID"] = f"<{number}@chat>"
    made.set_content("hello\n")
    made.add_alternative("<p>hello</p>\n", subtype="html")
    made.add_attachment(b"\0\1\2", maintype="application", subtype="pdf", filename="Vertrag ä.pdf")
    return made.as_bytes()


@pytest.fixture(scope="module")
def server() -> Iterator[EwsServer]:
    with EwsServer([ANN]) as running:
        running.login.accounts[ANN] = LOGIN
        with opened(running, ANN) as account:
            folder = ensure(account.inbox, "Chats & more")
            fields = {"plain_flags": 1, "plain_received": SAID, "plain_sent": SAID}
            items = [Message(folder=folder, mime_content=mail(n), is_read=n != 2, **fields) for n in (1, 2)]
            items.append(Message(folder=folder, mime_content=mail(3), is_read=True))
            account.bulk_create(folder=folder, items=items)
            purges = account.recoverable_items_purges
            account.bulk_create(folder=purges, items=[Message(folder=purges, mime_content=mail(4), **fields)])
        yield running
    assert running.invalid == []


@pytest.fixture(scope="module")
def imap(server: EwsServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[imaplib.IMAP4]:
    home = tmp_path_factory.mktemp("davmail")
    with running_davmail(server.url, home) as port, imaplib.IMAP4(HOST, port) as client:
        client.login(ANN, LOGIN.password)
        assert client.select(FOLDER, readonly=True)[0] == "OK"
        yield client


def fetched(imap: imaplib.IMAP4, which: str, what: str) -> list[bytes]:
    status, parts = imap.fetch(which, what)
    assert status == "OK"
    return [part if isinstance(part, bytes) else part[1] for part in parts if part not in {None, b")"}]


def test_a_strange_client_sees_the_folders_that_people_see(imap: imaplib.IMAP4) -> None:
    names = b" ".join(line for line in imap.list()[1] if isinstance(line, bytes))
    assert b'"INBOX/Chats &- more"' in names
    assert b"Purges" not in names


def test_a_strange_client_sees_dates_read_state_and_drafts(imap: imaplib.IMAP4) -> None:
    first, second, draft = fetched(imap, "1:3", "(FLAGS INTERNALDATE)")
    assert b"FLAGS (\\Seen) " in first
    assert b"FLAGS () " in second
    assert b"\\Draft" in draft
    assert b'INTERNALDATE "02-Jan-2024 10:30:00 +0000"' in first
    assert b"2024" not in draft


def test_a_strange_client_sees_subject_people_text_and_attachment(imap: imaplib.IMAP4) -> None:
    (raw,) = fetched(imap, "1", "(BODY.PEEK[])")
    shown = email.message_from_bytes(raw, policy=email.policy.default)
    assert (shown["subject"], shown["from"], shown["to"]) == (
        "Grüße 1",
        "Böb <bob@example.com>",
        "Ann <ann@example.com>",
    )
    assert shown["date"].datetime == SAID
    assert shown["message-id"] == "<1@chat>"
    body = shown.get_body(("plain",))
    assert body is not None
    assert body.get_content().strip() == "hello"
    (file,) = shown.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("Vertrag ä.pdf", b"\0\1\2")


def test_a_strange_client_files_by_the_same_rules(imap: imaplib.IMAP4, server: EwsServer) -> None:
    said = imaplib.Internaldate2tuple(b'INTERNALDATE "02-Jan-2024 10:30:00 +0000"')
    assert said is not None
    status, _ = imap.append(FOLDER, "(\\Seen)", said, mail(5))
    kept = server.store.mailbox(ANN).folder("Inbox/Chats & more").items[-1]
    assert status == "OK"
    assert (kept.subject, kept.is_read, kept.is_draft) == ("Grüße 5", True, False)
    assert kept.received == SAID


def test_the_password_matters(imap: imaplib.IMAP4) -> None:
    with imaplib.IMAP4(HOST, imap.port) as other, pytest.raises(imaplib.IMAP4.error):
        other.login(ANN, "wrong")
