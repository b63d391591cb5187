"""Walks a mail as a stream of parts, with flat memory: attachments are decoded as they are read.

Header fields are taken as they come; nothing that a mail says of itself is trusted to be well-formed.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import getaddresses
from itertools import chain
from typing import BinaryIO

_LONGEST_LINE = 64 * 1024
_LARGEST_HEADER = 1024 * 1024
_DEEPEST = 20
_FAULTS = (ValueError, LookupError, TypeError, AttributeError, HeaderParseError)
_NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]+")
_parse = BytesHeaderParser().parsebytes


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a mail: its header (None: text between parts), and its bytes as they travel, line by line."""

    header: Message | None
    lines: Iterator[bytes]
    is_top: bool = False

    @property
    def media_type(self) -> str:
        """The type it states, or plain text."""
        try:
            return self.header.get_content_type() if self.header else "text/plain"
        except _FAULTS:
            return "application/octet-stream"

    @property
    def name(self) -> str:
        """The file name it states, or ``""``."""
        try:
            return decoded(self.header.get_filename("")) if self.header else ""
        except _FAULTS:
            return ""

    @property
    def is_between(self) -> bool:
        """Say whether it is text before, between or after parts: hints for old mail programs stand there."""
        return self.header is None or (self.is_top and self.header.get_content_maintype() == "multipart")

    @property
    def is_file(self) -> bool:
        """Say whether it is a file and not what was written."""
        if self.is_between:
            return False
        attached = str(self.header.get("Content-Disposition", "")) if self.header else ""
        return bool(self.name) or attached.lower().startswith("attachment") or self.media_type not in _WRITTEN

    def content(self) -> Iterator[bytes]:
        """Decode its bytes; what is not validly encoded is given as far as it goes."""
        how = ""
        if self.header is not None and self.header.get_content_maintype() != "multipart":
            how = str(self.header.get("Content-Transfer-Encoding", "")).strip().lower()
        if how == "base64":
            yield from _from_base64(self.lines)
        elif how == "quoted-printable":
            for line in self.lines:
                yield binascii.a2b_qp(line)
        else:
            yield from self.lines

    def text(self, content: bytes) -> str:
        """Read its content as text, in the letters that it states or else UTF-8."""
        try:
            stated = str(self.header.get_content_charset("utf-8")) if self.header else "utf-8"
            return content.decode(stated)
        except _FAULTS:
            return content.decode("utf-8", "replace")


_WRITTEN = ("text/plain", "text/html")


def parts_of(stream: BinaryIO) -> Iterator[Part]:
    """Walk the parts of a mail; read each before the next. The first one has the mail's own header."""
    yield from _Walk(stream).entity((), is_top=True)


def decoded(value: object) -> str:
    """Read a header's text; what cannot be decoded stays as it is written."""
    text = str(value)
    try:
        pieces = decode_header(text)
        words = [one if isinstance(one, str) else one.decode(charset or "ascii") for one, charset in pieces]
    except (*_FAULTS, binascii.Error):
        words = [text]
    return " ".join("".join(words).encode("utf-8", "replace").decode().split())


def addresses(values: Iterable[str]) -> list[tuple[str, str]]:
    """Read address fields as (name, address); nothing where the standard library cannot cope with them."""
    try:
        return getaddresses([*values])
    except (*_FAULTS, IndexError, RecursionError):
        return []


class _Walk:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._met: tuple[int, bool] | None = None
        """The boundary at which the last part ended: its depth, and whether it ends the multipart."""

    def entity(self, bounds: tuple[bytes, ...], *, is_top: bool = False) -> Iterator[Part]:
        header, ended = self._header(bounds)
        boundary = _boundary(header)
        if ended or not boundary or len(bounds) >= _DEEPEST:
            lines = chain(_unread(header), () if ended else self._body(bounds))
            part = Part(header, lines, is_top)
            yield part
            for _ in part.lines:
                pass
            return
        inner = (*bounds, boundary)
        yield from self._between(header if is_top else None, inner, is_top=is_top)
        while self._met == (len(bounds), False):
            yield from self.entity(inner)
        if self._met == (len(bounds), True):
            yield from self._between(None, bounds)

    def _between(
        self, header: Message | None, bounds: tuple[bytes, ...], *, is_top: bool = False
    ) -> Iterator[Part]:
        lines = self._body(bounds)
        part = Part(header, chain(_unread(header), lines) if header else lines, is_top)
        yield part
        for _ in part.lines:
            pass

    def _header(self, bounds: tuple[bytes, ...]) -> tuple[Message, bool]:
        """Read a header; say whether a boundary or the end came before its blank line."""
        raw: list[bytes] = []
        size, self._met = 0, None
        while line := self._stream.readline(_LONGEST_LINE):
            if met := _met(line, bounds):
                self._met = met
                return _parse(b"".join(raw)), True
            if not line.strip() or size > _LARGEST_HEADER:
                return _parse(b"".join(raw)), False
            raw.append(line)
            size += len(line)
        return _parse(b"".join(raw)), True

    def _body(self, bounds: tuple[bytes, ...]) -> Iterator[bytes]:
        """Give lines up to a boundary; the line break before it belongs to it (RFC 2046, 5.1.1)."""
        self._met, held, whole = None, b"", True
        while line := self._stream.readline(_LONGEST_LINE):
            if whole and (met := _met(line, bounds)):
                self._met = met
                if held := held.removesuffix(b"\n").removesuffix(b"\r"):
                    yield held
                return
            if held:
                yield held
            held, whole = line, line.endswith(b"\n")
        if held:
            yield held


def _unread(header: Message) -> list[bytes]:
    """Give what stands in a header and is no field: its blank line was lost, and this is the body."""
    rest = header.get_payload()
    return [f"{rest}\n".encode("utf-8", "surrogateescape")] if isinstance(rest, str) and rest.strip() else []


def _boundary(header: Message) -> bytes:
    try:
        stated = header.get_boundary("") if header.get_content_maintype() == "multipart" else ""
    except _FAULTS:
        return b""
    return stated.encode("utf-8", "surrogateescape").rstrip() if stated else b""


def _met(line: bytes, bounds: tuple[bytes, ...]) -> tuple[int, bool] | None:
    if not line.startswith(b"--"):
        return None
    stated = line.rstrip()[2:]
    for depth in reversed(range(len(bounds))):
        if stated in {bounds[depth], bounds[depth] + b"--"}:
            return depth, stated != bounds[depth]
    return None


def _from_base64(lines: Iterator[bytes]) -> Iterator[bytes]:
    left = b""
    for line in lines:
        left += _NO_BASE64.sub(b"", line)
        end = len(left) // 4 * 4
        yield _unpacked(left[:end])
        left = left[end:]
    yield _unpacked(left + b"=" * (-len(left) % 4))


def _unpacked(four: bytes) -> bytes:
    try:
        return binascii.a2b_base64(four)
    except binascii.Error:
        return b""
