"""Servers that answer badly, a clock that only sleepers move, and a plan to file with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from include.commsarchive.ledger.memory import MemoryLedger
from include.commsarchive.mailbox.memory import MemoryMailbox
from include.commsarchive.message.mime import encode
from include.commsarchive.model import Kept, Letter, Outcome
from include.commsarchive.stages.ingest import IngestReceipt, Manner, Sending, ingest
from include.commsarchive.stages.read_back import ReadBack
from include.commsarchive.stages.waiting import Patience
from tests.letters import make_sending, plan_of

ANN, BOB = "ann@firm.example", "bob@firm.example"
Answer = Callable[[Letter], str | float | None]


@dataclass
class Clock:
    """Time that passes only while somebody sleeps."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def patience(self) -> Patience:
        return Patience(now=lambda: self.now, sleep=self.sleep)


class Server(MemoryMailbox):
    """Keeps every copy it is sent, as often as it is sent; ``answer`` may spoil what it says of one.

    A text is a doubt about a copy that was filed, ``lost …`` about one that was not; a number a wait.
    """

    keyed = False

    def __init__(self, answer: Answer) -> None:
        super().__init__(encode)
        self.answer = answer
        self.copies: Counter[str] = Counter()
        self.sent: list[list[str]] = []
        self.spoil: Callable[[Kept], Kept | None] = lambda kept: kept

    def append(self, letters: Sequence[Letter]) -> list[Outcome]:
        self.sent.append([letter.mailbox for letter in letters])
        return [self.take(letter) for letter in letters]

    def take(self, letter: Letter) -> Outcome:
        answer = self.answer(letter)
        if isinstance(answer, float):
            return Outcome(letter.delivery_key, doubt="throttled", retry_after=answer)
        if not (answer or "").startswith("lost"):
            self.copies[letter.delivery_key] += 1
            filed = super()._file(letter)
            if answer is None:
                return filed
        return Outcome(letter.delivery_key, doubt=str(answer))

    def inspect(self, mailbox: str, folder: str, server_ids: Collection[str]) -> dict[str, Kept]:
        kept = super().inspect(mailbox, folder, server_ids)
        spoilt = {name: self.spoil(one) for name, one in kept.items()}
        return {name: one for name, one in spoilt.items() if one}


def times(*answers: str | float | None, only: str = ANN) -> Answer:
    """Give these answers about one mailbox, one after the other, then none."""
    left = list(answers)
    return lambda letter: left.pop(0) if left and letter.mailbox == only else None


PLAN = [make_sending(item, owner) for item in "abc" for owner in (ANN, BOB)]


@dataclass
class Told:
    """What could not be filed."""

    reasons: list[str] = field(default_factory=list)

    def __call__(self, failed: Sequence[tuple[Sending, str]]) -> None:
        self.reasons += [reason for _, reason in failed]


def file(
    ledger: MemoryLedger,
    server: Server,
    clock: Clock,
    *,
    run: str = "one",
    told: Told | None = None,
    read_back: ReadBack = "first",
    plan: Sequence[Sending] = (),
) -> IngestReceipt:
    return ingest(
        plan_of(plan or PLAN),
        ledger=ledger,
        mailbox=server,
        run_id=run,
        on_failed=told or Told(),
        manner=Manner(read_back, clock.patience()),
    )


def everything_once(server: Server) -> bool:
    return server.copies == {one.delivery.delivery_key: 1 for one in PLAN}
