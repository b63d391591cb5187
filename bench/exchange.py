"""The part of the bench that delivers into emulated Exchanges: see `bench.delivery` for what is measured."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import BENCH, Measured, measure
from bench.table import Row, Side, show

KINDS = {"msgraph": "one Graph POST at a time", "ews": "exchangelib save() one by one"}
TITLES = {"msgraph": "Graph", "ews": "EWS"}
MAILBOXES = {1: 600, 200: 6000}
"""Copies by the number of mailboxes that share them."""
NAIVE = 200
"""Copies of the baseline, which is slow."""
WINDOWS = 2


def deliver(work: Path) -> None:
    """Measure and print a table of its own."""
    rows = []
    for kind, baseline in KINDS.items():
        for boxes, copies in MAILBOXES.items():
            naive = _side(work, kind, boxes, "naive", str(NAIVE))
            for how in ("first", "all"):
                ours = _side(work, kind, boxes, "ours", str(copies), how)
                many = boxes > 1 and how == "first"
                speed = 125 if how == "all" and boxes > 1 else 0
                stage = f"{TITLES[kind]}, {boxes} mailboxes, {how} read back"
                goal = 10 if many else 0
                rows.append(Row(stage, "copies/s", ours, baseline, naive, goal_ratio=goal, goal_speed=speed))
    print()
    show(rows)
    share = _measured(work, "msgraph", 1, "throttled", str(WINDOWS)).answer["share"]
    print(f"\nShare of one mailbox's budget of bytes that was used while throttled: {share:.1%} (goal: 95%)")


def _side(work: Path, kind: str, boxes: int, verb: str, *arguments: str) -> Side:
    one = _measured(work, kind, boxes, verb, *arguments)
    return Side(one.answer["amount"] / one.answer["seconds"], one.peak_mb)


def _measured(work: Path, kind: str, boxes: int, verb: str, *arguments: str) -> Measured:
    print(f"delivery: {kind}, {boxes} mailboxes, {verb} {' '.join(arguments)}", file=sys.stderr, flush=True)
    with _server(work, kind, boxes) as told:
        return measure("delivery.py", verb, told, *arguments)


@contextmanager
def _server(work: Path, kind: str, boxes: int) -> Iterator[Path]:
    """Start a fresh server; give the file that says how to reach it."""
    command: list[str | Path] = [sys.executable, BENCH / "exchange_server.py", kind, str(boxes)]
    told = work / "exchange.json"
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        told.write_text(server.stdout.readline(), encoding="utf-8")
        yield told
        server.communicate()
