"""exchangelib, a client that nobody here wrote, works against our EWS server, its oddities included."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import exchangelib
import pytest
from exchangelib import BASIC, NTLM, OAUTH2, Message
from exchangelib.errors import (
    ErrorFolderExists,
    ErrorImpersonateUserDenied,
    ErrorInternalServerTransientError,
    ErrorServerBusy,
    UnauthorizedError,
)

from tests.servers.ews.plain_client import KEY_NAME, KEY_SET, ensure, opened
from tests.servers.ews.server import SERVICE, Account, Behaviour, EwsServer
from tests.servers.faults import Fault, Faults, Kind

ANN = "ann@example.com"
SAID = exchangelib.EWSDateTime(2024, 1, 2, 10, 30, tzinfo=exchangelib.UTC)
LATER = exchangelib.EWSDateTime(2024, 1, 2, 11, 45, tzinfo=exchangelib.UTC)
RAW = (
    b"From: =?utf-8?q?B=C3=B6b?= <bob@example.com>\r\nTo: Ann <ann@example.com>\r\nSubject: chat %d\r\n"
    b"Date: Mon, 01 Jan 2024 00:00:00 +0000\r\nMessage-ID: <%d@chat>\r\nX-Ours: kept\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello %d\r\n"
)


@pytest.fixture
def server() -> Iterator[EwsServer]:
    with EwsServer([ANN]) as running:
        yield running
    assert running.invalid == []


@pytest.fixture
def ann(server: EwsServer) -> Iterator[Any]:
    with opened(server, ANN) as account:
        yield account


def mails(folder: Any, count: int, **more: object) -> list[Message]:
    fields = {"is_read": True, "plain_flags": 1, "plain_received": LATER, "plain_sent": SAID, **more}
    return [
        Message(folder=folder, mime_content=RAW % (n, n, n), plain_key=f"key {n}", **fields)
        for n in range(count)
    ]


@pytest.mark.parametrize("login", [BASIC, NTLM, OAUTH2])
def test_items_that_a_strange_client_files_are_as_it_asked(
    server: EwsServer, login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    with opened(server, ANN, login) as account:
        folder = ensure(account.inbox, "Chats")
        made = account.bulk_create(folder=folder, items=mails(folder, 30), chunk_size=7)
        assert len({one.id for one in made}) == 30
        found = list(folder.filter(plain_key__in=["key 3", "key 29", "none"]).only("plain_key", "is_read"))
        assert sorted((one.plain_key, one.is_read) for one in found) == [("key 29", True), ("key 3", True)]
        one = folder.get(plain_key="key 3")
        assert (one.subject, one.author.name, one.is_draft) == ("chat 3", "Böb", False)
        assert (one.datetime_received, one.datetime_sent, one.message_id) == (LATER, SAID, "<3@chat>")
        assert one.text_body == "hello 3\n"
    kept = server.store.mailbox(ANN).folder("Inbox/Chats").items
    assert [item.named(KEY_SET, KEY_NAME) for item in kept] == [f"key {n}" for n in range(30)]
    assert all(item.is_read and not item.is_draft for item in kept)


def test_the_sent_property_beats_the_date_header_which_is_rebuilt(server: EwsServer, ann: Any) -> None:
    ann.bulk_create(folder=ann.inbox, items=mails(ann.inbox, 1))
    raw = ann.inbox.all()[0].mime_content
    assert b"Date: Tue, 02 Jan 2024 10:30:00 +0000\r\n" in raw
    assert b"Mon, 01 Jan" not in raw


def test_reading_flags_lose_against_the_clients_silent_unread(server: EwsServer, ann: Any) -> None:
    fields = {"plain_flags": 1, "plain_received": LATER}
    ann.bulk_create(
        folder=ann.inbox, items=[Message(folder=ann.inbox, mime_content=RAW % (1, 1, 1), **fields)]
    )
    (item,) = server.store.mailbox(ANN).folder("Inbox").items
    assert not item.is_read
    assert not item.is_draft


def test_the_class_field_is_dropped_by_the_client_and_the_property_is_not(
    server: EwsServer, ann: Any
) -> None:
    items = [
        *mails(ann.inbox, 1, item_class="IPM.Note.Chat"),
        *mails(ann.inbox, 1, plain_class="IPM.Note.Chat"),
    ]
    ann.bulk_create(folder=ann.inbox, items=items)
    kept = server.store.mailbox(ANN).folder("Inbox").items
    assert [item.item_class for item in kept] == ["IPM.Note", "IPM.Note.Chat"]


def test_an_item_without_flags_and_dates_is_a_draft_of_now(server: EwsServer, ann: Any) -> None:
    before = dt.datetime.now(dt.UTC).replace(microsecond=0)
    ann.bulk_create(folder=ann.inbox, items=[Message(folder=ann.inbox, mime_content=RAW % (1, 1, 1))])
    one = ann.inbox.all()[0]
    assert one.is_draft
    assert before <= one.datetime_received <= dt.datetime.now(dt.UTC)


def test_a_mail_filed_twice_is_there_twice(server: EwsServer, ann: Any) -> None:
    for _ in range(2):
        ann.bulk_create(folder=ann.inbox, items=mails(ann.inbox, 1))
    assert [one.message_id for one in ann.inbox.all()] == ["<0@chat>", "<0@chat>"]


def test_a_folder_that_is_there_is_not_made_again(ann: Any) -> None:
    ensure(ann.inbox, "Chats")
    with pytest.raises(ErrorFolderExists):
        exchangelib.Folder(parent=ann.inbox, name="CHATS").save()


def test_purges_can_be_filed_into_and_is_not_among_what_people_see(server: EwsServer, ann: Any) -> None:
    purges = ann.recoverable_items_purges
    ann.bulk_create(folder=purges, items=mails(purges, 1))
    assert len(server.store.mailbox(ANN).folder("Recoverable Items/Purges").items) == 1
    assert "Purges" not in {folder.name for folder in ann.msg_folder_root.walk()}


def test_a_search_goes_on_over_pages_that_are_shorter_than_asked_for(server: EwsServer, ann: Any) -> None:
    ann.bulk_create(folder=ann.inbox, items=mails(ann.inbox, 25))
    server.behaviour.find_limit = 4
    found = {one.plain_key for one in ann.inbox.all().only("plain_key")}
    assert found == {f"key {n}" for n in range(25)}


def test_attachments_are_listed_and_fetched(server: EwsServer, ann: Any) -> None:
    mail = exchangelib.Message(account=ann, folder=ann.inbox, subject="files", body="see there")
    mail.attach(exchangelib.FileAttachment(name="a.bin", content=b"\0\1\2"))
    mail.save()
    mail.attach(exchangelib.FileAttachment(name="b.txt", content=b"text"))
    one = ann.inbox.get(subject="files")
    assert [(file.name, file.content) for file in one.attachments] == [
        ("a.bin", b"\0\1\2"),
        ("b.txt", b"text"),
    ]
    assert one.has_attachments


def test_names_are_resolved(server: EwsServer, ann: Any) -> None:
    server.store.add("bob@example.com", "Bob Builder")
    assert ann.version
    assert [one.email_address for one in ann.protocol.resolve_names(["builder"])] == ["bob@example.com"]


def test_who_may_not_impersonate_is_refused() -> None:
    poor = Account(SERVICE.name, SERVICE.password)
    with (
        EwsServer([ANN], accounts=[poor]) as server,
        opened(server, ANN) as account,
        pytest.raises(ErrorImpersonateUserDenied),
    ):
        account.inbox.refresh()


@pytest.mark.parametrize("login", [BASIC, NTLM])
def test_a_wrong_password_opens_nothing(login: str) -> None:
    other = Account(SERVICE.name, "another", impersonates=True)
    with (
        EwsServer([ANN], accounts=[other]) as server,
        opened(server, ANN, login) as account,
        pytest.raises(UnauthorizedError),
    ):
        account.inbox.refresh()


def test_a_busy_server_says_how_long(server: EwsServer, ann: Any) -> None:
    folder = ann.inbox
    server.faults.at(1, Fault(Kind.SERVER_BUSY, wait=2.5))
    with pytest.raises(ErrorServerBusy) as caught:
        ann.bulk_create(folder=folder, items=mails(folder, 1))
    assert caught.value.back_off == 2.5
    assert server.store.mailbox(ANN).items == []


@pytest.mark.parametrize(("kind", "kept"), [(Kind.NOT_STORED, 0), (Kind.STORED_TWICE, 6)])
def test_a_lying_server_keeps_nothing_or_twice_and_says_yes(
    server: EwsServer, ann: Any, kind: Kind, kept: int
) -> None:
    folder = ann.inbox
    server.faults.at(1, Fault(kind))
    made = ann.bulk_create(folder=folder, items=mails(folder, 3))
    assert len({one.id for one in made}) == 3
    assert len(server.store.mailbox(ANN).items) == kept


def test_part_of_a_batch_fails(server: EwsServer, ann: Any) -> None:
    folder = ann.inbox
    server.faults.at(1, Fault(Kind.PARTIAL))
    with pytest.raises((ErrorServerBusy, ErrorInternalServerTransientError)):
        ann.bulk_create(folder=folder, items=mails(folder, 3))
    kept = server.store.mailbox(ANN).items
    assert [item.subject for item in kept] == ["chat 0", "chat 2"]


def test_switches_take_back_what_clients_hope_for() -> None:
    behaviour = Behaviour(
        honours_dates=False, honours_flags=False, honours_class=False, keeps_x_headers=False
    )
    with EwsServer([ANN], behaviour=behaviour, faults=Faults()) as server, opened(server, ANN) as account:
        inbox = account.inbox
        account.bulk_create(folder=inbox, items=mails(inbox, 1, plain_class="IPM.Note.Chat"))
        one = inbox.all()[0]
        assert one.is_draft
        assert one.item_class == "IPM.Note"
        assert one.datetime_received > LATER
        assert b"X-Ours" not in one.mime_content
