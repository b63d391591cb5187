"""An emulated Exchange in a process of its own: `exchange_server.py KIND MAILBOXES`, until its input ends.

It prints how to reach it. A request takes 40 ms and each item in it 3 ms, as facts about real servers say.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from bench.budget import BUDGET, WINDOW
from tests.servers.ews.server import PASSWORD, SERVICE, Behaviour, EwsServer
from tests.servers.graph.server import GraphServer
from tests.servers.graph.tokens import CLIENT_ID, CLIENT_SECRET, TENANT

REQUEST, ITEM = 0.040, 0.003
"""Seconds."""


def people(number: int) -> list[str]:
    """Addresses of the mailboxes."""
    return [f"person{one:03}@firm.example" for one in range(number)]


def _graph(owners: list[str]) -> None:
    with GraphServer(latency=REQUEST, work=ITEM) as server:
        server.store.add_users(owners)
        server.limits.upload, server.limits.upload_window = BUDGET, WINDOW
        extra = {"authority": server.authority, "tenant_id": TENANT, "verify": str(server.certificate)}
        more = {"concurrency": 64, "token_endpoint": server.token_endpoint}
        _tell(owners, "msgraph", server.url, CLIENT_ID, CLIENT_SECRET, extra | more)


def _ews(owners: list[str]) -> None:
    behaviour = Behaviour(latency=REQUEST, item_latency=ITEM)
    with EwsServer(owners, behaviour=behaviour, validate=False) as server:
        _tell(owners, "ews", server.url, SERVICE.name, PASSWORD, {"auth": "basic", "max_connections": 8})


def _tell(owners: list[str], kind: str, host: str, login: str, password: str, extra: dict[str, Any]) -> None:
    said = {"name": "bench", "kind": kind, "host": host, "login": login, "password": password, "extra": extra}
    print(json.dumps({"connection": said, "owners": owners}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    {"msgraph": _graph, "ews": _ews}[sys.argv[1]](people(int(sys.argv[2])))
