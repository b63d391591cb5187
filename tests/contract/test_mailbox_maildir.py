"""Maildir trees keep the promises of every mailbox, as the standard library reads them."""

from __future__ import annotations

import mailbox as standard
from pathlib import Path

import pytest

from include.commsarchive.mailbox.maildir import Maildir
from include.commsarchive.message.mime import encode
from tests.contract.mailbox_contract import ANN, BOB, MailboxContract, Read
from tests.maildirs import read_folder, subject_of


class TestMaildir(MailboxContract):
    @pytest.fixture
    def mailbox(self, tmp_path: Path) -> Maildir:
        for address in (ANN, BOB):
            standard.Maildir(tmp_path / address)
        return Maildir(tmp_path, encode, create=False)

    @pytest.fixture
    def read(self, tmp_path: Path) -> Read:
        written = {"Archive/Chat 1.9": "Archive.Chat 1%2E9"}
        return lambda address, folder: [
            subject_of(mail) for mail in read_folder(tmp_path, address, written.get(folder, folder))
        ]
