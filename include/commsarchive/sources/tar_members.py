"""Walks a tar archive as a stream, safely: nothing is written by name, and every size has a bound."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from abc import abstractmethod
from collections.abc import Iterator
from itertools import count
from typing import IO, TYPE_CHECKING, BinaryIO, Self

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Refused

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_MEMBERS = 200_000
MAX_BYTES = 64 * 1024**3
"""Of all that one archive holds."""
MAX_EXPANSION = 200
"""Bytes out for each byte in, beyond the first `FREE_BYTES`: real attachments stay far below."""
FREE_BYTES = 64 * 1024**2
_GZIP = b"\x1f\x8b"
_BLOCK = 1024**2
_MAX_EXTENSION = 64 * 1024
_EXTENSIONS = frozenset(
    {
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
    }
)


def members(name: str, stream: BinaryIO) -> Iterator[tuple[str, BinaryIO] | Refused]:
    """Walk the files of a ``.tar`` or ``.tar.gz``: name as stored, and bytes to be read before the next.

    Links, devices and names that lead outside are refused; folders are passed over.

    Raises:
        Quarantine: the archive is empty, broken, cut off or beyond a bound; reading a member raises it
            too. What was read before is sound.
    """
    plain = _Plain(name, stream)
    try:
        with tarfile.open(fileobj=plain, mode="r|", tarinfo=_Header, encoding="utf-8") as archive:
            for number in count(1):
                member = archive.next()
                if member is None:
                    break
                archive.members.clear()  # type: ignore[attr-defined] # it would keep every header
                if number > MAX_MEMBERS:
                    raise Quarantine("too-large", f"{name}: holds more than {MAX_MEMBERS:,} files")
                if member.isdir():
                    continue
                if why := _unsafe(member):
                    raw = member.tobuf(errors="surrogateescape")
                    yield Refused("unsafe-member", f"{name}, file {number}", why, raw)
                elif content := archive.extractfile(member):
                    yield _printable(member.name), io.BufferedReader(_Member(name, content))
        while plain.read(_BLOCK):  # up to the checksum
            pass
    except tarfile.TarError as error:
        raise _broken(name, error) from error


def _unsafe(member: tarfile.TarInfo) -> str:
    path = member.name.replace("\\", "/")
    if not member.isreg() or member.issparse():
        return "a link, device or sparse file is no attachment; ask the vendor what it is"
    if path.startswith("/") or path[1:2] == ":" or ".." in path.split("/"):
        return "its name leads outside the archive; ask the vendor to send it again"
    return ""


def _printable(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _broken(name: str, error: Exception) -> Quarantine:
    return Quarantine(
        "unreadable-archive",
        f"{name}: the archive is broken or cut off ({error}); what came before was read. Ask for it again",
    )


class _Header(tarfile.TarInfo):
    """A header that must be sound: tarfile takes a broken one, or none, for the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if len(buf) == tarfile.BLOCKSIZE and not any(buf):
                raise
            raise tarfile.ReadError(str(error)) from error
        if header.type in _EXTENSIONS and header.size > _MAX_EXTENSION:
            raise tarfile.ReadError(f"a header of {header.size:,} bytes")
        return header


class _Reader(io.RawIOBase):
    """Bytes that come from `block`."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        block = self.block(len(view))
        view[: len(block)] = block
        return len(block)

    @abstractmethod
    def block(self, size: int) -> bytes:
        """Give at most so many bytes, none at the end."""


class _Counted(_Reader):
    """Counts what is read of the archive as it lies there."""

    def __init__(self, stream: BinaryIO) -> None:
        self.count = 0
        self._stream = stream

    def block(self, size: int) -> bytes:
        block = self._stream.read(size)
        self.count += len(block)
        return block


class _Plain(_Reader):
    """The archive decompressed, as far as the bounds allow."""

    def __init__(self, name: str, stream: BinaryIO) -> None:
        """Look whether it is compressed.

        Raises:
            Quarantine: the archive is empty.
        """
        self._name = name
        self._source = _Counted(stream)
        self._out = 0
        packed = io.BufferedReader(self._source)
        start = packed.peek(2)
        if not start:
            raise Quarantine("empty-file", f"{name}: the archive is empty. Ask the vendor to send it again")
        self._stream = gzip.GzipFile(fileobj=packed) if start.startswith(_GZIP) else packed

    def block(self, size: int) -> bytes:
        """Read on, and weigh what has come out against what went in.

        Raises:
            Quarantine: the compressed data are broken or cut off, or a bound is passed.
        """
        try:
            block = self._stream.read1(size)  # what can be had comes before the error
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise _broken(self._name, error) from error
        self._out += len(block)
        if self._out > min(MAX_BYTES, FREE_BYTES + MAX_EXPANSION * self._source.count):
            raise Quarantine(
                "too-large",
                f"{self._name}: unpacks to more than {MAX_EXPANSION} times its size, or {MAX_BYTES:,} bytes. "
                "Ask the vendor what it is",
            )
        return block


class _Member(_Reader):
    """A file in the archive, whose reading fails with our own error."""

    def __init__(self, name: str, content: IO[bytes]) -> None:
        self._name = name
        self._content = content

    def block(self, size: int) -> bytes:
        try:
            return self._content.read(size)
        except tarfile.TarError as error:
            raise _broken(self._name, error) from error
