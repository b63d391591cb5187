"""What the organisation's directory says of mailboxes: whose an address is, and who is in scope. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from include.commsarchive.directory.base import DirectoryUser
from include.commsarchive.errors import Fatal
from include.commsarchive.ids import digest


@dataclass(frozen=True, slots=True)
class Users:
    """A directory as it was when it was read: equal content is one value.

    ``groups`` are those that it was asked about; nothing is known of who is in others.
    """

    users: tuple[DirectoryUser, ...]
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Put users and groups into canonical order."""
        object.__setattr__(self, "users", tuple(sorted(set(self.users))))
        object.__setattr__(self, "groups", tuple(sorted(set(self.groups))))

    @property
    def version(self) -> str:
        """Name this content in 32 hexadecimal digits."""
        return digest("directory", self.to_json())

    def to_json(self) -> str:
        """Write canonical JSON: the same directory is the same text."""
        return msgspec.json.encode(self, order="deterministic").decode()

    @classmethod
    def from_json(cls, text: str) -> Users:
        """Read what `to_json` wrote.

        Raises:
            Fatal: the text is not a directory.
        """
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.MsgspecError as error:
            raise Fatal(
                f"stored directory: {error}. Remove it and run again when the directory can be read"
            ) from error

    def owners(self) -> dict[str, str]:
        """Give the mailbox that each address belongs to, where automatic mapping may file into it.

        That is, its user is enabled and licensed. An alias of two users is nobody's: which one would be a
        guess. An address that is somebody's primary one is theirs, whatever alias of another it is.
        """
        owners: dict[str, str] = {}
        for user in self.users:
            for alias in user.aliases:
                owners[alias] = "" if alias in owners else _open(user)
        owners.update((user.mailbox, _open(user)) for user in self.users)
        return {address: mailbox for address, mailbox in owners.items() if mailbox}

    def in_scope(
        self, listed: Collection[str] | None, groups: Collection[str], *, on_hold: bool
    ) -> frozenset[str] | None:
        """Give every address of the users who are listed, in one of the groups and on hold, as far as asked.

        None: everybody. Who is listed by one address is in scope by all of them.

        Raises:
            Fatal: the directory does not know who is on hold, or nobody is in scope.
        """
        if listed is None and not groups and not on_hold:
            return None
        if on_hold and any(user.on_hold is None for user in self.users):
            raise Fatal(
                "the directory does not say who is on hold (Microsoft Graph cannot). Use a CSV directory "
                "with the column LitigationHoldEnabled, or remove `mapping.on_hold`"
            )
        scope = set() if groups or on_hold or listed is None else {address.lower() for address in listed}
        wanted = None if listed is None else {address.lower() for address in listed}
        for user in self.users:
            addresses = {user.mailbox, *user.aliases}
            if (
                (wanted is None or wanted & addresses)
                and (not groups or not set(groups).isdisjoint(user.groups))
                and (not on_hold or user.on_hold)
            ):
                scope |= addresses
        if not scope:
            raise Fatal("nobody is in scope. Mend `mapping.scope`, `mapping.groups` or `mapping.on_hold`")
        return frozenset(scope)


def _open(user: DirectoryUser) -> str:
    return user.mailbox if user.enabled and user.licensed else ""
