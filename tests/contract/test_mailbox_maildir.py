"""Maildir trees keep the promises of every mailbox, as the standard library reads them."""

from __future__ import annotations

import mailbox as standard
from pathlib import Path

import pytest

from include.commsarchive.mailbox.maildir import Maildir
from tests.contract.mailbox_contract import ANN, BOB, MailboxContract, Read
from tests.letters import encode
from tests.maildirs import read_folder


class TestMaildir(MailboxContract):
    @pytest.fixture
    def mailbox(self, tmp_path: Path) -> Maildir:
        for address in (ANN, BOB):
            standard.Maildir(tmp_path / address)
        return Maildir(tmp_path, encode, create=False)

    @pytest.fixture
    def read(self, tmp_path: Path) -> Read:
        written = {"Archive/Chat 1.9": "Archive.Chat 1%2E9"}
        return lambda address, folder: read_folder(tmp_path, address, written.get(folder, folder))
