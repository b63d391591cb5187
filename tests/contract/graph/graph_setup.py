"""Mailboxes on the emulator of Graph, letters with files for them, and what they hold."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace

from include.commsarchive.doors import Connection, open_mailbox
from include.commsarchive.errors import Retriable
from include.commsarchive.mailbox.base import PURGES
from include.commsarchive.mailbox.graph.mailbox import GraphMailbox
from include.commsarchive.mailbox.pace import Budget, Pace
from include.commsarchive.model import Letter, MailPart, Outcome
from tests.contract.mailbox_contract import ANN
from tests.letters import FOLDER
from tests.servers.graph.server import GraphServer
from tests.servers.graph.store import Message
from tests.servers.graph.tokens import CLIENT_ID, CLIENT_SECRET


def connect(server: GraphServer, password: str = CLIENT_SECRET, **extra: object) -> GraphMailbox:
    said = {"authority": server.authority, "verify": str(server.certificate), **extra}
    opened = open_mailbox(Connection("cloud", "msgraph", server.url, None, CLIENT_ID, password, said))
    assert isinstance(opened, GraphMailbox)
    return opened


def held(server: GraphServer, folder: str = FOLDER, address: str = ANN) -> list[Message]:
    path = folder if folder == PURGES else f"Inbox/{folder}".rstrip("/")
    return server.store.mailbox(address).messages(path)


def files(message: Message) -> dict[str, bytes]:
    return {file.name: file.content for file in message.attachments.values()}


def with_files(letter: Letter, *contents: bytes) -> Letter:
    parts = tuple(
        MailPart(f"file{number}.bin", "application/octet-stream", len(content), _opener(content))
        for number, content in enumerate(contents)
    )
    return replace(letter, mail=replace(letter.mail, attachments=parts))


def _opener(content: bytes) -> type[io.BytesIO]:
    return lambda: io.BytesIO(content)  # type: ignore[return-value]


def noise(size: int, seed: int = 0) -> bytes:
    return hashlib.shake_256(bytes([seed])).digest(size)


def wait(mailbox: GraphMailbox) -> None:
    """Let all the time go by that a server asked for."""
    for box in mailbox._boxes.values():
        box.pace = Pace(Budget())


def settle(mailbox: GraphMailbox, letter: Letter, tries: int = 6) -> Outcome:
    """File a letter as ingest does: look up what is in doubt, and send it again only if it is not there."""
    for _ in range(tries):
        [outcome] = mailbox.append([letter])
        if not outcome.doubt:
            return outcome
        for _ in range(tries):
            wait(mailbox)
            try:
                found = mailbox.find(letter.mailbox, letter.folder, [letter.delivery_key])
            except Retriable:
                continue
            break
        if server_id := found.get(letter.delivery_key):
            return replace(outcome, server_id=server_id, doubt="")
    raise AssertionError(outcome)
