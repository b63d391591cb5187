"""The emulated servers that sweeps file into, as they count what they hold."""

from __future__ import annotations

from collections import Counter
from typing import Self

from include.commsarchive.doors import Connection
from include.commsarchive.mailbox.exchange import DELIVERY_KEY, PROPERTY_SET
from tests.servers.ews.server import PASSWORD, SERVICE, EwsServer
from tests.servers.faults import Faults
from tests.servers.graph.server import GraphServer
from tests.servers.graph.tokens import CLIENT_ID, CLIENT_SECRET, TENANT
from tests.system.exchange_world import DESTINATION, OWNERS

BROKEN = "broken"
FOLDER = "Inbox/InstantBloomberg"
_GRAPH_KEY = f"String {{{PROPERTY_SET}}} Name {DELIVERY_KEY}"


class GraphRig:
    """Exchange Online."""

    def __init__(self) -> None:
        self.server = GraphServer()

    def __enter__(self) -> Self:
        self.server.__enter__()
        self.server.store.add_users(OWNERS)
        return self

    def __exit__(self, *error: object) -> None:
        self.server.__exit__(None, None, None)

    @property
    def faults(self) -> Faults:
        return self.server.faults

    @property
    def connection(self) -> Connection:
        extra = {
            "authority": self.server.authority,
            "tenant_id": TENANT,
            "verify": str(self.server.certificate),
        }
        return Connection(DESTINATION, "msgraph", self.server.url, None, CLIENT_ID, CLIENT_SECRET, extra)

    def copies(self) -> Counter[str]:
        with self.server.store.lock:
            messages = [one for box in self.server.store.mailboxes() for one in box.messages(FOLDER)]
            return Counter(
                _name(one.property(_GRAPH_KEY), draft=one.fields["isDraft"], read=one.fields["isRead"])
                for one in messages
            )


class EwsRig:
    """Exchange Server."""

    def __init__(self) -> None:
        self.server = EwsServer(OWNERS, validate=False)

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.__exit__(None, None, None)

    @property
    def faults(self) -> Faults:
        return self.server.faults

    @property
    def connection(self) -> Connection:
        return Connection(
            DESTINATION, "ews", self.server.url, None, SERVICE.name, PASSWORD, {"auth": "basic"}
        )

    def copies(self) -> Counter[str]:
        items = [item for owner in OWNERS for item in self.server.store.mailbox(owner).items]
        return Counter(
            _name(item.named(PROPERTY_SET, DELIVERY_KEY), draft=item.is_draft, read=item.is_read)
            for item in items
            if item.folder.path == FOLDER
        )


def _name(key: object, *, draft: bool, read: bool) -> str:
    return str(key) if key and read and not draft else BROKEN
