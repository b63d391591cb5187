"""What the parts of the emulator share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from tests.servers.graph.messages import HONOURS
from tests.servers.graph.store import Folder, Mailbox, Message, Store
from tests.servers.graph.throttle import Limits, Throttle
from tests.servers.graph.tokens import Tokens
from tests.servers.graph.wire import GraphError, Json, Reply, Request

T = TypeVar("T")


@dataclass
class Service:
    """The store and the rules. A test may change ``honours``, ``purges`` and ``limits`` at any time.

    ``honours`` is what of the properties of a create the server takes over. ``purges`` says whether Graph
    knows the folder Purges by its name and lets messages be created there. Its documentation does not say; a
    question of 2018 (microsoft-graph-docs 2927) shows a read by that name that found the folder.
    ``permanent_delete`` says whether messages can be purged at once, which national clouds do not let one do
    (Microsoft's page of it). ``foreign`` lets answers be another maker's (`tests.servers.graph.dialect`).
    """

    clock: Callable[[], float]
    limits: Limits
    store: Store = field(default_factory=Store)
    honours: set[str] = field(default_factory=lambda: set(HONOURS))
    purges: bool = True
    permanent_delete: bool = True
    foreign: bool = False

    def __post_init__(self) -> None:
        self.tokens = Tokens(self.clock)
        self.throttle = Throttle(self.limits, self.clock)

    def allow(self, request: Request, *roles: str) -> None:
        """Let only an application with one of the roles do this.

        Raises:
            GraphError: 403, in the words of Exchange or of the directory.
        """
        app = self.tokens.apps.get(request.app)
        if app is None or not app.roles.intersection(roles):
            if roles[0].startswith("Mail"):
                raise GraphError(
                    403, "ErrorAccessDenied", "Access is denied. Check credentials and try again."
                )
            text = "Insufficient privileges to complete the operation."
            raise GraphError(403, "Authorization_RequestDenied", text)

    def mailbox(self, name: str) -> Mailbox:
        """The mailbox that a request names, if it can be reached now.

        Raises:
            GraphError: no such person, or the mailbox is not to be had.
        """
        user = self.store.user(name)
        if user is None:
            raise GraphError(404, "ErrorInvalidUser", f"The requested user '{name}' is invalid.")
        if user.mailbox is None or not (user.licensed or user.purpose == "shared"):
            raise GraphError(
                404, "MailboxNotEnabledForRESTAPI", "REST API is not yet supported for this mailbox."
            )
        user.mailbox.state.check()
        return user.mailbox

    def page(
        self,
        request: Request,
        found: Sequence[T],
        show: Callable[[T], Json],
        usual: int = 10,
        most: int = 1000,
    ) -> Reply:
        """One page of a list, with the address of the next."""
        skip = request.skip()
        size = min(request.top(usual, most), self.limits.page)
        body: Json = {"value": [show(one) for one in found[skip : skip + size]]}
        if request.query.get("$count", "").lower() == "true":
            body["@odata.count"] = len(found)
        if skip + size < len(found):
            body["@odata.nextLink"] = request.link(skip + size)
        return Reply(200, body)


def no_item() -> GraphError:
    """What Exchange says of an id that it does not have."""
    text = "The specified object was not found in the store."
    return GraphError(404, "ErrorItemNotFound", text)


def room(mailbox: Mailbox, size: int) -> None:
    """Take up room in a mailbox.

    Raises:
        GraphError: it is full: 507, as users of Graph quote; the named fault answers 403, as others do.
    """
    if mailbox.used + size > mailbox.quota:
        raise GraphError(507, "ErrorQuotaExceeded", "Cannot save changes made to an item to store.")
    mailbox.used += math.ceil(size)


def find_message(mailbox: Mailbox, identifier: str) -> tuple[Folder, Message]:
    """A message and its folder, by id."""
    folder = mailbox.places.get(identifier)
    if folder is None or identifier not in folder.messages:
        raise no_item()
    return folder, folder.messages[identifier]
