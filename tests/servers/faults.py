"""What can go wrong with a server, and when: shared by the emulators of Graph and of EWS.

A server asks once for each call it gets, before doing anything, and does what it is told::

    fault = faults.next(Call("POST messages", mailbox="ann@example.com"))

A test says what is to happen::

    faults = Faults()
    faults.at(3, Fault.status(503, after=True))                   # the third call: stored, then 503
    faults.at(1, Fault(Kind.DROP), where=lambda call: call.what == "CreateItem")
    faults.mix(seed=7, rate=0.2)                                  # every fifth call, replayable
    faults.at(5, Fault.call(lambda: os.kill(pid, signal.SIGKILL), after=True))

and asserts with ``faults.calls``, ``faults.log`` and ``faults.met``.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What goes wrong. Those named ``Error...`` are Exchange's own: each emulator has its form for them."""

    DROP = "drop"  # the connection ends without an answer
    TRUNCATE = "truncate"  # the answer ends before its end
    GARBLE = "garble"  # the answer is a success whose body cannot be understood
    STATUS = "status"  # an HTTP status
    STALL = "stall"  # the answer comes `wait` seconds late
    TOKEN_EXPIRED = "token expired"  # this and every earlier token is worth nothing from now on
    PARTIAL = "partial"  # every second part of a batch fails; a call that is no batch goes well
    NOT_STORED = "not stored"  # success is answered, but nothing is kept
    STORED_TWICE = "stored twice"  # success is answered once, but kept twice
    CALL = "call"  # a function of the test runs, then the connection ends without an answer
    SERVER_BUSY = "ErrorServerBusy"
    MAILBOX_MOVE = "ErrorMailboxMoveInProgress"
    QUOTA_EXCEEDED = "ErrorQuotaExceeded"
    TOO_LARGE = "ErrorMessageSizeExceeded"
    NO_MAILBOX = "ErrorNonExistentMailbox"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, before or `after` the call's change is stored.

    ``code`` is the HTTP status; ``wait`` is in seconds: a stall's length, or the time that the answer tells
    the client to stay away (``Retry-After``, ``BackOffMilliseconds``), None to tell nothing.
    """

    kind: Kind
    after: bool = False
    code: int = 0
    wait: float | None = None
    act: Callable[[], object] | None = None

    @classmethod
    def status(cls, code: int, *, after: bool = False, wait: float | None = None) -> Fault:
        """Answer with an HTTP status."""
        return cls(Kind.STATUS, after, code, wait)

    @classmethod
    def call(cls, act: Callable[[], object], *, after: bool = False) -> Fault:
        """Run a function at that moment, such as one that kills the worker, and never answer."""
        return cls(Kind.CALL, after, act=act)

    def spoil(self, body: bytes) -> bytes:
        """The answer's body as the client gets it: half of it, or all of it with its bytes mixed up."""
        if self.kind is Kind.TRUNCATE:
            return body[: len(body) // 2]
        if self.kind is Kind.GARBLE:
            return bytes(byte ^ 0x55 for byte in body)
        return body

    def __str__(self) -> str:
        code = f" {self.code}" if self.code else ""
        wait = f" wait {self.wait:g}" if self.wait is not None else ""
        return f"{self.kind}{code}{wait} {'after' if self.after else 'before'}"


@dataclass(frozen=True, slots=True)
class Call:
    """A call that a server got, such as ``POST messages`` or ``CreateItem``, with so many items in it."""

    what: str
    mailbox: str = ""
    path: str = ""
    items: int = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the log; calls are counted from 1."""

    number: int
    call: Call
    fault: Fault | None


Where = Callable[[Call], bool]
EITHER = (False, True)
STATUSES = (401, 403, 404, 409, 429, 500, 502, 503, 504)
WAITED = (429, 503, 504)

FAULTS: tuple[Fault, ...] = (
    *(Fault(kind, after) for kind in (Kind.DROP, Kind.SERVER_BUSY, Kind.MAILBOX_MOVE) for after in EITHER),
    *(Fault(kind, after=True) for kind in (Kind.TRUNCATE, Kind.GARBLE)),
    *(Fault.status(code, after=after) for code in STATUSES for after in EITHER),
    *(Fault.status(code, after=after, wait=1) for code in WAITED for after in EITHER),
    *(Fault(Kind.STALL, after, wait=0.05) for after in EITHER),
    *(Fault(kind) for kind in (Kind.TOKEN_EXPIRED, Kind.PARTIAL, Kind.NOT_STORED, Kind.STORED_TWICE)),
    *(Fault(kind) for kind in (Kind.QUOTA_EXCEEDED, Kind.TOO_LARGE, Kind.NO_MAILBOX)),
)
"""Every fault there is, but for functions of the test."""

LIARS = frozenset({Kind.NOT_STORED, Kind.STORED_TWICE})
"""Faults that no client can notice from the answer."""

REFUSALS = frozenset({Kind.QUOTA_EXCEEDED, Kind.TOO_LARGE, Kind.NO_MAILBOX})
"""Faults that tell the client that it need not try again."""


def anything(call: Call) -> bool:
    """Match every call."""
    return True


@dataclass
class _Rule:
    """Faults by one condition; `pick` sees the number of matching calls, all in all and of the mailbox."""

    where: Where
    pick: Callable[[int, str, int], Fault | None]
    met: int = 0
    per_mailbox: Counter[str] = field(default_factory=Counter)

    def next(self, call: Call) -> Fault | None:
        self.met += 1
        self.per_mailbox[call.mailbox] += 1
        return self.pick(self.met, call.mailbox, self.per_mailbox[call.mailbox])


class Faults:
    """What is to go wrong at which call. Where several rules match, the first that was given decides."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []
        self._log: list[Entry] = []

    def at(self, number: int, fault: Fault, where: Where = anything) -> Faults:
        """Let the n-th call from now on that matches go wrong, counted from 1."""
        return self._add(where, lambda met, _mailbox, _nth: fault if met == number else None)

    def every(self, fault: Fault, where: Where = anything, *, times: int | None = None) -> Faults:
        """Let every call that matches go wrong, or the first so many."""
        return self._add(where, lambda met, _mailbox, _nth: fault if times is None or met <= times else None)

    def mix(
        self, seed: int, rate: float, faults: Sequence[Fault] = FAULTS, where: Where = anything
    ) -> Faults:
        """Let a share of the calls go wrong by chance.

        Chance hangs on the seed, the mailbox and the number of its call alone: workers that race for
        different mailboxes meet the same faults again.
        """

        def pick(_met: int, mailbox: str, nth: int) -> Fault | None:
            chance = random.Random(f"{seed}/{mailbox}/{nth}")  # noqa: S311 - replayable on purpose
            return chance.choice(faults) if chance.random() < rate else None

        return self._add(where, pick)

    def clear(self) -> None:
        """Let everything go well from now on; the log stays."""
        with self._lock:
            self._rules.clear()

    def next(self, call: Call) -> Fault | None:
        """Count a call and say what goes wrong with it."""
        with self._lock:
            picked = [rule.next(call) for rule in self._rules if rule.where(call)]
            fault = next((one for one in picked if one is not None), None)
            self._log.append(Entry(len(self._log) + 1, call, fault))
            return fault

    @property
    def calls(self) -> int:
        """How many calls there were."""
        with self._lock:
            return len(self._log)

    @property
    def log(self) -> list[Entry]:
        """All calls in their order."""
        with self._lock:
            return list(self._log)

    @property
    def met(self) -> list[Entry]:
        """The calls that went wrong."""
        return [entry for entry in self.log if entry.fault is not None]

    def _add(self, where: Where, pick: Callable[[int, str, int], Fault | None]) -> Faults:
        with self._lock:
            self._rules.append(_Rule(where, pick))
        return self
