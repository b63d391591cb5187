"""Mailboxes on the emulator of Exchange, and letters that are filed into them until they are there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from include.commsarchive.errors import Retriable
from include.commsarchive.mailbox.base import Encode
from include.commsarchive.mailbox.ews.mailbox import EwsMailbox
from include.commsarchive.mailbox.ews.settings import settings_from
from include.commsarchive.mailbox.exchange import DELIVERY_KEY, PROPERTY_SET
from include.commsarchive.message.mime import encode as to_mime
from include.commsarchive.model import Letter, Outcome
from tests.letters import make_letter
from tests.servers.ews.server import APP, PASSWORD, SERVICE, EwsServer
from tests.servers.faults import Call

ANN, BOB = "ann@firm.example", "bob@firm.example"
LETTERS = [make_letter("x"), make_letter("y"), make_letter("z"), make_letter("x", BOB)]


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


def files(call: Call) -> bool:
    return call.what == "CreateItem"


def copies(server: EwsServer) -> Counter[str]:
    """How many copies there are under each key."""
    items = [item for mailbox in server.store.mailboxes for item in mailbox.items]
    return Counter(str(item.named(PROPERTY_SET, DELIVERY_KEY)) for item in items)


def in_the_end(mailbox: EwsMailbox, letters: Sequence[Letter]) -> dict[str, Outcome]:
    """File letters as ingest does: what is in doubt is looked up, and sent again if it is not there."""
    done: dict[str, Outcome] = {}
    for _ in range(6):
        left = [one for one in letters if one.delivery_key not in done]
        try:
            for letter in left:
                found = mailbox.find(letter.mailbox, letter.folder, [letter.delivery_key])
                done |= {key: Outcome(key, server_id) for key, server_id in found.items()}
            outcomes = mailbox.append([one for one in left if one.delivery_key not in done])
        except Retriable:
            time_goes_by(mailbox)
            continue
        done |= {one.delivery_key: one for one in outcomes if not one.doubt}
        if len(done) == len(letters):
            return done
        time_goes_by(mailbox)
    pytest.fail("the fault does not end")
