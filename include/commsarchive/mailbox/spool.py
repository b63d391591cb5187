"""Mails laid aside for a moment, because their size must be known before they are sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO

from include.commsarchive.errors import Retriable

IN_MEMORY = 1024 * 1024
"""Bytes of a mail that are kept in memory; a larger one waits on disk."""

_PIECE = 1 << 18


@dataclass(frozen=True, slots=True)
class Spooled:
    """A mail as it goes over the wire: ``size`` in bytes, and SHA-256."""

    body: IO[bytes]
    size: int
    sha256: str

    def pieces(self) -> Iterator[bytes]:
        """Give the bytes, from the start."""
        self.body.seek(0)
        while piece := self.body.read(_PIECE):
            yield piece


@contextmanager
def spooled(pieces: Iterable[bytes]) -> Iterator[Spooled]:
    """Lay a mail aside until the block ends.

    Raises:
        Retriable: it cannot be read from staging, or there is no room for it.
    """
    with SpooledTemporaryFile(IN_MEMORY) as body:
        content, size = hashlib.sha256(), 0
        try:
            for piece in pieces:
                content.update(piece)
                size += body.write(piece)
        except OSError as error:
            raise Retriable(
                f"a mail cannot be read from staging, or laid aside: {error.strerror}. Make room for "
                "temporary files, or run the connector's `convert` task again"
            ) from error
        yield Spooled(body, size, content.hexdigest())
