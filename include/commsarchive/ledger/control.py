"""What people decide and do: connectors made by hand, and the trail of every change and look at content.

It lies in the ledger, beside the evidence that it explains: one database to back up, one proof, and a
change is committed together with its entry in the trail.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from include.commsarchive.errors import CommsArchiveError
from include.commsarchive.ledger.chain import GENESIS, Head, canonical

_RETIRED = '{"retired":'


class Outdated(CommsArchiveError):
    """A change was made to a version that is no longer the last; ``current`` is what is there now."""

    def __init__(self, name: str, current: StoredConnector | None) -> None:
        """Say what to do."""
        version = current.version if current else 0
        super().__init__(
            f"connector {name}: version {version} is the last one. Read it and make your change again"
        )
        self.name = name
        self.current = current


@dataclass(frozen=True, slots=True)
class StoredConnector:
    """One version of a connector made by hand, as canonical JSON. ``at`` is when (ms), ``who`` made it.

    One that was retired then has as definition an object with one key, ``retired``: what it was before.
    """

    name: str
    version: int
    definition: str
    who: str
    at: int

    @property
    def retired(self) -> bool:
        """Say whether it was taken out of use."""
        return self.definition.startswith(_RETIRED)

    @property
    def stated(self) -> str:
        """Give its definition, the last one that it had if it is retired."""
        return self.definition[len(_RETIRED) : -1] if self.retired else self.definition


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody does something to a thing: ``what`` is a slug, ``outcome`` ``asked``, ``done`` or another.

    ``thing`` names what it is done to within the connector, which is ``""`` for the whole archive. Never
    message content.
    """

    who: str
    what: str
    connector: str = ""
    thing: str = ""
    outcome: str = "done"
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An act as recorded at ``at`` (ms). ``hash`` covers all of it and ``previous``, the entry before."""

    seq: int
    at: int
    act: Act
    previous: str
    hash: str = ""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries of the trail: empty texts are any; times are ms, the first included, the last not."""

    connectors: Sequence[str] | None = None
    who: str = ""
    what: str = ""
    first: int = 0
    last: int = 2**62


class Control(Protocol):
    """Connectors made by hand and the audit trail. Every verb commits before it returns.

    Raises:
        Retriable: (every verb) the ledger cannot be reached, is locked or has no room.
    """

    def connectors(self) -> list[StoredConnector]:
        """List the last version of each, by name."""

    def versions(self, name: str) -> list[StoredConnector]:
        """List every version of one, the last first."""

    def put_connector(self, name: str, definition: str, expected: int, who: str) -> StoredConnector:
        """Add a version after version ``expected``, 0 for none, with its entry in the trail.

        The same definition again is no new version; on a retired connector it brings it back.

        Raises:
            Outdated: another version is the last.
        """

    def retire_connector(self, name: str, expected: int, who: str) -> StoredConnector:
        """Take a connector out of use by a version after version ``expected``, with its entry in the trail.

        All its versions stay. Doing it again is no new version.

        Raises:
            Outdated: another version is the last, or there is none.
        """

    def note(self, act: Act) -> AuditEntry:
        """Append to the trail."""

    def audit(self, chosen: AuditFilter, before: int, limit: int) -> list[AuditEntry]:
        """List entries numbered below ``before``, the last first."""

    def verify_audit(self) -> Iterable[str]:
        """Recompute the trail's chain; yield one line for each thing that is off."""


def next_entry(head: Head, act: Act, now: int) -> AuditEntry:
    """Make the entry that follows the head."""
    entry = AuditEntry(head.seq + 1, now, act, head.hash)
    return replace(entry, hash=entry_hash(entry))


def entry_hash(entry: AuditEntry) -> str:
    """Hash an entry's content and the hash of the one before it (SHA-256, 64 hexadecimal digits)."""
    act = entry.act
    content = {
        "seq": entry.seq,
        "at": entry.at,
        "who": act.who,
        "what": act.what,
        "connector": act.connector,
        "thing": act.thing,
        "outcome": act.outcome,
        "detail": dict(act.detail),
    }
    return hashlib.sha256(f"{entry.previous}\n{canonical(content)}".encode("ascii")).hexdigest()


def check_audit(entries: Iterable[AuditEntry], head: Head) -> Iterator[str]:
    """Recompute the chain; give a line for each thing that is off."""
    last = Head(0, GENESIS)
    for entry in entries:
        if entry.hash != entry_hash(entry):
            yield f"audit entry {entry.seq}: its content is not what was hashed: the entry was changed"
        if (entry.seq, entry.previous) != (last.seq + 1, last.hash):
            yield f"audit entry {entry.seq}: does not follow {last.seq}: one was changed, removed or inserted"
        last = Head(entry.seq, entry.hash)
    if last != head:
        yield f"the audit trail ends with entry {last.seq}, its head is {head.seq}: the end was changed"


def next_version(
    last: StoredConnector | None, name: str, definition: str | None, expected: int, who: str, now: int
) -> StoredConnector:
    """Make the version that follows the last one, or give the last if it says the same.

    None as a definition retires the connector.

    Raises:
        Outdated: another version is the last.
    """
    if definition is None:
        if last is None:
            raise Outdated(name, None)
        definition = f"{_RETIRED}{last.stated}}}"
    if last and last.definition == definition and expected in (0, last.version):
        return last
    if expected != (last.version if last else 0):
        raise Outdated(name, last)
    return StoredConnector(name, expected + 1, definition, who, now)


def change_of(before: StoredConnector | None, made: StoredConnector) -> Act:
    """Describe a change of a connector for the trail."""
    what = "change"
    if before is None:
        what = "create"
    elif made.retired:
        what = "retire"
    elif before.retired:
        what = "restore"
    version = f"version {made.version}"
    return Act(made.who, f"{what}-connector", made.name, version, detail={"version": made.version})
