"""Finds the files of messages: their bytes are not in the events, whoever collects them lays them beside.

Members are named by message and file id, as ``<messageId>/<fileId>/<name>``; the file's id alone, or name and
size where they leave no doubt, will do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

from include.commsarchive.model import Attachment
from include.commsarchive.sources.base import Stored
from include.commsarchive.sources.instant_bloomberg.files import Files as ByName
from include.commsarchive.sources.symphony.ids import same
from include.commsarchive.sources.symphony.records import Json, text


class Files:
    """The members of a bundle."""

    def __init__(self, stored: Mapping[str, Stored]) -> None:
        """Take the members by name as stored."""
        self._stored = stored

    def attachment(self, message_id: str, file: Json) -> Attachment:
        """Describe a file of a message. Where it is missing or of another size, that is said."""
        name, file_id, size = text(file.get("name")), same(text(file.get("id"))), file.get("size")
        stated = size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None
        found = self._find(message_id, file_id, name, stated)
        members = {found: self._stored[found]} if found else {}
        return replace(
            ByName(members).attachment(name or file_id, found or file_id, stated), native_id=file_id
        )

    def _find(self, message_id: str, file_id: str, name: str, size: int | None) -> str:
        by_id = self._by_part.get(file_id, []) if file_id else []
        of_message = [member for member in by_id if message_id in _parts(member)]
        alike = [
            member
            for member in self._by_part.get(same(name), [])
            if size in {None, self._stored[member].size}
        ]
        for members in (of_message, by_id, alike):
            if len({self._stored[member].blob for member in members}) == 1:
                return members[0]
        return ""

    @cached_property
    def _by_part(self) -> dict[str, list[str]]:
        index: dict[str, list[str]] = {}
        for member in sorted(self._stored):
            for part in _parts(member):
                index.setdefault(part, []).append(member)
        return index


def _parts(member: str) -> set[str]:
    """Give the parts of a member's name as ids; an id may hold the dot and slash of a path, encoded."""
    parts = {same(part) for part in member.replace("\\", "/").split("/") if part}
    return parts | {part.rpartition(".")[0] for part in parts if "." in part}
