"""Delivery into emulated Exchanges: ours beside what one would write first, one mailbox and hundreds.

    delivery.py serve KIND MAILBOXES      a server in a process of its own, until its input ends
    delivery.py ours FILE COPIES MODE     `ingest` with a ledger; MODE is first, sample or all (read back)
    delivery.py naive FILE COPIES         exchangelib's `save` one by one; one Graph POST at a time
    delivery.py throttled FILE SECONDS    one mailbox, as much as its budget of bytes allows

FILE is what `serve` printed. A request takes 40 ms and each item in it 3 ms, as facts about real servers say.
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
from include.commsarchive.stages.shards import Place
from tests.letters import make_run
from tests.servers.ews.server import PASSWORD, SERVICE, Behaviour, EwsServer
from tests.servers.graph.server import GraphServer
from tests.servers.graph.tokens import CLIENT_ID, CLIENT_SECRET, TENANT

REQUEST, ITEM = 0.040, 0.003
"""Seconds."""
FOLDER = "InstantBloomberg"
TEXT = 6_000
"""Characters of the text of a mail; its HTML has twice as many."""
BUDGET, WINDOW = 5_000_000, 10.0
"""Bytes of upload in so many seconds, instead of Graph's 150 MB in 300: the same rate for each window."""


def people(number: int) -> list[str]:
    """Addresses of the mailboxes."""
    return [f"person{one:03}@firm.example" for one in range(number)]


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


def serve(kind: str, mailboxes: str) -> None:
    """Serve until the input ends."""
    owners = people(int(mailboxes))
    if kind == "msgraph":
        with GraphServer(latency=REQUEST, work=ITEM) as graph:
            graph.store.add_users(owners)
            graph.limits.upload, graph.limits.upload_window = BUDGET * len(owners) * 1000, WINDOW
            if len(owners) == 1:
                graph.limits.upload = BUDGET
            trust = {"authority": graph.authority, "tenant_id": TENANT, "verify": str(graph.certificate)}
            more = {"concurrency": 64, "token_endpoint": graph.token_endpoint}
            _tell(kind, owners, graph.url, CLIENT_ID, CLIENT_SECRET, trust | more)
        return
    behaviour = Behaviour(latency=REQUEST, item_latency=ITEM)
    with EwsServer(owners, behaviour=behaviour, validate=False) as ews:
        _tell(kind, owners, ews.url, SERVICE.name, PASSWORD, {"auth": "basic", "max_connections": 8})


def _tell(kind: str, owners: list[str], host: str, login: str, password: str, extra: dict[str, Any]) -> None:
    said = {"kind": kind, "host": host, "login": login, "password": password, "extra": extra}
    print(json.dumps({"connection": {"name": "bench", **said}, "owners": owners}), flush=True)
    sys.stdin.read()


def ours(told: dict[str, Any], copies: str, read_back: str) -> dict[str, Any]:
    """File copies as the product does."""
    owners, number = told["owners"], int(copies)
    mailbox = open_mailbox(Connection(**told["connection"]))
    start = time.perf_counter()
    made = _ingest(mailbox, owners, number, read_back)
    seconds = time.perf_counter() - start
    mailbox.close()
    return {"amount": made, "seconds": seconds}


def _ingest(mailbox: Mailbox, owners: list[str], copies: int, read_back: Any) -> int:
    with tempfile.TemporaryDirectory() as scratch, connect(f"sqlite:///{scratch}/ledger.db") as ledger:
        ledger.open_run(make_run("bench"))
        return ingest(
            lambda only: letters(copies, owners, only),
            ledger=ledger,
            mailbox=mailbox,
            run_id="bench",
            on_failed=print,
            manner=Manner(read_back),
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


def throttled(told: dict[str, Any], seconds: str) -> dict[str, Any]:
    """File into one mailbox for so long; say how much of its budget of bytes was used."""
    mailbox = open_mailbox(Connection(**told["connection"]))
    assert isinstance(mailbox, GraphMailbox)
    budget = Budget(upload=BUDGET, upload_seconds=WINDOW)
    mailbox._settings = replace(mailbox._settings, budget=budget)  # noqa: SLF001 - no one else needs to
    size = len(mail(0).html)
    copies = int(BUDGET * (1 + int(seconds) / WINDOW) / size)
    start = time.perf_counter()
    made = _ingest(mailbox, told["owners"], copies, "first")
    took = time.perf_counter() - start
    mailbox.close()
    later = made * size - BUDGET  # the first budget is there at once
    return {"amount": made * size, "seconds": took, "share": later / (BUDGET * took / WINDOW)}


def main() -> None:
    """Do what the first argument says."""
    verb, *arguments = sys.argv[1:]
    if verb == "serve":
        serve(*arguments)
        return
    told = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    work: dict[str, Callable[..., dict[str, Any]]] = {"ours": ours, "naive": naive, "throttled": throttled}
    print(json.dumps(work[verb](told, *arguments[1:])))


if __name__ == "__main__":
    main()
