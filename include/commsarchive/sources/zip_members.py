"""Walks a zip safely: nothing is written by name, every size has a bound, a broken file harms only itself."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, BinaryIO

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Refused
from include.commsarchive.sources.tar_members import FREE_BYTES, MAX_BYTES, MAX_EXPANSION, MAX_MEMBERS

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ZIP = b"PK"
"""How every zip archive begins."""
_LARGEST_DIRECTORY = 64 * 1024**2
_END = b"PK\5\6"
_END_SIZE = 22
_LONGEST_COMMENT = 0xFFFF
_IN_ZIP64 = 0xFFFFFFFF
_LOCATOR_SIZE = 20
_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Other methods unpack without bound on what one read gives."""
_ENCRYPTED = 1
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of an archive: its name as stored, and its size unpacked as the archive states it (bytes)."""

    name: str
    size: int
    info: zipfile.ZipInfo = field(repr=False)


class Zip:
    """An open archive. What is read of it in all is bounded."""

    def __init__(self, name: str, stream: BinaryIO, archive: zipfile.ZipFile, size: int) -> None:
        """Take what `opened` has looked at."""
        self.name = name
        self.stream = stream
        self._archive = archive
        self._left = min(MAX_BYTES, FREE_BYTES + MAX_EXPANSION * size)

    def entries(self) -> Iterator[Entry | Refused]:
        """List the files that may be read, in stored order; others are refused, folders passed over."""
        for number, info in enumerate(self._archive.infolist(), start=1):
            place = f"{self.name}, file {number}"
            if info.is_dir():
                continue
            if why := _unsafe(info):
                yield Refused("unsafe-member", place, why, info.filename.encode("utf-8", "replace"))
            elif why := _unreadable(info):
                yield Refused("unreadable-member", place, why, info.filename.encode("utf-8", "replace"))
            else:
                yield Entry(_printable(info.filename), info.file_size, info)

    def head(self, entry: Entry, size: int = 64 * 1024) -> bytes:
        """Look at the first bytes of a file."""
        return io.BufferedReader(self.open(entry)).read(size)

    def open(self, entry: Entry) -> Member:
        """Open a file of the archive."""
        return Member(self, entry)

    def sound(self, entry: Entry) -> str:
        """Read a file through to its checksum; say what is wrong with it, ``""`` when nothing is."""
        member = self.open(entry)
        while member.read(1024**2):
            pass
        self._left += member.count
        return member.problem

    def unpack(self, info: zipfile.ZipInfo) -> IO[bytes]:
        """Begin to unpack."""
        return self._archive.open(info)

    def spend(self, size: int) -> None:
        """Weigh what has come out.

        Raises:
            Quarantine: more has come out than any real export holds.
        """
        self._left -= size
        if self._left < 0:
            raise Quarantine(
                "too-large",
                f"{self.name}: unpacks to more than {MAX_EXPANSION} times its size, or {MAX_BYTES:,} bytes. "
                "Ask the vendor what it is",
            )


class Member(io.RawIOBase):
    """A file in an archive. Where it is broken it ends, and ``problem`` says so: what came before counts."""

    def __init__(self, archive: Zip, entry: Entry) -> None:
        """Open it when it is first read."""
        self.problem = ""
        self.count = 0
        self._archive = archive
        self._entry = entry
        self._content: IO[bytes] | None = None

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read on.

        Raises:
            Quarantine: the archive unpacks to too much.
        """
        view = memoryview(buffer)
        block = b"" if self.problem else self._block(len(view))
        self.count += len(block)
        self._archive.spend(len(block))
        view[: len(block)] = block
        return len(block)

    def _block(self, size: int) -> bytes:
        try:
            self._content = self._content or self._archive.unpack(self._entry.info)
            return self._content.read(size)
        except _BROKEN as error:
            self.problem = f"is broken or cut off ({type(error).__name__}); ask for the export again"
            return b""


@contextmanager
def opened(name: str, stream: BinaryIO) -> Iterator[Zip]:
    """Open an archive.

    Raises:
        Quarantine: it is empty, no zip, cut off or beyond a bound.
    """
    size = stream.seek(0, io.SEEK_END)
    if not size:
        raise Quarantine("empty-file", f"{name}: the archive is empty. Ask the vendor to send it again")
    if _directory_size(stream, size) > _LARGEST_DIRECTORY:
        raise Quarantine("too-large", f"{name}: lists too many files. Ask the vendor what it is")
    try:
        archive = zipfile.ZipFile(stream)
    except (*_BROKEN, ValueError, OSError, struct.error) as error:
        raise Quarantine(
            "unreadable-archive",
            f"{name}: the archive is broken or cut off ({type(error).__name__}). Ask for it again",
        ) from error
    with archive:
        if len(archive.infolist()) > MAX_MEMBERS:
            raise Quarantine("too-large", f"{name}: holds more than {MAX_MEMBERS:,} files")
        yield Zip(name, stream, archive, size)


def members(
    name: str, stream: BinaryIO, contents: Callable[[Zip], Collection[str]] = lambda _: ()
) -> Iterator[tuple[str, BinaryIO] | Refused]:
    """Walk all files but ``contents``, as `tar_members.members` does. One that is broken is refused, alone.

    Raises:
        Quarantine: the archive cannot be opened, or unpacks to too much.
    """
    with opened(name, stream) as archive:
        left_out = contents(archive)
        for entry in archive.entries():
            if isinstance(entry, Refused):
                yield entry
            elif entry.name in left_out:
                continue
            elif problem := archive.sound(entry):
                yield Refused("unreadable-member", f"{name}: {entry.name}", f"it {problem}", b"")
            else:
                yield entry.name, io.BufferedReader(archive.open(entry))


def _directory_size(stream: BinaryIO, size: int) -> int:
    """Say how much memory the list of files would take, before it is read; 0 where there is none."""
    stream.seek(max(0, size - _END_SIZE - _LONGEST_COMMENT))
    tail = stream.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_SIZE:
        return 0
    stated = int(struct.unpack_from("<L", tail, at + 12)[0])
    if stated != _IN_ZIP64 or at < _LOCATOR_SIZE:
        return stated
    stream.seek(min(size, struct.unpack_from("<Q", tail, at - _LOCATOR_SIZE + 8)[0]) + 40)
    field_of_end = stream.read(8)
    return int.from_bytes(field_of_end, "little") if len(field_of_end) == struct.calcsize("<Q") else stated


def _unsafe(info: zipfile.ZipInfo) -> str:
    path = info.filename.replace("\\", "/")
    if path.startswith("/") or path[1:2] == ":" or ".." in path.split("/"):
        return "its name leads outside the archive; ask the vendor to send it again"
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        return "a link or device is no attachment; ask the vendor what it is"
    return ""


def _unreadable(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & _ENCRYPTED:
        return "it is locked with a password; ask the vendor for OpenPGP or none"
    if info.compress_type not in _PLAIN:
        return "it is packed by an unusual method; ask the vendor for deflate"
    return ""


def _printable(name: str) -> str:
    return name.encode("utf-8", "replace").decode("utf-8")
