"""Seeded conversations of invented people, from which the exports of `bench.dumps` are written."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

DAY_START = 1_773_086_400_000
"""2026-03-09 20:00:00 UTC, in ms."""
OWN_DOMAIN = "quillbrook.example"

_OWN, _OTHERS = 400, 800
_SIZES = (2, 2, 2, 3, 3, 4, 4, 5, 6, 9)  # four people on average
_LENGTHS = (3, 6, 10, 14, 18, 22, 26, 30, 31, 40)  # twenty messages on average
_FIRST = ("Nina", "Rufus", "Ada", "Joris", "Mei", "Zoé", "Tariq", "Łukasz", "Priya", "Owen", "Björn", "Ida")
_LAST = ("Oakes", "Pell", "Hargreave", "Müller", "Tanaka", "O'Dell", "Sørensen", "Vale", "Quist", "Iyer")
_WORDS = (
    "bid offer mid wide tight swap curve flattener steepener ten year long end cash future roll basis gilt "
    "bund client asks level size axe better seller buyer please show where can you done thanks will revert "
    "after the auction still working it left some behind on screen nothing to report looks heavy into close"
)
_UNUSUAL = ("café rouge at 6? ☕", "€5mm of the DE 10y", "東京 open", "99-16 & 99-18", "<GO>")
_SHARE_UNUSUAL = 0.08


@dataclass(frozen=True, slots=True)
class Someone:
    """A person: ours has an address in our domain."""

    number: int
    name: str
    mail: str
    own: bool


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation: who is in it, and what was said: (ms, by whom, text)."""

    number: int
    people: list[Someone]
    said: list[tuple[int, Someone, str]]


def talks(messages: int, seed: int = 1) -> Iterator[Talk]:
    """Give conversations with this many messages in all; the same seed gives the same."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    own = [_someone(rng, number, own=True) for number in range(_OWN)]
    others = [_someone(rng, number, own=False) for number in range(_OWN, _OWN + _OTHERS)]
    texts = [_text(rng) for _ in range(20_000)]
    number = 0
    while messages:
        number += 1
        length = min(messages, rng.choice(_LENGTHS))
        messages -= length
        size = rng.choice(_SIZES)
        inside = (size + 1) // 2
        people = rng.sample(own, inside) + rng.sample(others, size - inside)
        at, pace = DAY_START + rng.randrange(20 * 3_600_000), rng.choice((4, 20, 60, 300)) * 1000
        said = []
        for _ in range(length):
            at += int(rng.random() * pace)
            said.append((at, rng.choice(people), rng.choice(texts)))
        yield Talk(number, people, said)


def _someone(rng: random.Random, number: int, *, own: bool) -> Someone:
    mail = f"person{number}@{OWN_DOMAIN if own else f'firm{number % 40}.example'}"
    return Someone(number, f"{rng.choice(_FIRST)} {rng.choice(_LAST)}", mail, own)


def _text(rng: random.Random) -> str:
    said = " ".join(rng.choices(_WORDS.split(), k=rng.randint(2, 36)))
    end = rng.choice(_UNUSUAL) if rng.random() < _SHARE_UNUSUAL else rng.randint(1, 500)
    return f"{said} {end}"
