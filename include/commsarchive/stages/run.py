"""What every stage works with, and the receipts that stages hand on: hashes, counts, names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from include.commsarchive.ledger.base import Ledger, Run
from include.commsarchive.sources.base import Source
from include.commsarchive.staging.store import Folder

if TYPE_CHECKING:  # it brings pydantic, for which a process of `convert` has no use
    from include.commsarchive.connector import Connector, Deliver

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Scope:
    """One run of one connector, with its rooms open."""

    connector: Connector
    source: Source
    run: Run
    folder: Folder
    held: Folder
    ledger: Ledger

    def mail_folder(self, place: Deliver) -> str:
        """Name the folder below the Inbox that receives copies at a destination."""
        return place.folder or self.source.folder


@dataclass(frozen=True, slots=True)
class FileReceipt:
    """A collected file: ``clear/<name>`` in the run's folder, made of ``raw/<raw>``.

    ``signature`` is the name of its detached signature, beside the original, or ``""``; ``stated`` the
    checksum that came with it, as ``md5:…`` or ``sha256:…``, or ``""``. Sizes are bytes; ``problem`` is a
    reason slug when it was set aside, and then there is no clear file. ``instead_of`` are ids of what is held
    of its name and day and came with it anew.
    """

    name: str
    raw: str
    signature: str
    encrypted: bool
    size: int
    sha256: str
    clear_size: int = 0
    clear_sha256: str = ""
    signed_by: str = ""
    problem: str = ""
    detail: str = ""
    stated: str = ""
    instead_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bundle:
    """Files of an export that are read together, by clear name."""

    name: str
    content: tuple[str, ...]
    attachments: tuple[str, ...] = ()


@dataclass(slots=True)
class ConvertReceipt:
    """What `convert` made of a bundle.

    ``found`` = ``items`` + the sum of ``quarantined`` (by reason). ``events`` are counted by kind.
    ``attachments_missing`` are listed but were not delivered, ``attachments_unclaimed`` the other way
    round. ``held`` are the ids of what was set aside, ``made_up_for`` those of files that could not be read
    before and now came again.
    """

    bundle: str
    shards: list[str] = field(default_factory=list)
    items: int = 0
    events: dict[str, int] = field(default_factory=dict)
    participants: int = 0
    attachments: int = 0
    attachments_missing: int = 0
    attachments_unclaimed: int = 0
    repaired: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    held: list[str] = field(default_factory=list)
    made_up_for: list[str] = field(default_factory=list)

    @property
    def found(self) -> int:
        """Units found: items and things set aside."""
        return self.items + sum(self.quarantined.values())

    def add(self, other: ConvertReceipt) -> None:
        """Take another receipt's counts into this one."""
        self.shards += other.shards
        self.items += other.items
        self.participants += other.participants
        self.attachments += other.attachments
        self.attachments_missing += other.attachments_missing
        self.attachments_unclaimed += other.attachments_unclaimed
        self.held += other.held
        self.made_up_for += other.made_up_for
        self.repaired += other.repaired
        for kind, number in other.events.items():
            count(self.events, kind, number)
        for reason, number in other.quarantined.items():
            count(self.quarantined, reason, number)


def count(counts: dict[str, int], key: str, by: int = 1) -> None:
    """Add to one of several counts."""
    counts[key] = counts.get(key, 0) + by


@dataclass(frozen=True, slots=True)
class MapReceipt:
    """What `map_users` planned. ``plans`` are the partitions to deliver, by name in the run's folder.

    ``versions`` names what the run was configured with, each kind as the ledger keeps it.
    """

    plans: list[str]
    items: int
    planned: int
    duplicate: int
    excluded: int
    unmapped: int
    unmapped_people: int
    deliveries: int
    mapping_version: str
    mailboxes_missing: int = 0
    versions: dict[str, str] = field(default_factory=dict)


def batches(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Cut a stream into lists of at most ``size``."""
    stream = iter(rows)
    while batch := list(islice(stream, size)):
        yield batch
