"""Folders of one run on any file system, private to their owner, written whole or not at all.

A local folder is used directly. Any other file system (S3, Azure, GCS, memory) is reached through
universal-pathlib; files that a program must see, such as gpg, pass through a temporary local copy.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from upath import UPath

from include.commsarchive.errors import Fatal, Retriable

BLOCK = 1024 * 1024
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)


class Staging:
    """The staging root: one folder a run, and one for held things, which no purge touches."""

    def __init__(self, root: str | Path | UPath) -> None:
        """Take the root as a path or URL (``file:///…``, ``s3://…``), or as Airflow's ObjectStoragePath."""
        path = root if isinstance(root, UPath) else UPath(root)
        self._root: Path | UPath = Path(path.path) if path.protocol in ("", "file", "local") else path

    def run(self, connector: str, run_id: str) -> Folder:
        """Open the folder of one run; the same run always has the same folder."""
        return Folder(self._root / connector / f"run-{_slug(run_id)}")

    def held(self, connector: str) -> Folder:
        """Open the folder of a connector's held things."""
        return Folder(self._root / connector / "held")

    def purge(self, connector: str, run_id: str) -> bool:
        """Remove what a run staged; say whether there was anything."""
        return self.run(connector, run_id).remove()


def _slug(run_id: str) -> str:
    """Make a name that every file system takes and that still differs for every run."""
    readable = "".join(c if c.isalnum() else "-" for c in run_id)[:60]
    return f"{readable}-{hashlib.sha256(run_id.encode()).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of staging. Names are relative and may hold ``/``."""

    root: Path | UPath

    def exists(self, name: str) -> bool:
        """Say whether a file of this name is there, whole."""
        return (self.root / name).is_file()

    def size(self, name: str) -> int:
        """Give a file's size in bytes.

        Raises:
            Fatal: it is not there.
        """
        with _expected(name):
            return int((self.root / name).stat().st_size)

    def names(self, folder: str) -> list[str]:
        """List the files directly in a folder, whole ones, sorted, as names for this folder's verbs."""
        path = self.root / folder
        if not path.is_dir():
            return []
        return sorted(
            f"{folder}/{child.name}"
            for child in path.iterdir()
            if child.is_file() and not child.name.startswith(".")
        )

    def remove(self, name: str = "") -> bool:
        """Remove a file or everything below a folder; say whether there was anything."""
        path = self.root / name if name else self.root
        if isinstance(path, UPath):
            if not path.exists():
                return False
            path.fs.rm(path.path, recursive=True)
            return True
        if path.is_dir():
            shutil.rmtree(path)
        elif path.exists():
            path.unlink()
        else:
            return False
        return True

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading bytes.

        Raises:
            Fatal: it is not there.
        """
        with _expected(name):
            return (self.root / name).open("rb")

    @contextlib.contextmanager
    def write(self, name: str) -> Iterator[IO[bytes]]:
        """Write a file under a temporary name; it gets its own only when the block ends well."""
        with self.create(name) as path, path.open("wb") as stream:
            yield stream

    @contextlib.contextmanager
    def create(self, name: str) -> Iterator[Path]:
        """Give a local path to make a file at; it is moved to its name when the block ends well.

        Raises:
            Retriable: the disk is full or broken.
        """
        with self._scratch(name) as made:
            yield made
            self._place(made, name)

    @contextlib.contextmanager
    def _scratch(self, name: str) -> Iterator[Path]:
        """Give a local path from which `_place` can move a file, and clean it away."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(_disk_errors(name))
            if isinstance(self.root, UPath):
                yield Path(stack.enter_context(tempfile.TemporaryDirectory())) / "file"
                return
            folder = (self.root / name).parent
            _make_private(folder)
            made = folder / f".{uuid.uuid4().hex}.part"
            stack.callback(made.unlink, missing_ok=True)
            yield made

    def _place(self, made: Path, name: str) -> None:
        target = self.root / name
        if isinstance(target, UPath):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.fs.put_file(str(made), target.path)
        else:
            made.chmod(0o600)
            made.replace(target)

    @contextlib.contextmanager
    def local(self, name: str) -> Iterator[Path]:
        """Give a local path to read a file at."""
        path = self.root / name
        if not isinstance(path, UPath):
            yield path
            return
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(scratch) / "file"
            path.fs.get_file(path.path, str(copy))
            yield copy

    def copy(self, name: str, target: Folder, target_name: str) -> None:
        """Copy a file into another folder, durably: what is held must survive a power cut."""
        if target.exists(target_name):
            return
        with self.open(name) as source, target.write(target_name) as sink:
            shutil.copyfileobj(source, sink, BLOCK)
            sink.flush()
            os.fsync(sink.fileno())

    def keep(self, stream: BinaryIO, largest: int) -> tuple[str, int]:
        """Set bytes aside under their SHA-256, as ``blobs/<hash>``; give hash and size.

        Raises:
            ValueError: there are more than ``largest`` bytes; nothing is kept.
        """
        total = hashlib.sha256()
        size = 0
        with self._scratch("blobs/new") as made:
            with made.open("wb") as sink:
                while block := stream.read(BLOCK):
                    size += len(block)
                    if size > largest:
                        raise ValueError(largest)
                    total.update(block)
                    sink.write(block)
            blob = total.hexdigest()
            if not self.exists(f"blobs/{blob}"):
                self._place(made, f"blobs/{blob}")
        return blob, size


def _make_private(folder: Path) -> None:
    """Make a folder and its parents for the owner's eyes only, whatever the umask."""
    if not folder.is_dir():
        _make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


@contextlib.contextmanager
def _expected(name: str) -> Iterator[None]:
    """Say that what an earlier task left is gone."""
    try:
        yield
    except FileNotFoundError as error:
        raise Fatal(
            f"staging {name}: is not there any more. If the folder of the run was lost, clear the whole run: "
            "it collects again; if that of held things, restore it from its backup"
        ) from error


@contextlib.contextmanager
def _disk_errors(name: str) -> Iterator[None]:
    """Say a full or failing disk in our words."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK:
            raise
        raise Retriable(
            f"staging {name}: {error.strerror}. Free space or mend the disk; the task is tried again"
        ) from error
