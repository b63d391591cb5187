"""Exchange keeps the promises of every mailbox, as the emulator's store shows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.commsarchive.mailbox.ews.mailbox import EwsMailbox
from include.commsarchive.mailbox.ews.settings import settings_from
from include.commsarchive.message.mime import encode
from tests.contract.mailbox_contract import ANN, BOB, MailboxContract, Read
from tests.servers.ews.server import PASSWORD, SERVICE, Behaviour, EwsServer


class TestEws(MailboxContract):
    behaviour = Behaviour()

    @pytest.fixture
    def server(self) -> Iterator[EwsServer]:
        with EwsServer([ANN, BOB], behaviour=self.behaviour) as server:
            yield server
            assert server.invalid == []

    @pytest.fixture
    def mailbox(self, server: EwsServer) -> Iterator[EwsMailbox]:
        settings = settings_from(server.url, None, SERVICE.name, PASSWORD, {"auth": "basic"})
        box = EwsMailbox(settings, encode)
        yield box
        box.close()

    @pytest.fixture
    def read(self, server: EwsServer) -> Read:
        def subjects(address: str, folder: str) -> list[str]:
            path = f"Inbox/{folder}" if folder else "Inbox"
            return [item.subject for item in server.store.mailbox(address).folder(path).items]

        return subjects


class TestEwsOfAnotherMaker(TestEws):
    """The same from a server that answers by the protocol, but not as Exchange writes it."""

    behaviour = Behaviour(foreign=True)
