"""What a destination is: a few verbs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Protocol

from include.commsarchive.model import Kept, Letter, Mail, Outcome

Encode = Callable[[Mail], Iterator[bytes]]
"""Turns a mail into RFC 5322 bytes, piece by piece, with CRLF line ends."""

INBOX = ""
"""The folder that is the Inbox itself; any other name is a folder below it, ``/`` between levels."""

PURGES = "Recoverable Items/Purges"
"""The folder that in Exchange is the hidden one of this name; elsewhere a folder like any other."""

NOT_SENT = "must-wait"
"""The doubt about a letter that was not sent, because its mailbox must wait: there is nothing to look up."""


class Mailbox(Protocol):
    """A place that keeps copies. One delivery key is filed at most once by one `append`.

    Adapters do not try again and do not wait for the other side: they say what is not known or must
    wait, and `stages.ingest` does. Reasons, doubts and error texts name no people and no content.
    """

    @property
    def keyed(self) -> bool:
        """Whether a key that is there is never filed again, even by two processes at once.

        Where it is not so, the ledger's leases keep a second task away while one is sending.
        """

    @property
    def readable(self) -> bool:
        """Whether copies can be looked up and read back.

        Where not (a journal address), `find` and `inspect` find nothing, and a copy in doubt is sent again:
        it may be there twice, under one Message-ID.
        """

    def missing(self, mailboxes: Collection[str]) -> dict[str, str]:
        """Say of which mailboxes nothing can be filed, each with the reason; the others are fine.

        Raises:
            Retriable: the destination cannot be asked now.
            Fatal: the destination refuses us.
        """

    def find(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> dict[str, str]:
        """Look these delivery keys up in one folder: the server's id of each one that is there.

        A folder or mailbox that does not exist holds nothing.

        Raises:
            Retriable: the mailbox cannot be asked now.
            Fatal: the destination refuses us.
        """

    def append(self, letters: Sequence[Letter]) -> list[Outcome]:
        """File letters, creating folders as needed; one outcome for each, in order.

        When it returns, letters with a ``server_id`` are durable. A letter that can never be filed
        (no such mailbox, too large) gets a ``reason``; one whose fate is not known, or that its mailbox
        cannot take now, a ``doubt``; the others go on. When it raises, any of the letters may or may not have
        been filed: `find` tells.

        Raises:
            Retriable: nothing can be filed now (disk full, server gone).
            Fatal: the destination refuses us.
        """

    def inspect(self, mailbox: str, folder: str, server_ids: Collection[str]) -> dict[str, Kept]:
        """Read copies back as the destination keeps them, by server id; what is not there is left out.

        Raises:
            Retriable: the mailbox cannot be asked now.
            Fatal: the destination refuses us.
        """

    def prune(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> int:
        """Remove what is there more than once under one of these keys, all but the oldest; say how many.

        For a server that stores twice what it was sent once. Where ``keyed``, that cannot be.

        Raises:
            Retriable: the mailbox cannot be asked now.
            Fatal: the destination refuses us.
        """

    def close(self) -> None:
        """Let connections go."""
