"""Mailboxes in memory: the same promises as on a disk, for one process and its lifetime."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from include.commsarchive.errors import Quarantine
from include.commsarchive.mailbox.base import Encode
from include.commsarchive.mailbox.kept import kept_mime
from include.commsarchive.model import Kept, Letter, Outcome


class MemoryMailbox:
    """A `Mailbox` in a dictionary: ``mails[mailbox, folder][delivery key]`` are the bytes as sent."""

    keyed = True
    readable = True

    def __init__(self, encode: Encode, *, only: Collection[str] | None = None) -> None:
        """Start empty. With ``only``, no other mailboxes exist."""
        self.mails: dict[tuple[str, str], dict[str, bytes]] = {}
        self._encode = encode
        self._only = None if only is None else {mailbox.casefold() for mailbox in only}

    def missing(self, mailboxes: Collection[str]) -> dict[str, str]:
        """See `Mailbox.missing`."""
        if self._only is None:
            return {}
        return {mailbox: "no-such-mailbox" for mailbox in mailboxes if mailbox.casefold() not in self._only}

    def find(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> dict[str, str]:
        """See `Mailbox.find`."""
        there = self.mails.get((mailbox.casefold(), folder), {})
        return {key: key for key in delivery_keys if key in there}

    def append(self, letters: Sequence[Letter]) -> list[Outcome]:
        """See `Mailbox.append`."""
        return [self._file(letter) for letter in letters]

    def inspect(self, mailbox: str, folder: str, server_ids: Collection[str]) -> dict[str, Kept]:
        """See `Mailbox.inspect`."""
        there = self.mails.get((mailbox.casefold(), folder), {})
        return {key: kept_mime(there[key], key) for key in server_ids if key in there}

    def prune(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> int:
        """See `Mailbox.prune`: a key is a name here, so there is nothing to remove."""
        del mailbox, folder, delivery_keys
        return 0

    def close(self) -> None:
        """See `Mailbox.close`."""

    def _file(self, letter: Letter) -> Outcome:
        key = letter.delivery_key
        if reason := self.missing([letter.mailbox]).get(letter.mailbox):
            return Outcome(key, reason=reason)
        try:
            content = b"".join(self._encode(letter.mail))
        except Quarantine as error:
            return Outcome(key, reason=error.reason)
        there = self.mails.setdefault((letter.mailbox.casefold(), letter.folder), {})
        content = there.setdefault(key, content)
        return Outcome(key, server_id=key, content_hash=hashlib.sha256(content).hexdigest())
