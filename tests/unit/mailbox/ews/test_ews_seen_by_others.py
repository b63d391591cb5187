"""What our posting files, another client that nobody here wrote (exchangelib) sees as its reader would."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from exchangelib import ExtendedProperty, Message

from include.commsarchive.mailbox.exchange import DELIVERY_KEY, PROPERTY_SET
from include.commsarchive.model import Letter
from tests.contract.mailbox_contract import rich_letter
from tests.servers.ews.plain_client import opened
from tests.servers.ews.server import EwsServer
from tests.unit.mailbox.ews.ews_setup import ANN, mailbox_on

FOLDER = "Archive/Bloomberg 日報 & <co>"


class OurKey(ExtendedProperty):  # type: ignore[misc]
    property_set_id = PROPERTY_SET
    property_name = DELIVERY_KEY
    property_type = "String"


@pytest.fixture(scope="module")
def letter() -> Letter:
    letter = rich_letter()
    mail = replace(letter.mail, message_class="IPM.NOTE.InstantBloomberg.Conversation")
    return replace(letter, folder=FOLDER, mail=mail)


@pytest.fixture(scope="module")
def account(letter: Letter) -> Iterator[Any]:
    Message.register("our_key", OurKey)
    with EwsServer([ANN]) as server:
        with mailbox_on(server) as mailbox:
            [outcome] = mailbox.append([letter])
            assert outcome.server_id
        with opened(server, ANN) as account:
            yield account
        assert server.invalid == []
    Message.deregister("our_key")


@pytest.fixture(scope="module")
def seen(account: Any) -> Any:
    [message] = (account.inbox / "Archive" / "Bloomberg 日報 & <co>").all()
    return message


def test_it_lies_in_a_folder_of_mail_below_the_inbox(account: Any) -> None:
    folder = account.inbox / "Archive" / "Bloomberg 日報 & <co>"
    assert (folder.folder_class, folder.total_count, folder.unread_count) == ("IPF.Note", 1, 0)
    assert account.drafts.total_count == 0


def test_it_was_sent_and_received_when_it_was_said_and_is_read_and_no_draft(
    seen: Any, letter: Letter
) -> None:
    said = dt.datetime.fromtimestamp(letter.mail.at / 1000, dt.UTC)
    assert seen.datetime_sent == seen.datetime_received == said
    assert (seen.is_read, seen.is_draft, seen.item_class) == (True, False, letter.mail.message_class)


def test_it_is_from_and_to_whom_it_was(seen: Any, letter: Letter) -> None:
    def pairs(people: Any) -> list[tuple[str, str]]:
        return [(one.name, one.email_address) for one in people]

    mail = letter.mail
    assert pairs([seen.author]) == [(mail.sender.name, mail.sender.email)]
    for shown, people in ((seen.to_recipients, mail.to), (seen.cc_recipients, mail.cc)):
        assert pairs(shown) == [(one.name or one.email, one.email) for one in people]
    assert pairs(seen.bcc_recipients) == [(one.name, one.email) for one in mail.bcc]
    assert seen.subject == mail.subject


def test_its_content_is_whole(seen: Any, letter: Letter) -> None:
    [file] = seen.attachments
    [part] = letter.mail.attachments
    with part.open() as stream:
        assert (file.name, file.content) == (part.name, stream.read())
    assert "Übergabe" in seen.body
    assert letter.mail.text.strip() in seen.text_body


def test_it_is_known_by_its_ids(seen: Any, letter: Letter) -> None:
    assert seen.our_key == letter.delivery_key
    assert seen.message_id == f"<{letter.mail.message_id}>"
    assert seen.references == f"<{letter.mail.references[0]}>"
    assert {one.name: one.value for one in seen.headers}["X-Commsarchive-Source"] == "test"
