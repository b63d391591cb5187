"""Mailboxes on a real Dovecot, opened by a master user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from include.commsarchive.mailbox.imap.mailbox import ImapMailbox
from include.commsarchive.mailbox.imap.settings import settings_from
from include.commsarchive.message.mime import encode
from tests.servers.dovecot import MASTER, PASSWORD
from tests.servers.programs import HOST

ANN, BOB = "ann@firm.example", "bob@firm.example"


@contextmanager
def mailbox_on(
    port: int, security: str = "none", host: str = HOST, password: str = PASSWORD
) -> Iterator[ImapMailbox]:
    settings = settings_from("archive", host, port, MASTER, password, {"security": security})
    with closing(ImapMailbox(settings, encode)) as mailbox:
        yield mailbox
