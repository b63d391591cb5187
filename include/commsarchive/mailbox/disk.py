"""Writing to a local disk so that it lasts: private temporary files, one flush for many."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)


def flush(root: Path, written: Iterable[str | Path]) -> None:
    """Make what was written below a folder durable, with the folders' entries for it.

    One call for the whole file system where there is one (Linux ``syncfs``), else file by file.

    Raises:
        OSError: the disk could not take it.
    """
    syncfs = getattr(_LIBC, "syncfs", None)
    if syncfs is None:
        flush_each(root, written)
        return
    with _opened(root) as handle:
        if syncfs(handle):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def flush_each(root: Path, written: Iterable[str | Path]) -> None:
    """Do what `flush` does with one ``fsync`` for each file, and for each folder up to the root."""
    files = [Path(one) for one in written]
    paths = {path for one in files for path in (one, *one.parents) if path.is_relative_to(root)}
    for path in sorted(paths, reverse=True):
        with _opened(path) as handle:
            os.fsync(handle)


@contextlib.contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """Make a folder for temporary files, and remove those that killed processes left.

    A folder's owner keeps it locked, so one that can be locked is left over.
    """
    parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    parent.mkdir(mode=0o700, exist_ok=True)
    for left in parent.iterdir():
        with contextlib.suppress(OSError), _opened(left) as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left)
    with contextlib.ExitStack() as stack:
        made = _locked(parent, stack)
        while not made.exists():  # somebody took it for left over before it was locked
            made = _locked(parent, stack)
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)


def _locked(parent: Path, stack: contextlib.ExitStack) -> Path:
    made = Path(tempfile.mkdtemp(dir=parent))
    with contextlib.suppress(FileNotFoundError):
        fcntl.flock(stack.enter_context(_opened(made)), fcntl.LOCK_EX)
    return made


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)
