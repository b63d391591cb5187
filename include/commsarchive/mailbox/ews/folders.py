"""Folders by their names, looked up or made once."""

from __future__ import annotations

import threading

from exchangelib.properties import FolderId

from include.commsarchive.mailbox.base import INBOX, PURGES
from include.commsarchive.mailbox.ews.box import Box
from include.commsarchive.mailbox.ews.verdict import REFUSED, Trouble

_KNOWN = {INBOX: "inbox", PURGES: "recoverableitemspurges"}
_EXISTS = "ErrorFolderExists"


class Folders:
    """Remembers the folders of all mailboxes. Threads may share it."""

    def __init__(self) -> None:
        """Start knowing none."""
        self._ids: dict[tuple[str, str], FolderId] = {}
        self._locks: dict[tuple[str, str], threading.Lock] = {}

    def find(self, box: Box, folder: str, *, create: bool = False) -> FolderId | None:
        """Give a folder, None where it is not there and not to be made.

        Raises:
            Trouble: the server cannot or will not tell, or make it.
            Fatal: the server refuses us.
        """
        if folder in _KNOWN:
            return box.known(_KNOWN[folder])
        place = _place(box, folder)
        with self._locks.setdefault(place, threading.Lock()):  # ours do not race each other
            here = self._ids.get(place) or self._walk(box, folder, create=create)
            if here is not None:
                self._ids[place] = here
        return here

    def forget(self, box: Box, folder: str) -> None:
        """Take note that a folder may no longer be there."""
        self._ids.pop(_place(box, folder), None)

    def _walk(self, box: Box, folder: str, *, create: bool) -> FolderId | None:
        here: FolderId = box.known("inbox")
        for name in filter(None, folder.split("/")):
            below = box.child(here, name)
            if below is None and create:
                below = _make(box, here, name)
            if below is None:
                return None
            here = below
        return here


def _make(box: Box, parent: FolderId, name: str) -> FolderId:
    """Make a folder, or take the one that somebody else has made in the meantime."""
    try:
        return box.make(parent, name)
    except Trouble as trouble:
        if trouble.code != _EXISTS:
            raise
    made = box.child(parent, name)
    if made is None:
        raise Trouble(reason=REFUSED, code=_EXISTS)
    return made


def _place(box: Box, folder: str) -> tuple[str, str]:
    return box.primary_smtp_address.casefold(), folder
