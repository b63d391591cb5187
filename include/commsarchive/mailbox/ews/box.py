"""One mailbox on the server, and what can be done to it: every method is one request, or a page at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import TypeVar

from exchangelib import DELEGATE, IMPERSONATION, UTC, Account
from exchangelib.properties import DistinguishedFolderId, EWSElement, FolderId, ItemId, Mailbox
from exchangelib.util import TNS

from include.commsarchive.errors import Fatal
from include.commsarchive.mailbox.ews import operations
from include.commsarchive.mailbox.ews.elements import (
    Content,
    Element,
    Filed,
    Found,
    Named,
    OneOf,
    Stored,
    paths,
)
from include.commsarchive.mailbox.ews.line import Line
from include.commsarchive.mailbox.ews.operations import Once
from include.commsarchive.mailbox.ews.settings import Access
from include.commsarchive.mailbox.ews.verdict import GARBLED, Trouble

PAGE = 500
"""Copies asked for in one page of a search; EWSFindCountLimit may give fewer."""

Read = TypeVar("Read", bound=EWSElement)


class Box(Account):
    """A mailbox as exchangelib's operations see it.

    All methods raise `Trouble` when the server says no, or nothing that can be understood, and `Fatal`
    when it refuses us.
    """

    def __init__(self, address: str, line: Line) -> None:
        """Open it the way the settings say; nothing is asked of the server yet."""
        impersonates = line.settings.access is Access.IMPERSONATION
        super().__init__(
            address,
            access_type=IMPERSONATION if impersonates else DELEGATE,
            config=line.config,
            locale="en_US",
            default_timezone=UTC,
        )
        self.line = line
        self.room = threading.BoundedSemaphore(line.settings.max_connections)

    def known(self, name: str) -> DistinguishedFolderId:
        """Name a folder that every mailbox has (``inbox``)."""
        return DistinguishedFolderId(id=name, mailbox=Mailbox(email_address=self.primary_smtp_address))

    def probe(self) -> None:
        """Look at the Inbox: does the mailbox exist, and may we open it?"""
        service = operations.GetFolder(account=self)
        _only(service, service.ask(1, folders=[self.known("inbox")], additional_fields=None, shape="IdOnly"))

    def child(self, parent: FolderId, name: str) -> FolderId | None:
        """Look a folder up by its name, None where there is none."""
        service = operations.FindFolder(account=self)
        what = {"additional_fields": None, "shape": "Default", "depth": "Shallow"}
        for page in self._pages(service, folders=[parent], restriction=Named(name), **what):
            for folder in page.iterfind(f"{{{TNS}}}Folders/*"):
                called = folder.findtext(f"{{{TNS}}}DisplayName", "")  # not every server restricts
                found = folder.find(f"{{{TNS}}}FolderId")
                if found is not None and called.casefold() == name.casefold():
                    return _folder_id(found)
        return None

    def make(self, parent: FolderId, name: str) -> FolderId:
        """Make a folder."""
        service = operations.CreateFolder(account=self)
        made = _only(service, service.ask(1, name=name, parent=parent)).find(f"{{{TNS}}}FolderId")
        if made is None:
            raise Trouble(doubt=GARBLED, code="no folder id")
        return _folder_id(made)

    def file(self, folder: FolderId, copies: Sequence[Filed]) -> tuple[list[str | Trouble], str]:
        """Save copies: the id of each one, or why it has none; and the request's id."""
        service = operations.CreateItem(account=self)
        parts = service.ask(len(copies), copies=copies, folder=folder)
        return [part if isinstance(part, Trouble) else _item_id(part) for part in parts], service.request_id

    def search(self, folder: FolderId, keys: Sequence[str]) -> Iterator[Found]:
        """Find copies by their delivery keys."""
        service = operations.FindItem(account=self)
        what = {"order_fields": None, "query_string": None, "calendar_view": None, "depth": "Shallow"}
        fields = {"additional_fields": paths(Found), "shape": "IdOnly"}
        for page in self._pages(service, folders=[folder], restriction=OneOf(keys), **what, **fields):
            for item in page.findall(f"{{{TNS}}}Items/*"):
                found = Found.from_xml(item, self)
                if found.delivery_key is None:
                    raise Fatal(
                        f"{self.line.settings.place}: finds copies, but does not say by which keys, without "
                        "which nothing is filed exactly once"
                    )
                yield found

    def stored(self, server_ids: Sequence[str]) -> list[Stored | Trouble]:
        """Read what is kept of copies, but for their content."""
        return self._read(server_ids, Stored)

    def contents(self, server_ids: Sequence[str]) -> list[Content | Trouble]:
        """Read the content of copies. All of it is in memory at once."""
        return self._read(server_ids, Content)

    def remove(self, server_ids: Sequence[str]) -> list[bool]:
        """Remove copies; say of each one whether it was removed."""
        service = operations.DeleteItem(account=self)
        parts = service.ask(len(server_ids), items=[ItemId(id=one) for one in server_ids])
        return [not isinstance(part, Trouble) for part in parts]

    def _read(self, server_ids: Sequence[str], kind: type[Read]) -> list[Read | Trouble]:
        service = operations.GetItem(account=self)
        parts = service.ask(
            len(server_ids),
            items=[ItemId(id=one) for one in server_ids],
            additional_fields=paths(kind),
            shape="IdOnly",
        )
        return [part if isinstance(part, Trouble) else kind.from_xml(part, self) for part in parts]

    def _pages(self, service: Once, **what: object) -> Iterator[Element]:
        """Turn the pages of a search; the server may put less on one than it was asked for."""
        offset = 0
        while True:
            page = _only(service, service.ask(1, page_size=PAGE, offset=offset, **what))
            yield page
            following = page.get("IndexedPagingOffset", "")
            further = following.isdecimal() and int(following) > offset
            last = page.get("IncludesLastItemInRange")  # optional, as are the other attributes
            if last in {"true", "1"} or page.get("TotalItemsInView") == "0" or (last is None and not further):
                return
            if not further:
                raise Trouble(doubt=GARBLED, code="pages without end")
            offset = int(following)


def _only(service: Once, parts: list[operations.Part]) -> Element:
    """Take the one part of an answer."""
    [part] = parts
    if isinstance(part, Trouble):
        part.request_id = service.request_id
        raise part
    return part


def _folder_id(element: Element) -> FolderId:
    return FolderId(id=element.get("Id"), changekey=element.get("ChangeKey"))


def _item_id(element: Element) -> str | Trouble:
    found = None if element is True else element.find(f"{{{TNS}}}ItemId")
    return Trouble(doubt=GARBLED, code="no item id") if found is None else str(found.get("Id"))
