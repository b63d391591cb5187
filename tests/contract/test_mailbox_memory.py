"""Mailboxes in memory keep the promises of every mailbox."""

from __future__ import annotations

import pytest

from include.commsarchive.mailbox.memory import MemoryMailbox
from include.commsarchive.message.mime import encode
from tests.contract.mailbox_contract import ANN, BOB, MailboxContract, Read
from tests.maildirs import subject_of


class TestMemoryMailbox(MailboxContract):
    @pytest.fixture
    def mailbox(self) -> MemoryMailbox:
        return MemoryMailbox(encode, only=[ANN, BOB])

    @pytest.fixture
    def read(self, mailbox: MemoryMailbox) -> Read:
        return lambda address, folder: list(map(subject_of, mailbox.mails[address, folder].values()))
