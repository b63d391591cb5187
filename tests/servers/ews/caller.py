"""Who calls, as whom, and what of the store that opens."""

from __future__ import annotations

from dataclasses import dataclass

from tests.servers.ews.behaviour import Behaviour
from tests.servers.ews.contents import Folder, Item
from tests.servers.ews.names import Element, M, T, local
from tests.servers.ews.refusals import EwsError, EwsFault
from tests.servers.ews.store import Mailbox, Store
from tests.servers.faults import Fault, Kind


@dataclass(frozen=True)
class Account:
    """Somebody who can log in with a password: ``opens`` are mailboxes of others, ``"*"`` all of them."""

    name: str
    password: str
    impersonates: bool = False
    opens: frozenset[str] = frozenset()


@dataclass(frozen=True)
class App:
    """An application that gets tokens for itself; ``scope`` are the mailboxes it may act as, None for all."""

    client_id: str
    secret: str
    scope: frozenset[str] | None = None


@dataclass
class Caller:
    """One request's view of the server: acts as the owner of ``mailbox``, None where that has none.

    ``fault`` is what goes wrong with its changes.
    """

    store: Store
    behaviour: Behaviour
    mailbox: Mailbox | None
    opens: frozenset[str] = frozenset()
    fault: Fault | None = None

    @property
    def lies(self) -> Kind | None:
        """Whether changes are to be kept not at all or twice."""
        return self.fault.kind if self.fault else None

    def own(self) -> Mailbox:
        """The mailbox acted as.

        Raises:
            EwsFault: there is none.
        """
        if self.mailbox is None:
            raise EwsFault("ErrorNonExistentMailbox")
        return self.mailbox

    def folder(self, element: Element) -> Folder:
        """A folder by a FolderId or DistinguishedFolderId.

        Raises:
            EwsError: there is none, or it is not the caller's to open.
        """
        if local(element) == "FolderId":
            return self._opened(self.store.folder(element.get("Id", "")))
        address = element.findtext(f"{T}Mailbox/{T}EmailAddress")
        mailbox = self._mailbox(address) if address else self.own()
        known = element.get("Id", "")
        if known not in mailbox.distinguished:
            raise EwsError("ErrorFolderNotFound")
        return self._opened(mailbox.distinguished[known])

    def item(self, item_id: str) -> Item:
        """An item by its id.

        Raises:
            EwsError: there is none, or it is not the caller's to open.
        """
        item = self.store.item(item_id)
        self._opened(item.folder)
        return item

    def _mailbox(self, address: str) -> Mailbox:
        try:
            return self.store.open(address)
        except EwsFault as fault:
            raise EwsError(fault.code) from fault

    def _opened(self, folder: Folder) -> Folder:
        mailbox = folder.mailbox
        if mailbox is not self.mailbox and not {"*", mailbox.address} & self.opens:
            raise EwsError("ErrorAccessDenied")
        if mailbox.refuses:
            raise EwsError(mailbox.refuses)
        return folder


def target(caller: Caller, request: Element) -> str:
    """The mailbox that a request is about, for logs and rules of faults; ``""`` where it is about none."""
    store = caller.store
    for one in request.iter(f"{T}FolderId", f"{T}DistinguishedFolderId", f"{T}ItemId", f"{M}ParentItemId"):
        if local(one) == "DistinguishedFolderId":
            address = one.findtext(f"{T}Mailbox/{T}EmailAddress")
            return address or (caller.mailbox.address if caller.mailbox else "")
        found = store.folders.get(one.get("Id", "")) or store.items.get(one.get("Id", ""))
        if found is not None:
            return (found if isinstance(found, Folder) else found.folder).mailbox.address
    return caller.mailbox.address if caller.mailbox else ""


def batch(request: Element) -> int:
    """How many parts a request has."""
    for name in (
        "Items",
        "ItemIds",
        "FolderIds",
        "ParentFolderIds",
        "Folders",
        "Attachments",
        "AttachmentIds",
    ):
        found = request.find(f"{M}{name}")
        if found is not None:
            return len(found)
    return 1
