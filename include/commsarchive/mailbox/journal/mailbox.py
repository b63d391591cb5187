"""An archive's journal address as a destination.

**At least once.** SMTP lets nobody ask what an archive has. A mail is taken when the server says so after its
end; when the connection is lost before the end, it is not. When it is lost between the two, nobody can know:
it is sent again, the same to the byte, and archives tell by its Message-ID that they have it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from include.commsarchive.errors import Quarantine, Retriable
from include.commsarchive.mailbox.base import Encode
from include.commsarchive.mailbox.journal.line import Line, Refused, Unanswered
from include.commsarchive.mailbox.journal.report import envelope, report_id
from include.commsarchive.mailbox.journal.settings import JournalSettings
from include.commsarchive.mailbox.spool import spooled
from include.commsarchive.model import Kept, Letter, Outcome

LINES = 4
"""Connections at once."""

STALE = 20.0
"""Seconds after which we ask whether a connection is still good before we use it."""

CONNECTION_LOST = "connection-lost"
"""The server has not had the whole mail, and so not taken it."""

UNANSWERED = "unanswered"
"""The server has had the whole mail, and may have taken it."""

_LONGEST_WORD = 100


class JournalMailbox:
    """A `Mailbox` that is one address for all; which mailbox a copy is for stands in the report."""

    keyed = False
    readable = False

    def __init__(self, settings: JournalSettings, encode: Encode) -> None:
        """Connect when something is sent."""
        self._settings = settings
        self._encode = encode
        self._idle: list[Line] = []
        self._lock = threading.Lock()

    def missing(self, mailboxes: Collection[str]) -> dict[str, str]:
        """See `Mailbox.missing`. There are none; asks whether the server takes mail for the archive."""
        del mailboxes
        try:
            with self._line() as line:
                line.offer(0)
                line.withdraw()
        except (OSError, Refused) as error:
            raise Retriable(
                f"connection {self._settings.name}: the server takes no mail now: {type(error).__name__}. "
                "Check that it runs, and that its certificate is trusted"
            ) from error
        return {}

    def find(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> dict[str, str]:
        """See `Mailbox.find`: nobody can tell."""
        del mailbox, folder, delivery_keys
        return {}

    def append(self, letters: Sequence[Letter]) -> list[Outcome]:
        """See `Mailbox.append`. One mail for each letter, over several connections."""
        lanes = [list(letters[start::LINES]) for start in range(min(LINES, len(letters)))]
        with ThreadPoolExecutor(LINES) as pool:
            outcomes = {one.delivery_key: one for lane in pool.map(self._send_all, lanes) for one in lane}
        return [outcomes[letter.delivery_key] for letter in letters]

    def inspect(self, mailbox: str, folder: str, server_ids: Collection[str]) -> dict[str, Kept]:
        """See `Mailbox.inspect`: nobody can tell."""
        del mailbox, folder, server_ids
        return {}

    def prune(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> int:
        """See `Mailbox.prune`: nobody can tell."""
        del mailbox, folder, delivery_keys
        return 0

    def close(self) -> None:
        """See `Mailbox.close`."""
        with self._lock:
            lines, self._idle = self._idle, []
        for line in lines:
            line.close()

    def _send_all(self, letters: Sequence[Letter]) -> list[Outcome]:
        """Send letters over one connection; after it was lost, go on with the next letter over another."""
        outcomes: list[Outcome] = []
        while len(outcomes) < len(letters):
            left = letters[len(outcomes) :]
            try:
                with self._line() as line:
                    for letter in left:
                        outcomes.append(self._send(line, letter))
                        if outcomes[-1].doubt in {CONNECTION_LOST, UNANSWERED}:
                            line.close()
                            break
            except OSError:
                outcomes += [Outcome(one.delivery_key, doubt=CONNECTION_LOST) for one in left]
        return outcomes

    def _send(self, line: Line, letter: Letter) -> Outcome:
        key = letter.delivery_key
        before, after = envelope(letter, self._settings.address, self._settings.sender)
        try:
            with spooled(itertools.chain((before,), self._encode(letter.mail), (after,))) as report:
                line.offer(report.size)
                word = line.send(report.pieces())
        except Quarantine as error:
            return Outcome(key, reason=error.reason)
        except Refused as refused:
            return Outcome(key, reason=refused.reason, doubt=refused.doubt)
        except Unanswered:
            return Outcome(key, doubt=UNANSWERED)
        except OSError:
            return Outcome(key, doubt=CONNECTION_LOST)
        return Outcome(
            key, server_id=report_id(letter), content_hash=report.sha256, request_id=word[:_LONGEST_WORD]
        )

    @contextmanager
    def _line(self) -> Iterator[Line]:
        """Take a connection that is there, or make one; keep it for the next time if it stays well.

        Raises:
            OSError: the server cannot be reached.
        """
        with self._lock:
            line = self._idle.pop() if self._idle else None
        if line and not line.is_well(STALE):
            line.close()
            line = None
        line = line or Line(self._settings)
        try:
            yield line
        except BaseException:
            line.close()
            raise
        if line.is_open:
            with self._lock:
                self._idle.append(line)
