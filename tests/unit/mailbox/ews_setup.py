"""Mailboxes on the emulator of Exchange, opened by a service account or an application."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from include.commsarchive.mailbox.base import Encode
from include.commsarchive.mailbox.ews.mailbox import EwsMailbox
from include.commsarchive.mailbox.ews.settings import settings_from
from include.commsarchive.message.mime import encode as to_mime
from tests.servers.ews.server import APP, PASSWORD, SERVICE, EwsServer

ANN, BOB = "ann@firm.example", "bob@firm.example"


@contextmanager
def mailbox_on(
    server: EwsServer,
    login: str = SERVICE.name,
    password: str = PASSWORD,
    *,
    encode: Encode = to_mime,
    **extra: Any,
) -> Iterator[EwsMailbox]:
    mailbox = EwsMailbox(settings_from(server.url, None, login, password, {"auth": "basic"} | extra), encode)
    try:
        yield mailbox
    finally:
        mailbox.close()


@contextmanager
def application_on(server: EwsServer, secret: str = APP.secret) -> Iterator[EwsMailbox]:
    with mailbox_on(server, APP.client_id, secret, auth="oauth", token_url=server.token_url) as mailbox:
        yield mailbox


def time_goes_by(mailbox: EwsMailbox) -> None:
    """Let all waits be over."""
    mailbox._waits._until.clear()
