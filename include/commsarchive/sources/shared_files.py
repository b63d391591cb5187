"""Finds a shared file among a bundle's members by the path that the conversation states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

from include.commsarchive.model import Attachment
from include.commsarchive.sources.base import Stored
from include.commsarchive.sources.instant_bloomberg.files import Files


class SharedFiles:
    """The members of a bundle. Case and the kind of slash do not count."""

    def __init__(self, stored: Mapping[str, Stored]) -> None:
        """Take the members by name as stored."""
        self._stored = stored

    def attachment(self, name: str, path: str, size: int | None = None) -> Attachment:
        """Describe a shared file: where its path leads to no member, or to several files, it is missing."""
        members = self._named(_parts(path))
        found = {self._stored[member].blob: member for member in members}
        if size is not None and len(found) > 1:
            found = {blob: member for blob, member in found.items() if self._stored[member].size == size}
        member = next(iter(found.values())) if len(found) == 1 else ""
        shown = name or path.replace("\\", "/").rpartition("/")[2]
        one = {member: self._stored[member]} if member else {}
        return replace(Files(one).attachment(shown, member or path, size), native_id=path)

    def _named(self, parts: tuple[str, ...]) -> list[str]:
        """Find the members whose path ends as this one does: in all of it, or as far as both go."""
        candidates = self._by_base.get(parts[-1], []) if parts else []
        alike = {member: _parts(member) for member in candidates}
        same = [member for member, own in alike.items() if own == parts]
        return same or [
            member
            for member, own in alike.items()
            if own[-(shorter := min(len(own), len(parts))) :] == parts[-shorter:]
        ]

    @cached_property
    def _by_base(self) -> dict[str, list[str]]:
        index: dict[str, list[str]] = {}
        for member in sorted(self._stored):
            if parts := _parts(member):
                index.setdefault(parts[-1], []).append(member)
        return index


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.replace("\\", "/").casefold().split("/") if part not in {"", "."})
