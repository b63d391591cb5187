"""Work in a process of its own that is killed, or finds the disk full, at a certain change on disk."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import sqlalchemy as sa

from include.commsarchive.errors import Retriable
from tests.system.whole_path import Archive

_CHANGES = {"os.mkdir", "os.rename", "os.link", "os.remove", "os.rmdir"}
"""Python's audit events for what changes a folder; opening a file to write is one more."""


class End(IntEnum):
    """How the work ended. ``UNTOUCHED``: it made fewer changes than it would have taken."""

    UNTOUCHED = 0
    COMPLETED = 2
    RETRY = 3
    FAULT = 4
    KILLED = -signal.SIGKILL


@dataclass
class Fuse:
    """Counts changes below a folder, and does something just before the one with this number.

    Changes are: files and folders made, renamed and removed, blocks written through ``os.write`` (of
    the one that counts, half is written), and commits.
    """

    below: Path
    left: int
    burn: Callable[[str], None]

    def light(self) -> None:
        """Watch this process from now on."""
        write = os.write

        def half_written(handle: int, data: Any) -> int:
            if self.left == 1:
                write(handle, bytes(data)[: len(data) // 2])
            self._count("write")
            return write(handle, data)

        os.write = half_written
        sa.event.listen(sa.Engine, "commit", lambda _: self._count("commit"))
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        to_write = event == "open" and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR)
        if (event in _CHANGES or to_write) and not isinstance(arguments[0], int):
            path = Path(os.fsdecode(arguments[0]))
            if path.is_relative_to(self.below):
                self._count(event)

    def _count(self, change: str) -> None:
        self.left -= 1
        if self.left == 0:
            self.burn(change)


def die(_: str) -> NoReturn:
    """Be killed."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def fill_the_disk(change: str) -> None:
    """Find no space for a change that takes some, once."""
    if change == "commit":
        raise sa.exc.OperationalError("", {}, sqlite3.OperationalError("database or disk is full"))
    if change not in {"os.remove", "os.rmdir"}:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def sweep(
    start: Archive,
    folder: Path,
    work: Callable[[Archive], object],
    burn: Callable[[str], None],
    step: int = 1,
) -> Iterator[tuple[int, Archive, End]]:
    """Interrupt some work in copies of an archive, in each at another change, until there is none left."""
    for at in itertools.count(1, step):
        copy = start.copied(folder / str(at) / "archive")
        below = copy.root.parent if burn is die else copy.root  # what tasks hand on is not ours to write
        end = interrupted(partial(work, copy), Fuse(below, at, burn))
        if end is End.UNTOUCHED:
            return
        yield at, copy, end
        shutil.rmtree(folder / str(at))


def interrupted(work: Callable[[], object], fuse: Fuse) -> End:
    """Do some work in a fork with a lit fuse."""
    child = os.fork()
    if child == 0:
        end = End.FAULT
        try:
            fuse.light()
            work()
            end = End.UNTOUCHED if fuse.left > 0 else End.COMPLETED
        except Retriable:
            end = End.RETRY
        except BaseException:  # noqa: BLE001 - nothing may leave the fork and run the tests twice
            traceback.print_exc()
        finally:
            os._exit(end)
    return End(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
