"""From letters to appends: how many go at once, and what the server's answer means for each."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain

from include.commsarchive.errors import Quarantine
from include.commsarchive.mailbox.base import Encode
from include.commsarchive.mailbox.imap.box import KEY_HEADER, PASSING, Box, Trouble
from include.commsarchive.mailbox.imap.client import Message
from include.commsarchive.mailbox.spool import spooled
from include.commsarchive.model import Letter, Outcome

MOST_LETTERS = 100
MOST_BYTES = 8 * 1024 * 1024
"""What goes into one command, at most; the last letter may have more."""

CONNECTION_LOST = "connection-lost"
_QUOTA_FULL = "mailbox-quota-full"
_REASONS = {
    "OVERQUOTA": _QUOTA_FULL,
    "TOOBIG": "message-too-large",
    "NOPERM": "access-denied-to-mailbox",
}
_OTHER_REASON = "refused-by-server"


@dataclass(frozen=True, slots=True)
class _Ready:
    """A letter as it goes over the wire."""

    key: str
    message: Message


class Post:
    """Files letters, mailbox by mailbox."""

    def __init__(self, encode: Encode) -> None:
        """Take what makes bytes of a mail."""
        self._encode = encode
        self._one_by_one: set[str] = set()

    def file(self, box: Box, letters: Sequence[Letter]) -> Iterator[Outcome]:
        """File letters of one mailbox; give the outcome of each as soon as it is known.

        Raises:
            Trouble: the server cannot take more now.
            imaplib.IMAP4.error, OSError: the connection was lost. What was under way was given as a doubt.
        """
        owner = letters[0].mailbox.casefold()
        most = MOST_LETTERS if box.appends_many and owner not in self._one_by_one else 1
        for folder in dict.fromkeys(letter.folder for letter in letters):
            batch: list[_Ready] = []
            with ExitStack() as bodies:
                for letter in (one for one in letters if one.folder == folder):
                    if len(batch) == most or sum(one.message.content.size for one in batch) > MOST_BYTES:
                        yield from self._send(box, owner, folder, batch)
                        batch = []
                        bodies.close()
                    try:
                        batch.append(self._ready(letter, bodies))
                    except Quarantine as error:
                        yield Outcome(letter.delivery_key, reason=error.reason)
                if batch:
                    yield from self._send(box, owner, folder, batch)

    def _send(self, box: Box, owner: str, folder: str, batch: Sequence[_Ready]) -> Iterator[Outcome]:
        try:
            answer = box.append(folder, [one.message for one in batch])
            ids = box.ids_of(answer, folder, [one.key for one in batch]) if answer.ok else {}
        except (imaplib.IMAP4.error, OSError):
            # One of them may be what the server cannot stand: from now on each goes alone.
            self._one_by_one.add(owner)
            yield from (Outcome(one.key, doubt=CONNECTION_LOST) for one in batch)
            raise
        if answer.code in PASSING and not answer.ok:
            raise Trouble("server-busy")
        if not answer.ok and len(batch) > 1:  # all or none: which of them is it?
            for one in batch:
                yield from self._send(box, owner, folder, [one])
            return
        for one in batch:
            if one.key in ids:
                yield Outcome(one.key, server_id=ids[one.key], content_hash=one.message.content.sha256)
            elif answer.ok:
                yield Outcome(one.key, doubt="not-found-after-append")
            else:
                yield Outcome(one.key, reason=_REASONS.get(answer.code, _OTHER_REASON))

    def _ready(self, letter: Letter, bodies: ExitStack) -> _Ready:
        """Encode a letter, with the header in front that it is found by."""
        header = f"{KEY_HEADER}: {letter.delivery_key}\r\n".encode()
        content = bodies.enter_context(spooled(chain((header,), self._encode(letter.mail))))
        return _Ready(letter.delivery_key, Message(content, letter.mail.at))
