"""Finds attached files among the members of the attachment archives (financial formats, section 2.3).

From 1.6 on a FileID leads to the member as in Instant Bloomberg. Before, there is only the name, which
other mails' files may have too: one is taken only where name and size leave no doubt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

from include.commsarchive.model import Attachment
from include.commsarchive.sources.base import Stored
from include.commsarchive.sources.instant_bloomberg.files import Files as ById


class Files:
    """The members of a bundle's attachment archives."""

    def __init__(self, stored: Mapping[str, Stored]) -> None:
        """Take the members by name as stored."""
        self._stored = stored
        self._by_id = ById(stored)

    def attachment(self, name: str, file_id: str, size: int | None) -> Attachment:
        """Describe an attached file of this stated size. Where it is missing or of another, that is said."""
        if file_id:
            return self._by_id.attachment(name, file_id, size)
        same_name = self._by_name.get(_base(name), {}).values()
        fitting = [one for one in same_name if size in {None, one.size}]
        members = {name: fitting[0]} if len(fitting) == 1 else {}
        return replace(ById(members).attachment(name, name, size), native_id="")

    @cached_property
    def _by_name(self) -> dict[str, dict[str, Stored]]:
        """Index the distinct files of each name, by hash."""
        index: dict[str, dict[str, Stored]] = {}
        for member, stored in sorted(self._stored.items()):
            index.setdefault(_base(member), {})[stored.blob] = stored
        return index


def _base(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2].casefold()
