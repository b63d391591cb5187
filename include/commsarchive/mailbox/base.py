"""What a destination is: three verbs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Protocol

from include.commsarchive.model import Letter, Mail, Outcome

Encode = Callable[[Mail], Iterator[bytes]]
"""Turns a mail into RFC 5322 bytes, piece by piece, with CRLF line ends."""


class Mailbox(Protocol):
    """A place that keeps copies. One delivery key is filed at most once by one `append`.

    Adapters do not retry, limit rates or log: wrappers with these same verbs do.
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
            Retriable: the destination cannot be asked now.
            Fatal: the destination refuses us.
        """

    def append(self, letters: Sequence[Letter]) -> list[Outcome]:
        """File letters, creating folders as needed; one outcome for each, in order.

        When it returns, letters with a ``server_id`` are durable. A letter that can never be filed
        (no such mailbox, too large) gets a ``reason``; the others go on. When it raises, any of the
        letters may or may not have been filed: `find` tells.

        Raises:
            Retriable: network, throttling, full disk.
            Fatal: the destination refuses us.
        """
