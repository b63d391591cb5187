"""An IMAP server as a destination: APPEND into everybody's mailbox, as an administrator.

A copy is found again by a header of ours in front of the mail. RFC 3501 (IMAP4rev1), 4315 (UIDPLUS), 3502
(MULTIAPPEND), 7888 (LITERAL+), 5530 (response codes).
"""

from __future__ import annotations

import contextlib
import imaplib
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.mailbox.base import Encode
from include.commsarchive.mailbox.imap.box import PASSING, Box, Trouble
from include.commsarchive.mailbox.imap.client import Refused, log_in
from include.commsarchive.mailbox.imap.post import CONNECTION_LOST, Post
from include.commsarchive.mailbox.imap.settings import ImapSettings
from include.commsarchive.model import Kept, Letter, Outcome

NO_MAILBOX = "no-such-mailbox"
WIDE = 8
"""Mailboxes that are filed into at once."""
MOST_IDLE = 32
"""Logins that are kept for the next time."""
STALE = 20.0
"""Seconds after which we ask whether a login is still good before we use it."""

_LOST = (imaplib.IMAP4.error, OSError)
_Answer = TypeVar("_Answer")


class ImapMailbox:
    """A `Mailbox` on an IMAP server; threads may share it. It makes folders, and no mailboxes.

    IMAP says of a mailbox that does not exist what it says of a wrong password. So one is missing when it was
    to be filed into and the server lets us into others; when it lets us into none, the administrator's login
    is wrong. What is missing stays so, or what was looked for in vain could be filed twice.
    """

    keyed = False
    readable = True

    def __init__(self, settings: ImapSettings, encode: Encode) -> None:
        """Connect to mailboxes when they are first asked for."""
        self._settings = settings
        self._post = Post(encode)
        self._idle: dict[str, Box] = {}
        self._lock = threading.Lock()
        self._let_in = False
        self._missing: set[str] = set()

    def missing(self, mailboxes: Collection[str]) -> dict[str, str]:
        """See `Mailbox.missing`. Logs in to each."""

        def is_there(mailbox: str) -> bool:
            with self._explained(), contextlib.suppress(Refused), self._box(mailbox):
                return True
            return False

        with ThreadPoolExecutor(WIDE) as pool:
            there = dict(zip(mailboxes, pool.map(is_there, mailboxes), strict=True))
        reasons = {mailbox: NO_MAILBOX for mailbox, found in there.items() if not found}
        self._believe(reasons)
        return reasons

    def find(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> dict[str, str]:
        """See `Mailbox.find`."""
        nothing: dict[str, list[str]] = {}
        found = self._ask(mailbox, lambda box: box.find(folder, delivery_keys), nothing)
        return {key: ids[0] for key, ids in found.items()}

    def append(self, letters: Sequence[Letter]) -> list[Outcome]:
        """See `Mailbox.append`. Several mailboxes are filed into side by side."""
        mine: dict[str, dict[str, Letter]] = {}
        for letter in letters:
            mine.setdefault(letter.mailbox.casefold(), {}).setdefault(letter.delivery_key, letter)
        with ThreadPoolExecutor(WIDE) as pool:
            parts = list(pool.map(self._file, mine, [list(part.values()) for part in mine.values()]))
        outcomes = {one.delivery_key: one for part in parts for one in part}
        self._believe({one.mailbox for one in letters if outcomes[one.delivery_key].reason == NO_MAILBOX})
        return [outcomes[letter.delivery_key] for letter in letters]

    def inspect(self, mailbox: str, folder: str, server_ids: Collection[str]) -> dict[str, Kept]:
        """See `Mailbox.inspect`."""
        return self._ask(mailbox, lambda box: box.inspect(folder, server_ids), {})

    def prune(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> int:
        """See `Mailbox.prune`."""
        return self._ask(mailbox, lambda box: box.prune(folder, delivery_keys), 0)

    def close(self) -> None:
        """See `Mailbox.close`."""
        with self._lock:
            boxes, self._idle = list(self._idle.values()), {}
        for box in boxes:
            _log_out(box)

    def _ask(self, mailbox: str, ask: Callable[[Box], _Answer], nothing: _Answer) -> _Answer:
        """Ask a mailbox; one that is missing has ``nothing``.

        A refusal is this mailbox's own: only who has asked them all can tell that the login is wrong.
        """
        if mailbox.casefold() in self._missing:
            return nothing
        try:
            with self._explained(), self._box(mailbox) as box:
                return ask(box)
        except Refused:
            raise Retriable(
                f"connection {self._settings.name}: the server does not let us into a mailbox that may hold "
                "copies of ours. If it stays so, mend the login or the mailbox"
            ) from None

    def _file(self, mailbox: str, letters: Sequence[Letter]) -> list[Outcome]:
        """File into one mailbox. When a connection is lost, go on with what was not under way."""
        outcomes: dict[str, Outcome] = {}
        if mailbox in self._missing:
            return [Outcome(one.delivery_key, reason=NO_MAILBOX) for one in letters]
        rest = letters
        while rest:
            reason, doubt = "", CONNECTION_LOST
            try:
                with self._box(mailbox) as box:
                    for one in self._post.file(box, rest):
                        outcomes[one.delivery_key] = one
            except Refused:
                reason, doubt = NO_MAILBOX, ""
            except Trouble as trouble:
                doubt = trouble.slug
            except _LOST:
                left = [one for one in rest if one.delivery_key not in outcomes]
                if len(left) < len(rest):
                    rest = left
                    continue
            left = [one for one in rest if one.delivery_key not in outcomes]
            return [
                *outcomes.values(),
                *(Outcome(one.delivery_key, reason=reason, doubt=doubt) for one in left),
            ]
        return list(outcomes.values())

    @contextlib.contextmanager
    def _box(self, mailbox: str) -> Iterator[Box]:
        """Log in to a mailbox, or take a login that is there; keep it for the next time if it stays well.

        Raises:
            Refused: the server does not let us in.
            Trouble: it does not want to now.
            imaplib.IMAP4.error, OSError: it cannot be reached, or is not understood.
        """
        owner = mailbox.casefold()
        with self._lock:
            box = self._idle.pop(owner, None)
        if box is None or not _is_well(box):
            box = self._log_in(owner)
        try:
            yield box
        except BaseException:
            _shut(box)
            raise
        box.used_at = time.monotonic()
        with self._lock:
            surplus = self._idle.pop(owner, None)  # another thread was in the same mailbox
            self._idle[owner] = box
            if len(self._idle) > MOST_IDLE:
                surplus = self._idle.pop(next(iter(self._idle)))
        if surplus:
            _log_out(surplus)

    def _log_in(self, owner: str) -> Box:
        try:
            box = Box(log_in(self._settings, owner))
        except Refused as refused:
            if refused.code in {*PASSING, "LIMIT"}:
                raise Trouble("server-busy") from None
            # RFC 5530: the administrator is who they say, but may not act for this mailbox.
            self._let_in = self._let_in or refused.code == "AUTHORIZATIONFAILED"
            raise
        self._let_in = True
        return box

    def _believe(self, refused: Collection[str]) -> None:
        """Take it that mailboxes do not exist, as long as the server has let us in at all."""
        if refused and not self._let_in:
            raise Fatal(
                f"connection {self._settings.name}: the server lets us into no mailbox. Mend login, "
                "password or extra `login_format`, or the names of the mailboxes"
            )
        self._missing.update(mailbox.casefold() for mailbox in refused)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what the server does into our errors, without its words: they may name people."""
        try:
            yield
        except (Trouble, *_LOST) as error:
            what = error.slug if isinstance(error, Trouble) else type(error).__name__
            raise Retriable(
                f"connection {self._settings.name}: the server cannot be asked now: {what}. Check that it "
                "runs, and that its certificate is trusted"
            ) from error


def _is_well(box: Box) -> bool:
    """Tell whether a login that has been idle is still good."""
    if time.monotonic() - box.used_at < STALE:
        return True
    try:
        box.client.noop()
    except _LOST:
        _shut(box)
        return False
    return True


def _shut(box: Box) -> None:
    with contextlib.suppress(OSError):
        box.client.shutdown()


def _log_out(box: Box) -> None:
    with contextlib.suppress(*_LOST):
        box.client.logout()
