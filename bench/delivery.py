"""Delivery into emulated Exchanges: ours beside what one would write first, one mailbox and hundreds.

    delivery.py ours FILE COPIES MODE     `ingest` with a ledger; MODE is first, sample or all (read back)
    delivery.py naive FILE COPIES         exchangelib's `save` one by one; one Graph POST at a time
    delivery.py throttled FILE WINDOWS    one mailbox, as much as its budget of bytes allows

FILE is what `exchange_server.py` printed.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import requests
from exchangelib import IMPERSONATION, Account, Configuration, Credentials, Message

from bench.budget import BUDGET, WINDOW
from include.commsarchive.doors import Connection, open_mailbox
from include.commsarchive.ids import delivery_key, digest
from include.commsarchive.ledger.base import Delivery
from include.commsarchive.ledger.sql import connect
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.mailbox.graph.mailbox import GraphMailbox
from include.commsarchive.mailbox.pace import Budget
from include.commsarchive.message.mime import encode
from include.commsarchive.model import Address, Letter, Mail
from include.commsarchive.stages.ingest import Manner, Sending, ingest
from include.commsarchive.stages.read_back import ReadBack
from include.commsarchive.stages.shards import Place
from include.commsarchive.stages.waiting import Patience
from tests.letters import make_run

FOLDER = "InstantBloomberg"
TEXT = 6_000
"""Characters of the text of a mail; its HTML has twice as many."""


def mail(number: int) -> Mail:
    """Make one mail."""
    sender = Address("Ann Archer", "ann@firm.example")
    line = f"number {number}: can you show me a two way in ten million of the five year, please? "
    text = line * (TEXT // len(line))
    return Mail(
        message_id=f"{digest(str(number))}@commsarchive.invalid",
        sender=sender,
        to=(sender, Address("Bob Baker", "bob@client.example")),
        cc=(),
        bcc=(),
        subject=f"Conversation {number}",
        at=1_710_150_000_000 + number * 1000,
        references=(),
        headers=(("X-Commsarchive-Source", "bench"),),
        text=text,
        html=f"<html><body><p>{text}</p><p>{text}</p></body></html>",
        attachments=(),
    )


def letters(copies: int, owners: list[str], only: Collection[str] | None = None) -> Iterator[Sending]:
    """Give copies, mailbox after mailbox, as conversations come."""
    for number in range(copies):
        owner = owners[number % len(owners)]
        if only is None or owner in only:
            key, revision = digest("bench", str(number)), "r" * 32
            name = delivery_key(key, revision, "bench", owner, FOLDER)
            delivery = Delivery(name, key, revision, "bench", owner, FOLDER)
            yield Sending(delivery, Letter(name, owner, FOLDER, mail(number)), Place("", 0, 0))


def ours(told: dict[str, Any], copies: str, read_back: ReadBack) -> dict[str, Any]:
    """File copies as the product does."""
    owners, number = told["owners"], int(copies)
    mailbox = open_mailbox(Connection(**told["connection"]))
    start = time.perf_counter()
    made = _ingest(mailbox, owners, number, Manner(read_back))
    seconds = time.perf_counter() - start
    mailbox.close()
    return {"amount": made, "seconds": seconds}


def _ingest(mailbox: Mailbox, owners: list[str], copies: int, manner: Manner) -> int:
    with tempfile.TemporaryDirectory() as scratch, connect(f"sqlite:///{scratch}/ledger.db") as ledger:
        ledger.open_run(make_run("bench"))
        return ingest(
            lambda only: letters(copies, owners, only),
            ledger=ledger,
            mailbox=mailbox,
            run_id="bench",
            on_failed=print,
            manner=manner,
        ).made


def naive(told: dict[str, Any], copies: str) -> dict[str, Any]:
    """File copies one after the other, as one would at first."""
    owners, found = told["owners"], Connection(**told["connection"])
    file = _naive_graph(found) if found.kind == "msgraph" else _naive_ews(found)
    start = time.perf_counter()
    for number in range(int(copies)):
        file(owners[number % len(owners)], mail(number))
    return {"amount": int(copies), "seconds": time.perf_counter() - start}


def _naive_graph(found: Connection) -> Any:
    session = requests.Session()
    asked = {
        "grant_type": "client_credentials",
        "client_id": found.login,
        "client_secret": found.password,
        "scope": "https://graph.microsoft.com/.default",
    }
    token = session.post(found.extra["token_endpoint"], data=asked).json()["access_token"]
    session.headers["Authorization"] = f"Bearer {token}"

    def file(owner: str, one: Mail) -> None:
        body: Any = {
            "subject": one.subject,
            "body": {"contentType": "html", "content": one.html},
            "toRecipients": [{"emailAddress": {"address": to.email, "name": to.name}} for to in one.to],
            "singleValueExtendedProperties": [{"id": "Integer 0x0E07", "value": "1"}],
        }
        answer = session.post(f"{found.host}/v1.0/users/{owner}/mailFolders/inbox/messages", json=body)
        answer.raise_for_status()

    return file


def _naive_ews(found: Connection) -> Any:
    config = Configuration(
        service_endpoint=found.host, credentials=Credentials(found.login, found.password), auth_type="basic"
    )
    accounts: dict[str, Account] = {}

    def file(owner: str, one: Mail) -> None:
        if owner not in accounts:
            accounts[owner] = Account(owner, config=config, autodiscover=False, access_type=IMPERSONATION)
        account = accounts[owner]
        Message(folder=account.inbox, mime_content=b"".join(encode(one)), is_read=True).save()

    return file


def throttled(told: dict[str, Any], windows: str) -> dict[str, Any]:
    """File so many budgets of bytes into one mailbox after the first; say what share of them was used."""
    mailbox = open_mailbox(Connection(**told["connection"]))
    assert isinstance(mailbox, GraphMailbox)
    budget = Budget(upload=BUDGET, upload_seconds=WINDOW)
    mailbox._settings = replace(mailbox._settings, budget=budget)  # noqa: SLF001 - no one else needs to
    size = copies = 0
    while size < BUDGET * (0.99 + int(windows)):  # the last one must not wait for a window of its own
        size += len(mailbox._filing._body(mail(copies), "0" * 32, ()))  # noqa: SLF001 - the bytes that count
        copies += 1
    waits: list[float] = []

    def sleep(pause: float) -> None:
        waits.append(time.perf_counter())
        time.sleep(pause)

    _ingest(mailbox, told["owners"], copies, Manner("first", Patience(sleep=sleep)))
    later = time.perf_counter() - waits[0]  # when the first budget was used up
    mailbox.close()
    return {"amount": size, "seconds": later, "share": (size / BUDGET - 1) * WINDOW / later}


def main() -> None:
    """Do what the first argument says."""
    verb, *arguments = sys.argv[1:]
    told = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    work: dict[str, Callable[..., dict[str, Any]]] = {"ours": ours, "naive": naive, "throttled": throttled}
    print(json.dumps(work[verb](told, *arguments[1:])))


if __name__ == "__main__":
    main()
