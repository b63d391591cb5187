"""The Graph emulator, and somebody who calls it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.graph.server import GraphServer
from tests.unit.servers.graph_client import ANN, BOB, Caller


@pytest.fixture
def graph() -> Iterator[GraphServer]:
    with GraphServer() as server:
        server.store.add_users([ANN, BOB])
        yield server


@pytest.fixture
def caller(graph: GraphServer) -> Iterator[Caller]:
    caller = Caller(graph)
    assert caller.sign_in().ok
    with caller.http:
        yield caller
