"""Exchange Online through Graph keeps the promises of every mailbox, whatever goes wrong on the way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.commsarchive.doors import Connection, open_mailbox
from include.commsarchive.mailbox.base import PURGES
from include.commsarchive.mailbox.graph.mailbox import GraphMailbox
from tests.contract.mailbox_contract import ANN, BOB, MailboxContract, Read
from tests.letters import make_letter
from tests.servers.graph.server import GraphServer
from tests.servers.graph.store import Message
from tests.servers.graph.tokens import CLIENT_ID, CLIENT_SECRET, TENANT

MIB = 1024 * 1024
FOLDER = make_letter("x").folder


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphServer]:
    with GraphServer() as server:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.certificate))
        server.store.add_users([ANN, BOB])
        yield server


def connection(server: GraphServer, **extra: object) -> Connection:
    trusted = {"authority": server.authority, "tenant_id": TENANT, **extra}
    return Connection("cloud", "msgraph", host=server.url, login=CLIENT_ID, password=CLIENT_SECRET, extra=trusted)


@pytest.fixture
def mailbox(server: GraphServer) -> Iterator[GraphMailbox]:
    opened = open_mailbox(connection(server))
    assert isinstance(opened, GraphMailbox)
    yield opened
    opened.close()


def messages(server: GraphServer, folder: str = FOLDER, address: str = ANN) -> list[Message]:
    path = folder if folder == PURGES else f"Inbox/{folder}".rstrip("/")
    return server.store.mailbox(address).messages(path)


@pytest.fixture
def read(server: GraphServer) -> Read:
    return lambda address, folder: [
        str(message.fields["subject"]) for message in messages(server, folder, address)
    ]


class TestGraphMailbox(MailboxContract):
    pass
