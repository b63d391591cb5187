"""The ids of folders: looked up, made when missing, and kept."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote

from include.commsarchive.mailbox.base import INBOX, PURGES
from include.commsarchive.mailbox.graph.answers import Answer, No
from include.commsarchive.mailbox.graph.box import Box
from include.commsarchive.mailbox.graph.letter import to_bytes
from include.commsarchive.mailbox.graph.wire import Wire

WELL_KNOWN = {INBOX: "inbox", PURGES: "recoverableitemspurges"}
"""Folders that Graph knows by a name of its own."""

_NO_ID = "ErrorInvalidIdMalformed"


def is_gone(answer: Answer) -> bool:
    """Say whether an answer means that what was named by its id is not there."""
    return answer.status == HTTPStatus.NOT_FOUND or answer.code == _NO_ID


class Folders:
    """Finds folders below somebody's place in Graph (``/users/…``)."""

    def __init__(self, wire: Wire) -> None:
        """Start knowing none."""
        self._wire = wire

    async def find(self, box: Box, place: str, folder: str) -> str:
        """Give the path of a folder, ``""`` when it is not there.

        Raises:
            No: its mailbox does not say.
            Doubt: there is no clear answer.
        """
        return await self._reach(box, place, folder, make=False)

    async def ensure(self, box: Box, place: str, folder: str) -> str:
        """Give the path of a folder, which is made if need be. Two workers at once make one.

        Raises:
            No: it cannot be made.
            Doubt: there is no clear answer.
        """
        return await self._reach(box, place, folder, make=True)

    def forget(self, box: Box) -> None:
        """Look all folders up again: one was not where it was."""
        box.folders.clear()

    async def _reach(self, box: Box, place: str, folder: str, *, make: bool) -> str:
        if folder in WELL_KNOWN:
            return f"{place}/mailFolders/{WELL_KNOWN[folder]}"
        async with box.lock:
            parent, walked = "inbox", ""
            for name in folder.split("/"):
                walked = f"{walked}/{name}".casefold()
                if walked not in box.folders:
                    found = await self._child(
                        box, f"{place}/mailFolders/{parent}/childFolders", name, make=make
                    )
                    if not found:
                        return ""
                    box.folders[walked] = quote(found, safe="")
                parent = box.folders[walked]
            return f"{place}/mailFolders/{parent}"

    async def _child(self, box: Box, children: str, name: str, *, make: bool) -> str:
        if (found := await self._named(box, children, name)) or not make:
            return found
        answer = await self._wire.send(box, "POST", children, to_bytes({"displayName": name}))
        if answer.ok:
            return answer.text("id")
        if answer.status == HTTPStatus.CONFLICT and (found := await self._named(box, children, name)):
            return found
        raise No(answer)

    async def _named(self, box: Box, children: str, name: str) -> str:
        text = name.replace("'", "''")
        query = {"$filter": f"displayName eq '{text}'", "$select": "id,displayName"}
        found = await self._wire.pages(box, children, query)
        if isinstance(found, Answer):
            if is_gone(found):
                self.forget(box)
                return ""
            raise No(found)
        same = [one for one in found if str(one.get("displayName")).casefold() == name.casefold()]
        return str(same[0].get("id") or "") if same else ""
