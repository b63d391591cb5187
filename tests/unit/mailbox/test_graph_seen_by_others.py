"""What our posting files, another client that nobody here wrote (O365) sees as its reader would."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from O365 import Account, MSGraphProtocol
from O365.utils.token import MemoryTokenBackend

from include.commsarchive.doors import Connection, open_mailbox
from include.commsarchive.mailbox.graph.letter import DELIVERY_KEY, MESSAGE_CLASS, PROPERTIES
from include.commsarchive.model import Letter, MailPart
from tests.contract.mailbox_contract import ANN, rich_letter
from tests.servers.graph.server import GraphServer
from tests.servers.graph.tokens import CLIENT_ID, CLIENT_SECRET

LARGE = hashlib.shake_256(b"large").digest(4_100_000)
FOLDER = "Archive/Bloomberg 日報 & <co>"


@pytest.fixture(scope="module")
def letter() -> Letter:
    """A letter whose files do not fit into one request."""
    letter = rich_letter()
    large = MailPart("large ü.bin", "application/pdf", len(LARGE), lambda: io.BytesIO(LARGE))
    mail = replace(
        letter.mail,
        attachments=(*letter.mail.attachments, large),
        message_class="IPM.NOTE.InstantBloomberg.Conversation",
    )
    return replace(letter, folder=FOLDER, mail=mail)


@pytest.fixture(scope="module")
def inbox(letter: Letter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with GraphServer() as server:
        server.store.add_user(ANN)
        said = {"authority": server.authority, "verify": str(server.certificate)}
        mailbox = open_mailbox(
            Connection("cloud", "msgraph", server.url, None, CLIENT_ID, CLIENT_SECRET, said)
        )
        [outcome] = mailbox.append([letter])
        mailbox.close()
        assert outcome.server_id
        yield opened(server).inbox_folder()


def opened(server: GraphServer) -> Any:
    protocol = MSGraphProtocol(default_resource=f"users/{ANN}")
    protocol.service_url = f"{server.url}/v1.0/"
    account = Account(
        (CLIENT_ID, CLIENT_SECRET),
        protocol=protocol,
        auth_flow_type="credentials",
        tenant_id=server.authority.rpartition("/")[2],
        token_backend=MemoryTokenBackend(),
        request_retries=0,
    )
    token = server.tokens.issue(server.tokens.apps[CLIENT_ID])["access_token"]
    account.con.session = account.con.get_session()
    account.con.session.headers["Authorization"] = f"Bearer {token}"
    return account.mailbox()


@pytest.fixture(scope="module")
def seen(inbox: Any) -> Any:
    folder = inbox
    for name in FOLDER.split("/"):
        folder = folder.get_folder(folder_name=name)
    [message] = folder.get_messages(download_attachments=True)
    return message


def test_it_lies_below_the_inbox_and_leaves_nothing_unread(inbox: Any) -> None:
    folder = inbox.get_folder(folder_name="Archive").get_folder(folder_name=FOLDER.partition("/")[2])
    assert (folder.total_items_count, folder.unread_items_count) == (1, 0)


def test_it_was_sent_and_received_when_it_was_said_and_is_read_and_no_draft(
    seen: Any, letter: Letter
) -> None:
    said = dt.datetime.fromtimestamp(letter.mail.at / 1000, dt.UTC)
    assert seen.sent == seen.received == said
    assert (seen.is_read, seen.is_draft) == (True, False)


def test_it_is_from_and_to_whom_it_was(seen: Any, letter: Letter) -> None:
    mail = letter.mail
    assert (seen.sender.name, seen.sender.address) == (mail.sender.name, mail.sender.email)
    for shown, people in ((seen.to, mail.to), (seen.cc, mail.cc), (seen.bcc, mail.bcc)):
        assert [one.address for one in shown] == [one.email for one in people]
    assert seen.subject == mail.subject
    assert "Übergabe" in seen.body
    assert seen.internet_message_id == f"<{mail.message_id}>"


def test_its_files_are_whole(seen: Any, letter: Letter, tmp_path: Path) -> None:
    found = {}
    for one in seen.attachments:
        assert one.save(str(tmp_path))
        found[one.name] = (tmp_path / one.name).read_bytes()
    asked = {}
    for part in letter.mail.attachments:
        with part.open() as stream:
            asked[part.name] = stream.read()
    assert found == asked


def test_it_is_found_by_its_key(inbox: Any, seen: Any, letter: Letter) -> None:
    wanted = f"{PROPERTIES}/any(p: p/id eq '{DELIVERY_KEY}' and p/value eq '{letter.delivery_key}')"
    names = f"{PROPERTIES}($filter=id eq '{DELIVERY_KEY}' or id eq '{MESSAGE_CLASS}')"
    url = f"{inbox.protocol.service_url}users/{ANN}/messages"
    answer = inbox.con.get(url, params={"$filter": wanted, "$expand": names}).json()
    [found] = answer["value"]
    assert found["id"] == seen.object_id
    assert {one["value"] for one in found[PROPERTIES]} == {letter.delivery_key, letter.mail.message_class}
