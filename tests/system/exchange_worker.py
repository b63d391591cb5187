"""A worker that can be killed: `python -m tests.system.exchange_worker`, told on stdin what to archive.

It imports everything once and forks for each job, so that a sweep can kill thousands. A job is a line of
JSON; the answers are the child's process id and, when it has ended, its status.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import include.commsarchive.mailbox.ews.mailbox
import include.commsarchive.mailbox.graph.mailbox
import include.commsarchive.message.mime  # noqa: F401 - imported before there is anything to kill
from include.commsarchive.doors import Connection
from tests.system.exchange_world import World

ROOT = Path(__file__).resolve().parents[2]


class Worker:
    """Runs jobs in children of a process that has no threads."""

    def __init__(self) -> None:
        self._pid = 0
        self._known = threading.Event()
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.system.exchange_worker"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.communicate()

    def run(self, world: World, run_id: str) -> int:
        """Archive in a child; give its status: 0 when it ended well, a signal's number below 0."""
        job = {"ledger": str(world.ledger), "connection": _fields(world.connection), "run": run_id}
        self._known.clear()
        self._say(json.dumps(job))
        self._pid = int(self._answer())
        self._known.set()
        return int(self._answer())

    def kill(self) -> None:
        """Kill the child of now, from whatever thread."""
        self._known.wait()
        os.kill(self._pid, 9)

    def _say(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _answer(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def _fields(connection: Connection) -> dict[str, Any]:
    return {name: getattr(connection, name) for name in Connection.__dataclass_fields__}


def main() -> None:
    """Serve jobs until stdin ends."""
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            World(Path(job["ledger"]), Connection(**job["connection"])).archive(job["run"])
            os._exit(0)
        _tell(child)
        _tell(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _tell(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
