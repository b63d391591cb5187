"""A body that became a file is told from people's own files, whatever those are called."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import pytest

from include.commsarchive.doors import Connection, open_mailbox
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.mailbox.graph.sheets import BODY_FILE
from include.commsarchive.model import MailPart
from tests.contract.mailbox_contract import ANN
from tests.letters import make_letter
from tests.servers.graph.server import GraphServer
from tests.servers.graph.tokens import CLIENT_ID, CLIENT_SECRET

LONG = "<p>Zeile</p>\n" * 300_000
SPOOF = MailPart(BODY_FILE, "text/html", 5, lambda: io.BytesIO(b"spoof"))
OTHER = MailPart("a.bin", "application/octet-stream", 5, lambda: io.BytesIO(b"other"))


@pytest.fixture
def server() -> Iterator[GraphServer]:
    with GraphServer() as server:
        server.store.add_user(ANN)
        yield server


@pytest.fixture
def mailbox(server: GraphServer) -> Iterator[Mailbox]:
    said = {"authority": server.authority, "verify": str(server.certificate), "message_mib": 8}
    opened = open_mailbox(Connection("cloud", "msgraph", server.url, None, CLIENT_ID, CLIENT_SECRET, said))
    yield opened
    opened.close()


@pytest.mark.parametrize("html", ["<p>short", LONG, LONG * 2], ids=["short", "a file", "parts of a file"])
def test_files_called_like_the_body_file_are_filed_and_counted(
    mailbox: Mailbox, server: GraphServer, html: str
) -> None:
    letter = make_letter("x")
    mail = replace(letter.mail, html=html, attachments=(SPOOF, OTHER))
    [outcome] = mailbox.append([replace(letter, mail=mail)])
    kept = mailbox.inspect(ANN, letter.folder, [outcome.server_id])[outcome.server_id]
    assert kept.attachments == 2
    [first] = [
        one
        for box in server.store.mailboxes()
        for one in box.messages(f"Inbox/{letter.folder}")
        if one.id == outcome.server_id
    ]
    assert [one.name for one in first.attachments.values()].count(BODY_FILE) == (2 if html == LONG else 1)
