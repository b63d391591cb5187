"""A real Dovecot keeps the promises of every mailbox, and shows people what they expect."""

from __future__ import annotations

import imaplib
import shutil
from collections.abc import Iterator
from contextlib import closing

import pytest

from include.commsarchive.doors import Connection, open_mailbox
from include.commsarchive.mailbox.base import Mailbox
from tests.contract.mailbox_contract import ANN, BOB, MailboxContract, Read
from tests.maildirs import subject_of
from tests.servers.dovecot import MASTER, PASSWORD, Dovecot, running_dovecot
from tests.servers.programs import HOST


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with running_dovecot([ANN, BOB]) as server:
        yield server


@pytest.fixture
def dovecot(server: Dovecot) -> Dovecot:
    """The server without mails: it makes mailboxes anew when somebody logs in."""
    for mailbox in (server.home / "mail").iterdir():
        shutil.rmtree(mailbox)
    return server


def connection(server: Dovecot, login_format: str = "") -> Connection:
    extra = {"security": "none", "login_format": login_format}
    return Connection("archive", "imap", HOST, server.port, MASTER, PASSWORD, extra)


def subjects(client: imaplib.IMAP4, folder: str) -> list[str]:
    status, _ = client.select(f'"{folder}"', readonly=True)
    assert status == "OK", folder
    _, rows = client.fetch("1:*", "(BODY.PEEK[])")
    return [subject_of(row[1]) for row in rows if isinstance(row, tuple)]


@pytest.mark.system
class TestImap(MailboxContract):
    @pytest.fixture
    def mailbox(self, dovecot: Dovecot) -> Iterator[Mailbox]:
        with closing(open_mailbox(connection(dovecot))) as mailbox:
            yield mailbox

    @pytest.fixture
    def read(self, dovecot: Dovecot) -> Read:
        written = {"": "INBOX", "Archive/Chat 1.9": "INBOX.Archive.Chat 1_9"}

        def read(address: str, folder: str) -> list[str]:
            with dovecot.as_a_person(address) as client:
                return subjects(client, written.get(folder, f"INBOX.{folder}"))

        return read


@pytest.mark.system
class TestImapByLoginName(TestImap):
    @pytest.fixture
    def mailbox(self, dovecot: Dovecot) -> Iterator[Mailbox]:
        with closing(open_mailbox(connection(dovecot, f"{{mailbox}}*{MASTER}"))) as mailbox:
            yield mailbox
