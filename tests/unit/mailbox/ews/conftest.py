"""The emulator of Exchange."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.ews.server import EwsServer
from tests.unit.mailbox.ews.ews_setup import ANN, BOB


@pytest.fixture
def server() -> Iterator[EwsServer]:
    with EwsServer([ANN, BOB]) as server:
        yield server
        assert server.invalid == []
