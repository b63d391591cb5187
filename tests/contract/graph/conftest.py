"""The Graph emulator, and a mailbox on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.commsarchive.mailbox.graph import letter as writing
from include.commsarchive.mailbox.graph import uploads
from include.commsarchive.mailbox.graph.mailbox import GraphMailbox
from tests.contract.graph.graph_setup import connect, held
from tests.contract.mailbox_contract import ANN, BOB, Read
from tests.servers.graph.server import GraphServer


@pytest.fixture
def server() -> Iterator[GraphServer]:
    with GraphServer() as server:
        server.store.add_users([ANN, BOB])
        yield server


@pytest.fixture
def mailbox(server: GraphServer) -> Iterator[GraphMailbox]:
    opened = connect(server)
    yield opened
    opened.close()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, server: GraphServer) -> None:
    """Make sizes small, so that a few bytes take the ways of many."""
    monkeypatch.setattr(writing, "REQUEST_SIZE", 2500)
    monkeypatch.setattr(uploads, "SMALL", 300)
    monkeypatch.setattr(uploads, "RANGE", 300)
    server.limits.session_least = 300


@pytest.fixture(params=["as Graph", "as another"])
def wording(request: pytest.FixtureRequest, server: GraphServer) -> None:
    """Answer as Graph does, and as another maker's server might."""
    server.service.foreign = request.param == "as another"


@pytest.fixture
def read(server: GraphServer) -> Read:
    return lambda address, folder: [
        str(message.fields["subject"]) for message in held(server, folder, address)
    ]
