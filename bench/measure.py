"""Run a script as a whole process and see what it took. Standard library only: a fat parent would show."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BENCH = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Measured:
    """One whole process: seconds from start to end, and peak MB (10^6) of the largest of it and its children.

    ``answer`` is the JSON object on the last line that it printed.
    """

    seconds: float
    peak_mb: float
    answer: dict[str, Any]


def measure(script: str, *arguments: str | Path) -> Measured:
    """Run ``bench/<script>`` to its end.

    Raises:
        SystemExit: it failed; its own lines above say why.
    """
    start = time.perf_counter()
    with subprocess.Popen([sys.executable, BENCH / script, *arguments], stdout=subprocess.PIPE) as process:
        assert process.stdout
        lines = process.stdout.read().splitlines()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise SystemExit(f"{script} {arguments[0]} ended with status {process.returncode}")
    return Measured(seconds, usage.ru_maxrss * 1024 / 1e6, json.loads(lines[-1]))


def median(measured: list[Measured]) -> Measured:
    """Choose the run in the middle, by its own clock where it has one."""
    return sorted(measured, key=lambda one: one.answer.get("seconds", one.seconds))[len(measured) // 2]


def say(what: str) -> None:
    """Tell whoever waits what is being measured."""
    print(f"{time.strftime('%H:%M:%S')}  {what}", file=sys.stderr, flush=True)


def tell(run: Callable[[str, Path], int]) -> None:
    """Run a parser on what the command line names; print processor seconds, MB (10^6) and items."""
    kind, file = sys.argv[1], Path(sys.argv[2])
    start = time.process_time()
    items = run(kind, file)
    seconds = time.process_time() - start
    print(json.dumps({"seconds": seconds, "amount": file.stat().st_size / 1e6, "items": items}))
