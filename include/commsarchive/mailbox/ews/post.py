"""Letters in, outcomes out: cut into requests, each of which is sent once."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from include.commsarchive.errors import Fatal, Quarantine, Retriable
from include.commsarchive.mailbox.base import PURGES, Encode
from include.commsarchive.mailbox.ews.box import Box
from include.commsarchive.mailbox.ews.elements import filed
from include.commsarchive.mailbox.ews.folders import Folders
from include.commsarchive.mailbox.ews.verdict import (
    CONNECTION_LOST,
    FOLDER_GONE,
    OF_THE_MAILBOX,
    REFUSED,
    SERVER_ERROR,
    TOO_LARGE,
    Trouble,
)
from include.commsarchive.mailbox.ews.waits import Waits
from include.commsarchive.model import Letter, Outcome

MOST_COPIES = 100
"""Copies of one request: enough to share the cost of the way, far from a minute of work."""

MOST_BYTES = 4 * 1024 * 1024
"""Bytes of base64 in one request, unless one copy alone is larger; five times as much is in memory."""

LEAST_BYTES = 256 * 1024
"""Requests are not made smaller than this when larger ones get lost on the way."""

_TOGETHER = 2
"""How often a copy may be in a request that is lost, before it goes alone."""

_OVERHEAD = 16 * 1024
"""Bytes of a request besides the content of its copies, at most one copy being in it."""

STOPPED = "ErrorBatchProcessingStopped"


@dataclass(frozen=True, slots=True)
class _Packed:
    """A letter and its MIME."""

    letter: Letter
    content: bytes

    @property
    def size(self) -> int:
        """Bytes in a request."""
        return _base64(len(self.content))


class Post:
    """Files letters. Threads may share it; each of them holds the MIME of one request in memory."""

    def __init__(self, encode: Encode, folders: Folders, waits: Waits, max_request: int) -> None:
        """Send no request with more than ``max_request`` bytes."""
        self._encode = encode
        self._folders = folders
        self._waits = waits
        self._max_request = max_request
        self._most_bytes = min(MOST_BYTES, max_request // 2)
        self._large = threading.Lock()
        self._lost: Counter[str] = Counter()

    def file(self, box: Box, letters: Iterable[Letter]) -> Iterator[Outcome]:
        """File letters for one folder of one mailbox; outcomes are not in order.

        Raises:
            Retriable: an attachment cannot be read.
            Fatal: the server refuses us.
        """
        batch: list[_Packed] = []
        size = 0
        for letter in letters:
            if _least(letter) > self._max_request:
                yield Outcome(letter.delivery_key, reason=TOO_LARGE)
            elif _least(letter) > self._most_bytes or self._lost[letter.delivery_key] >= _TOGETHER:
                with self._large:  # one at a time, whatever the number of threads
                    yield from self._alone(box, letter)
            elif isinstance(packed := self._pack(letter), Outcome):
                yield packed
            else:
                if batch and (size + packed.size > self._most_bytes or len(batch) == MOST_COPIES):
                    yield from self._send(box, batch)
                    batch, size = [], 0
                batch.append(packed)
                size += packed.size
        yield from self._send(box, batch)

    def _alone(self, box: Box, letter: Letter) -> Iterator[Outcome]:
        packed = self._pack(letter)
        if isinstance(packed, Outcome):
            yield packed
        else:
            yield from self._send(box, [packed])

    def _pack(self, letter: Letter) -> _Packed | Outcome:
        try:
            packed = _Packed(letter, b"".join(self._encode(letter.mail)))
        except Quarantine as error:
            return Outcome(letter.delivery_key, reason=error.reason)
        except OSError as error:
            raise Retriable(
                f"an attachment cannot be read from staging: {error.strerror}. Run the connector's "
                "`convert` task again"
            ) from error
        if packed.size + _OVERHEAD > self._max_request:
            return Outcome(letter.delivery_key, reason=TOO_LARGE)
        return packed

    def _send(self, box: Box, batch: Sequence[_Packed]) -> Iterator[Outcome]:
        """File one batch: one request, unless the mailbox must wait."""
        if not batch:
            return
        address, folder = batch[0].letter.mailbox, batch[0].letter.folder
        try:
            self._waits.check(address)
            here = self._folders.find(box, folder, create=True)
            parts, request_id = box.file(here, [filed(one.letter, one.content) for one in batch])
        except Trouble as trouble:
            parts, request_id = self._learn(batch, trouble), trouble.request_id
        parts = _carry(parts)
        if any(isinstance(part, Trouble) and part.doubt == FOLDER_GONE for part in parts):
            if folder == PURGES:  # it cannot be made
                raise Fatal(f"Exchange has no {PURGES}. Set `deliver.folder` to a folder below the Inbox")
            self._folders.forget(box, folder)
        for one, part in zip(batch, parts, strict=True):
            if isinstance(part, Trouble):
                self._waits.put_off(address, part.wait)
                yield Outcome(
                    one.letter.delivery_key,
                    reason=part.reason,
                    doubt=part.doubt,
                    retry_after=part.wait,
                    request_id=request_id,
                )
            else:
                content_hash = hashlib.sha256(one.content).hexdigest()
                yield Outcome(one.letter.delivery_key, part, content_hash, request_id=request_id)

    def _learn(self, batch: Sequence[_Packed], trouble: Trouble) -> list[str | Trouble]:
        """Say what a request that failed as a whole means for each copy; the next ones may be smaller.

        One of the copies may be what the server, or something before it, cannot stand: in the end each goes
        alone.
        """
        size = sum(one.size for one in batch)
        if len(batch) > 1 and {trouble.reason, trouble.doubt} & {TOO_LARGE, REFUSED, CONNECTION_LOST}:
            self._lost.update(one.letter.delivery_key for one in batch)
            if size > LEAST_BYTES:
                self._most_bytes = max(LEAST_BYTES, size // 2)
            trouble = Trouble(doubt=trouble.doubt or SERVER_ERROR, code=trouble.code)
        return [trouble] * len(batch)


def _carry(parts: Sequence[str | Trouble]) -> list[str | Trouble]:
    """Where the server stopped in a batch, give the rest the cause if that is the mailbox's."""
    carried: list[str | Trouble] = []
    cause: Trouble | None = None
    for part in parts:
        if isinstance(part, Trouble) and part.code != STOPPED:
            cause = part if part.doubt or part.reason in OF_THE_MAILBOX else None
        stopped = isinstance(part, Trouble) and part.code == STOPPED
        carried.append(cause if stopped and cause else part)
    return carried


def _least(letter: Letter) -> int:
    """Bytes that a letter takes in a request at least: its attachments are encoded twice."""
    mail = letter.mail
    return _base64(len(mail.text) + len(mail.html) + sum(_base64(part.size) for part in mail.attachments))


def _base64(size: int) -> int:
    return (size + 2) // 3 * 4
