"""How a file comes to lie under its name: whole, durable, or not at all.

Ground floor: standard library and `errors` only.
"""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from glob import escape
from pathlib import Path
from types import TracebackType
from typing import Self

from include.commsarchive.errors import Fatal, Retriable

_FULL = {errno.ENOSPC, errno.EDQUOT}
_TRANSIENT = {errno.EIO, errno.ESTALE, errno.ENOENT}


class Landing:
    """A file being written under a temporary name beside `target`; `settle` gives it its name.

    Leaving the ``with`` block without `settle` removes what was written. Temporary names that a
    killed process left for the same target are removed on entry. ``size`` counts bytes; ``path`` is the
    temporary name.
    """

    def __init__(self, target: Path) -> None:
        """Remember the target; nothing is touched before the ``with`` block."""
        self.target = target
        self.size = 0
        self._hash = hashlib.sha256()

    def __enter__(self) -> Self:
        prefix = f".{self.target.name}."
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            for stale in self.target.parent.glob(f"{escape(prefix)}*.part"):
                stale.unlink(missing_ok=True)
            number, name = tempfile.mkstemp(".part", prefix, self.target.parent)
        except OSError as error:
            raise storage_error(error, self.target) from error
        self.path = Path(name)
        self._file = os.fdopen(number, "wb", buffering=0)
        return self

    def write(self, data: bytes) -> None:
        """Append bytes.

        Raises:
            Retriable: the disk is full or failing.
            Fatal: the place cannot be written.
        """
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise storage_error(error, self.target) from error
        self._hash.update(data)
        self.size += len(data)

    @property
    def sha256(self) -> str:
        """Hash of the bytes written so far, 64 hexadecimal digits."""
        return self._hash.hexdigest()

    def settle(self) -> None:
        """Make the bytes durable, then give them their name, replacing what had it before.

        Raises:
            Retriable: the disk is full or failing, or another try has taken over this target.
            Fatal: the place cannot be written.
        """
        try:
            os.fsync(self._file.fileno())
            self.path.replace(self.target)
            folder = os.open(self.target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise storage_error(error, self.target) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)


def storage_error(error: OSError, target: Path) -> Retriable | Fatal:
    """Say who must act when writing below a local folder failed."""
    where = f"{target}: cannot be written: {error.strerror or error}"
    if error.errno in _FULL:
        return Retriable(f"{where}. Free space on this disk or move staging to a larger one")
    if error.errno in _TRANSIENT:
        return Retriable(f"{where}. Check the disk, and that no other try writes to the same place")
    return Fatal(f"{where}. Let this user write to {target.parent}")
