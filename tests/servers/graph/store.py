"""What the emulator keeps: people and groups, mailboxes, folders, messages. Tests look here for the truth."""

from __future__ import annotations

import base64
import itertools
import threading
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.servers.graph.properties import canonical
from tests.servers.graph.wire import GraphError, Json

WELL_KNOWN = {
    "inbox": "Inbox",
    "drafts": "Drafts",
    "sentitems": "Sent Items",
    "deleteditems": "Deleted Items",
    "outbox": "Outbox",
    "junkemail": "Junk Email",
    "archive": "Archive",
}
TOP = "Top of Information Store"
ROOT, RECOVERABLE = "msgfolderroot", "recoverableitemsroot"
DELETIONS, PURGES = "recoverableitemsdeletions", "recoverableitemspurges"


class State(Enum):
    """What a mailbox can be like: its status, code and message as Graph answers.

    Where the texts come from: questions of Graph's users that quote them, but for those of a mailbox that is
    being moved, which Graph's documentation does not show; there the code is that of EWS.
    """

    FINE = (200, "", "")
    NONE = (404, "MailboxNotEnabledForRESTAPI", "REST API is not yet supported for this mailbox.")
    INACTIVE = (
        404,
        "MailboxNotEnabledForRESTAPI",
        "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
    )
    UNDISCOVERED = (404, "ResourceNotFound", "Resource could not be discovered.")
    EXCLUDED = (403, "ErrorAccessDenied", "Access to OData is disabled.")
    DENIED = (403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
    MOVING = (503, "ErrorMailboxMoveInProgress", "Mailbox move in progress. Try again later.")
    STORE_DOWN = (503, "ErrorMailboxStoreUnavailable", "The mailbox database is temporarily unavailable.")

    def check(self) -> None:
        """Raise what a request to such a mailbox gets."""
        if self is not State.FINE:
            raise GraphError(*self.value)


@dataclass
class User:
    """A person of the directory, or a shared mailbox; ``mailbox`` is None where there never was one."""

    id: str
    principal_name: str
    mail: str | None
    display_name: str
    addresses: list[str]
    enabled: bool = True
    licensed: bool = True
    purpose: str = "user"
    mailbox: Mailbox | None = None


@dataclass
class Group:
    """A group of people and, perhaps, of groups."""

    id: str
    display_name: str
    mail: str
    members: list[User | Group]


@dataclass
class Attachment:
    """A file of a message."""

    id: str
    name: str
    content_type: str
    content: bytes
    inline: bool = False
    content_id: str | None = None


@dataclass
class Message:
    """A message as it is kept. ``fields`` are those of Graph's JSON but for attachments and properties."""

    id: str
    fields: Json
    properties: dict[str, str]
    attachments: dict[str, Attachment] = field(default_factory=dict)

    def property(self, identifier: str) -> str | None:
        """The value of an extended property, by any spelling of its id."""
        return self.properties.get(canonical(identifier))


@dataclass
class Folder:
    """A folder. Children are found by their names without case, messages by their properties too."""

    id: str
    name: str
    parent: Folder | None
    hidden: bool = False
    children: dict[str, Folder] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    index: dict[tuple[str, str], dict[str, Message]] = field(default_factory=dict)

    def add(self, message: Message) -> None:
        """Put a message in."""
        self.messages[message.id] = message
        message.fields["parentFolderId"] = self.id
        for name, value in message.properties.items():
            self.index.setdefault((name, value.lower()), {})[message.id] = message

    def remove(self, message: Message) -> None:
        """Take a message out."""
        del self.messages[message.id]
        for name, value in message.properties.items():
            del self.index[name, value.lower()][message.id]


@dataclass
class Mailbox:
    """A mailbox. ``quota`` and ``used`` are in bytes; ``state`` may be changed at any time."""

    address: str
    folders: dict[str, Folder] = field(default_factory=dict)
    known: dict[str, Folder] = field(default_factory=dict)
    places: dict[str, Folder] = field(default_factory=dict)
    state: State = State.FINE
    quota: float = float("inf")
    used: int = 0

    def at(self, path: str) -> Folder | None:
        """The folder at a path of names (``Inbox/Chat``, ``Recoverable Items/Purges``)."""
        first, *rest = path.split("/")
        keys = {name.lower(): key for key, name in WELL_KNOWN.items()} | {"recoverable items": RECOVERABLE}
        found = self.known.get(keys.get(first.lower(), first.lower()))
        for name in rest:
            found = found.children.get(name.lower()) if found else None
        return found

    def messages(self, path: str | None = None) -> list[Message]:
        """The messages of one folder, or of all."""
        if path is not None:
            folder = self.at(path)
            return list(folder.messages.values()) if folder else []
        return [message for folder in list(self.folders.values()) for message in folder.messages.values()]

    def paths(self) -> dict[str, int]:
        """How many messages there are in each folder that has some, by path."""
        return {_path(one): len(one.messages) for one in list(self.folders.values()) if one.messages}


def _path(folder: Folder) -> str:
    above = folder.parent
    return folder.name if above is None or above.name == TOP else f"{_path(above)}/{folder.name}"


class Store:
    """Everything that is kept. Hold `lock` to look at several things at one moment."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.users: dict[str, User] = {}
        self.groups: dict[str, Group] = {}
        self._by_name: dict[str, User] = {}
        self._addresses: dict[str, User] = {}
        self._numbers = itertools.count(1)
        self.id_signs = ""

    def add_user(self, address: str, *, name: str = "", principal_name: str = "", **more: Any) -> User:
        """Add a person with a mailbox; ``more`` are fields of `User`, and ``aliases``."""
        with self.lock:
            principal_name = principal_name or address
            ids = str(uuid.uuid5(uuid.NAMESPACE_DNS, principal_name.lower()))
            addresses = [f"SMTP:{address}", *(f"smtp:{one}" for one in more.pop("aliases", ()))]
            user = User(ids, principal_name, address, name or address, addresses, **more)
            user.mailbox = user.mailbox or self._new_mailbox(address)
            self.users[user.id] = user
            self._by_name.update({user.id: user, principal_name.lower(): user})
            self._addresses.update({one[5:].lower(): user for one in addresses})
            return user

    def add_users(self, addresses: Sequence[str]) -> None:
        """Add many people."""
        for address in addresses:
            self.add_user(address)

    def add_group(self, name: str, members: Sequence[User | Group], mail: str = "") -> Group:
        """Add a group."""
        with self.lock:
            group = Group(str(uuid.uuid5(uuid.NAMESPACE_URL, name)), name, mail, list(members))
            self.groups[group.id] = group
            return group

    def user(self, name: str) -> User | None:
        """A user by id or user principal name: Graph's documentation knows no other way."""
        return self._by_name.get(name.lower())

    def known_as(self, address: str) -> User | None:
        """A user by any address."""
        return self._addresses.get(address.lower())

    def mailbox(self, address: str) -> Mailbox:
        """The mailbox of an address, for a test."""
        user = self.known_as(address) or self.user(address)
        assert user is not None, f"no user {address}"
        assert user.mailbox is not None, f"{address} has no mailbox"
        return user.mailbox

    def mailboxes(self) -> Iterator[Mailbox]:
        """All mailboxes."""
        return (user.mailbox for user in list(self.users.values()) if user.mailbox)

    def count(self) -> int:
        """How many messages there are in all folders of all mailboxes."""
        return sum(sum(mailbox.paths().values()) for mailbox in self.mailboxes())

    def new_id(self, kind: str) -> str:
        """An id of the shape of Exchange's: long, with signs that a URL must escape."""
        number = next(self._numbers)
        packed = base64.urlsafe_b64encode(f"{kind}/{number:012d}?>".encode()).decode()
        return f"AAMkADk{'aZ0-_'[number % 5]}{packed}{'=' if packed[-1] != '=' else ''}{self.id_signs}"

    def add_folder(
        self, mailbox: Mailbox, parent: Folder | None, name: str, *, hidden: bool = False
    ) -> Folder:
        """Make a folder.

        Raises:
            GraphError: there is one of this name.
        """
        with self.lock:
            if parent is not None and name.lower() in parent.children:
                text = "A folder with the specified name already exists."
                raise GraphError(409, "ErrorFolderExists", text)
            folder = Folder(self.new_id("folder"), name, parent, hidden)
            mailbox.folders[folder.id] = folder
            if parent is not None:
                parent.children[name.lower()] = folder
            return folder

    def _new_mailbox(self, address: str) -> Mailbox:
        mailbox = Mailbox(address)
        root = mailbox.known[ROOT] = self.add_folder(mailbox, None, TOP)
        for key, name in WELL_KNOWN.items():
            mailbox.known[key] = self.add_folder(mailbox, root, name)
        dumpster = mailbox.known[RECOVERABLE] = self.add_folder(
            mailbox, None, "Recoverable Items", hidden=True
        )
        for key, name in ((DELETIONS, "Deletions"), (PURGES, "Purges")):
            mailbox.known[key] = self.add_folder(mailbox, dumpster, name, hidden=True)
        return mailbox
