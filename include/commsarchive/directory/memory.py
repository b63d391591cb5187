"""A directory in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from include.commsarchive.directory.base import DirectoryUser
from include.commsarchive.errors import Fatal


class MemoryDirectory:
    """A `Directory` of the users that it is given; its groups are those that they are in."""

    def __init__(self, users: Iterable[DirectoryUser]) -> None:
        """Take everybody."""
        self._users = sorted(users)

    def users(self, groups: Collection[str]) -> list[DirectoryUser]:
        """See `Directory.users`."""
        known = {group for user in self._users for group in user.groups}
        if lacking := sorted(set(groups) - known):
            raise Fatal(f"the directory has no group {', '.join(lacking)}. Mend `mapping.groups`")
        return [
            replace(user, groups=tuple(one for one in user.groups if one in groups)) for user in self._users
        ]
