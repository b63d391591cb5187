"""What a directory is: one question."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, order=True)
class DirectoryUser:
    """Somebody with a mailbox, as the organisation's directory has them now.

    ``mailbox`` is the primary address and ``aliases`` are the other ones at which they get mail, all in
    lower case, sorted. ``licensed`` says that the mailbox may be used. ``on_hold`` is None where the
    directory does not know.
    """

    mailbox: str
    aliases: tuple[str, ...] = ()
    enabled: bool = True
    licensed: bool = True
    on_hold: bool | None = None
    groups: tuple[str, ...] = ()


class Directory(Protocol):
    """A list of an organisation's people. Asked once a run, whole: a run's mapping is one state of it."""

    def users(self, groups: Collection[str]) -> list[DirectoryUser]:
        """Give everybody, by mailbox; of a user's groups those that are among ``groups``.

        A group's members are also those of the groups in it.

        Raises:
            Retriable: the directory cannot be read now.
            Fatal: it refuses us, has rows that are wrong, or does not know one of the groups.
        """
