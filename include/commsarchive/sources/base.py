"""What a source is: how to recognise and bundle its files, and how to read items from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import BinaryIO, Protocol, runtime_checkable

from include.commsarchive.model import Item, Refused


class Role(StrEnum):
    """What a file is within its bundle."""

    CONTENT = "content"
    ATTACHMENTS = "attachments"
    CONTAINER = "container"
    """Both at once: an archive that holds conversations and their attachments."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A source's word on one file name: which bundle it belongs to, as what, and its place there.

    ``order`` sorts continuation parts (``.xml``, ``.xml1``, …). Names are as in the export, without
    ``.gpg``/``.pgp``/``.asc``.
    """

    bundle: str
    role: Role
    order: int = 0


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes set aside while a bundle is read: their SHA-256 and size."""

    blob: str
    size: int


@dataclass(frozen=True, slots=True)
class Options:
    """How items are cut, see `connector.Items`; ``texts`` are what is known by name, see `Dictionary`."""

    per: str = "conversation"
    max_events: int = 5000
    max_bytes: int = 20 * 1024 * 1024
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of whole records of one content file, small enough to hold in memory (some MiB).

    What crosses to a worker process: plain bytes and strings. ``place`` says where it was found, for
    people; ``start`` is its offset in the clear text, in bytes; ``context`` is what the file's head said
    that every record needs (format version). A record larger than a chunk comes as several chunks,
    each complete in itself. ``starts`` are the offsets in ``raw`` at which its records begin; each runs
    to the next one's. ``truncated`` says that the file ended within or right after the last record.
    """

    place: str
    start: int
    raw: bytes
    context: Mapping[str, str] = field(default_factory=dict)
    truncated: bool = False
    starts: tuple[int, ...] = (0,)


class Source(Protocol):
    """One vendor format. Implementations are stateless values; add one line to `registry`."""

    name: str
    title: str
    message_class: str
    """``IPM.NOTE.<Source>``; the event class is appended."""
    item_class: str
    """``ipm.externaldata.<type>`` (Purview facts, section 5)."""
    folder: str
    """Default folder below the Inbox."""

    def claim(self, name: str) -> Claim | None:
        """Say what a file is by its name, or None when it is not this source's."""

    def chunks(self, name: str, stream: BinaryIO, options: Options) -> Iterator[Chunk | Refused]:
        """Cut a content file into chunks, in order, with flat memory.

        Raises:
            Quarantine: the whole file must be set aside (DTD, unknown version, not this format).
        """

    def parse(
        self, chunk: Chunk, attachments: Mapping[str, Stored], options: Options
    ) -> Iterator[Item | Refused]:
        """Read the items of one chunk. ``attachments`` are the bundle's, by member name as stored."""

    def members(self, name: str, stream: BinaryIO) -> Iterator[tuple[str, BinaryIO] | Refused]:
        """Walk an attachments file: member name and its bytes, to be read before the next.

        Raises:
            Quarantine: the file cannot be read any further.
        """


@runtime_checkable
class Enclosing(Protocol):
    """A source whose content files may hold the bytes of attachments, whatever they are called."""

    encloses: bool


@runtime_checkable
class Profiled(Protocol):
    """A source that reads what a profile describes; see `sources.own_files`."""

    profile: str
    """JSON; ``""``: none was handed in yet, and nothing can be read."""

    def described(self, profile: str) -> Source:
        """Give the source that a profile makes of this one."""


@runtime_checkable
class Dictionary(Protocol):
    """A source whose items name texts that stand elsewhere: disclaimers in a file of their own.

    What a bundle's content files define, and what earlier days' did, is in `Options.texts` when the
    bundle is parsed: every text of a name, where there are several.
    """

    def dictionary(self, name: str, stream: BinaryIO) -> Iterator[tuple[str, str]]:
        """Read the texts that a content file defines, by name; what it cannot read is left to `chunks`."""
