"""What the server keeps: mailboxes, their folders and items. Tests look here to see what was filed.

``store.mailbox("ann@example.com").folder("Inbox/Chats").items`` are items; paths begin at the top of what
people see, and ``Recoverable Items/Purges`` beside it.
"""

from __future__ import annotations

import base64
import itertools
import threading
from dataclasses import dataclass, field

from tests.servers.ews.contents import Folder, Item
from tests.servers.ews.refusals import EwsError, EwsFault

VISIBLE = {
    "inbox": ("Inbox", "IPF.Note"),
    "drafts": ("Drafts", "IPF.Note"),
    "sentitems": ("Sent Items", "IPF.Note"),
    "deleteditems": ("Deleted Items", "IPF.Note"),
    "junkemail": ("Junk Email", "IPF.Note"),
    "outbox": ("Outbox", "IPF.Note"),
    "calendar": ("Calendar", "IPF.Appointment"),
    "contacts": ("Contacts", "IPF.Contact"),
    "tasks": ("Tasks", "IPF.Task"),
    "notes": ("Notes", "IPF.StickyNote"),
    "journal": ("Journal", "IPF.Journal"),
}
RECOVERABLE = {
    "recoverableitemsdeletions": "Deletions",
    "recoverableitemsversions": "Versions",
    "recoverableitemspurges": "Purges",
    "recoverableitemsdiscoveryholds": "DiscoveryHolds",
}
_HIDDEN_ROOT = "Recoverable Items"


@dataclass(eq=False)
class Mailbox:
    """``refuses`` is the code that anything is refused with (``ErrorAccountDisabled``); quota is in bytes."""

    address: str
    name: str
    store: Store
    quota: int | None = None
    refuses: str = ""
    on_hold: bool = False
    folders: dict[str, Folder] = field(default_factory=dict)
    distinguished: dict[str, Folder] = field(default_factory=dict)
    used: int = 0

    def folder(self, path: str) -> Folder:
        """A folder by the names that people see.

        Raises:
            KeyError: there is none.
        """
        with self.store.lock:
            return next((one for one in self.folders.values() if one.path == path), None) or _none(path)

    @property
    def items(self) -> list[Item]:
        """Everything in the mailbox."""
        with self.store.lock:
            return [item for folder in self.folders.values() for item in folder.contents.values()]

    def make(
        self, parent: Folder | None, name: str, folder_class: str = "IPF.Note", known: str = ""
    ) -> Folder:
        """Make a folder; ``known`` is its distinguished id."""
        folder = Folder(self.store.new_id(self, "folder"), name, parent, self, folder_class, known)
        self.folders[folder.id] = self.store.folders[folder.id] = folder
        if parent is not None:
            parent.children.append(folder)
        if known:
            self.distinguished[known] = folder
        return folder

    def add_archive(self) -> None:
        """Give the mailbox an archive mailbox."""
        self._grow("archive", {"deleteditems": VISIBLE["deleteditems"], "inbox": VISIBLE["inbox"]})

    def _grow(self, prefix: str, visible: dict[str, tuple[str, str]]) -> None:
        root = self.make(None, "Root" if not prefix else "In-Place Archive", "", f"{prefix}root")
        top = self.make(root, "Top of Information Store", "IPF.Note", f"{prefix}msgfolderroot")
        for known, (name, folder_class) in visible.items():
            self.make(top, name, folder_class, prefix + known)
        hidden = self.make(root, _HIDDEN_ROOT, "", f"{prefix}recoverableitemsroot")
        for known, name in RECOVERABLE.items():
            self.make(hidden, name, "", prefix + known)


class Store:
    """All mailboxes. Take ``lock`` to look at several things at once."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._mailboxes: dict[str, Mailbox] = {}
        self._numbers = itertools.count(1)
        self.items: dict[str, Item] = {}
        self.folders: dict[str, Folder] = {}

    def add(
        self,
        address: str,
        name: str = "",
        *,
        quota: int | None = None,
        refuses: str = "",
        on_hold: bool = False,
        archive: bool = False,
    ) -> Mailbox:
        """Make a mailbox."""
        with self.lock:
            mailbox = Mailbox(
                address, name or address.partition("@")[0].title(), self, quota, refuses, on_hold
            )
            mailbox._grow("", VISIBLE)
            if archive:
                mailbox.add_archive()
            self._mailboxes[address.casefold()] = mailbox
            return mailbox

    def mailbox(self, address: str) -> Mailbox:
        """A mailbox that is there.

        Raises:
            KeyError: there is none.
        """
        return self._mailboxes[address.casefold()]

    @property
    def mailboxes(self) -> list[Mailbox]:
        with self.lock:
            return list(self._mailboxes.values())

    def open(self, address: str) -> Mailbox:
        """A mailbox for a caller.

        Raises:
            EwsFault: there is none, or it is out of service.
        """
        mailbox = self._mailboxes.get(address.casefold())
        if mailbox is None:
            raise EwsFault("ErrorNonExistentMailbox")
        if mailbox.refuses:
            raise EwsFault(mailbox.refuses)
        return mailbox

    def new_id(self, mailbox: Mailbox, kind: str) -> str:
        """An id as long and odd as Exchange's; case matters in it."""
        raw = f"{kind}\0{mailbox.address}\0{next(self._numbers):012}".encode()
        return "AAMk" + base64.b64encode(raw.rjust(-(-len(raw) // 3) * 3, b"\0")).decode()

    def keep(self, item: Item) -> None:
        """File an item in its folder."""
        self.items[item.id] = item
        item.folder.put(item)
        item.folder.mailbox.used += item.size

    def move(self, item: Item, target: Folder | None) -> None:
        """Move an item, or with no target do away with it."""
        item.folder.take(item)
        if target is not None:
            target.put(item)
            return
        del self.items[item.id]
        item.folder.mailbox.used -= item.size

    def item(self, item_id: str) -> Item:
        """An item by its id.

        Raises:
            EwsError: it is no id, or of nothing that is there.
        """
        if not item_id.startswith("AAMk"):
            raise EwsError("ErrorInvalidIdMalformed")
        if item_id not in self.items:
            raise EwsError("ErrorItemNotFound")
        return self.items[item_id]

    def folder(self, folder_id: str) -> Folder:
        """A folder by its id.

        Raises:
            EwsError: it is no id, or of nothing that is there.
        """
        if not folder_id.startswith("AAMk"):
            raise EwsError("ErrorInvalidIdMalformed")
        if folder_id not in self.folders:
            raise EwsError("ErrorFolderNotFound")
        return self.folders[folder_id]


def _none(path: str) -> Folder:
    raise KeyError(path)
