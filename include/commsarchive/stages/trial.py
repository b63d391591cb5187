"""Trial: open every door of a connector once, before it is activated. Nothing is filed or kept.

Log in and list, look at the keys, fetch and decrypt one file, read the directory, reach the mailboxes, read
the mapping. What is said names files, fingerprints and the third-party mailbox, never people or secrets.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from include.commsarchive.collect.base import Collector
from include.commsarchive.collect.completeness import Pickup, Waiting
from include.commsarchive.collect.look import look
from include.commsarchive.connector import UPLOADED, Connector
from include.commsarchive.directory.base import Directory
from include.commsarchive.errors import CommsArchiveError, Fatal
from include.commsarchive.ledger.base import Ledger
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.mapping.snapshot import Snapshot
from include.commsarchive.mapping.users import Users
from include.commsarchive.pgp.base import Decryptor
from include.commsarchive.pgp.keys import expiring
from include.commsarchive.profile import source_of
from include.commsarchive.stages.bundles import expected_export
from include.commsarchive.stages.decrypt import bounds
from include.commsarchive.stages.mapping import content_of

NOTHING = "nothing to try; name a day with files"
"""Said where the day has no encrypted file."""

MOST_ROWS = 20
"""Bad rows of a mapping that are told."""


@dataclass(frozen=True, slots=True)
class Doors:
    """How the caller opens a connector's doors, from connections wherever they are kept."""

    collector: Callable[[Connector, dt.date], Collector]
    decryptor: Callable[[Connector], AbstractContextManager[Decryptor | None]]
    directory: Callable[[Connector], Directory | None]
    mailbox: Callable[[str], AbstractContextManager[Mailbox]]


@dataclass(frozen=True, slots=True)
class Tried:
    """How a step went: its name, whether it went well, and what there is to say, with the remedy."""

    step: str
    good: bool
    says: str


def try_doors(connector: Connector, day: dt.date, doors: Doors) -> Iterator[Tried]:
    """Try each door in turn, with a day's export; one that is shut does not keep the others from it."""
    trial = _Trial(connector, day, doors)
    with tempfile.TemporaryDirectory() as scratch:
        yield _tried("log in and list", trial.collect)
        yield _tried("keys", trial.keys)
        yield _tried("fetch and decrypt", partial(trial.decrypt, Path(scratch)))
    if connector.mapping.directory:
        yield _tried("read the directory", trial.directory)
    for place in connector.deliver:
        yield _tried("reach mailboxes", partial(trial.mailbox, place.connection))


def try_mapping(connector: Connector, ledger: Ledger) -> Tried:
    """Read the mapping and the scope, as files or as uploaded."""
    return _tried("mapping", lambda: _mapping(connector, ledger))


def _tried(step: str, action: Callable[[], str]) -> Tried:
    try:
        return Tried(step, good=True, says=action())
    except CommsArchiveError as error:
        return Tried(step, good=False, says=str(error))
    except (ImportError, OSError, OverflowError, ValueError) as error:
        fault = f"{type(error).__name__}. Mend what the definition or its connection says of this step"
        return Tried(step, good=False, says=fault)


@dataclass(slots=True)
class _Trial:
    connector: Connector
    day: dt.date
    doors: Doors
    pickups: list[Pickup] = field(default_factory=list)

    def collect(self) -> str:
        expected = expected_export(self.connector, source_of(self.connector), self.day)
        folder = self.connector.collect.folder

        async def twice() -> str:
            async with self.doors.collector(self.connector, self.day) as place:
                listing, _ = await look(place, folder, expected, None)
                _, verdict = await look(place, folder, expected, listing)
            found = f"{len(listing)} files in {folder}; {self.day}"
            if isinstance(verdict, Waiting):
                return f"{found} is not complete: {verdict.why} {', '.join(verdict.missing)}".rstrip()
            self.pickups.extend(verdict.pickups)
            ours = ", ".join(one.name for one in verdict.pickups)
            return f"{found} is complete: {ours or 'nothing of ours'}"

        return asyncio.run(twice())

    def keys(self) -> str:
        with self.doors.decryptor(self.connector) as ring:
            if ring is None:
                return "none, the connector has no `pgp` section"
            keys = ring.keys()
        if warnings := expiring(keys, dt.datetime.now(dt.UTC), dt.timedelta(days=45)):
            raise Fatal(" | ".join(warnings))
        ours = [key.fingerprint for key in keys if key.secret]
        return f"{len(ours)} of ours ({', '.join(ours)}), {len(keys) - len(ours)} of signers"

    def decrypt(self, scratch: Path) -> str:
        """Open the day's smallest file, to see that key and signer are right."""
        encrypted = sorted((one for one in self.pickups if one.encrypted), key=lambda one: one.file.size)
        if not encrypted or self.connector.pgp is None:
            return NOTHING
        smallest = encrypted[0]

        async def fetch() -> None:
            async with self.doors.collector(self.connector, self.day) as place:
                await place.fetch(smallest.file, scratch / "file")
                if smallest.signature:
                    await place.fetch(smallest.signature, scratch / "signature")

        asyncio.run(fetch())
        signature = scratch / "signature" if smallest.signature else None
        with self.doors.decryptor(self.connector) as ring:
            if ring is None:
                return NOTHING
            clear = ring.decrypt(scratch / "file", scratch / "clear", signature, bounds(self.connector.pgp))
        return f"{smallest.name}, {clear.size:,} bytes, signed by {clear.signed_by or 'nobody we know'}"

    def directory(self) -> str:
        rules, directory = self.connector.mapping, self.doors.directory(self.connector)
        users = Users(tuple(directory.users(rules.groups)) if directory else (), rules.groups)
        scope = users.in_scope(None, rules.groups, on_hold=rules.on_hold)
        inside = len(users.users) if scope is None else sum(user.mailbox in scope for user in users.users)
        return f"{rules.directory} has {len(users.users)} users, {inside} of them in scope"

    def mailbox(self, destination: str) -> str:
        third_party = self.connector.mapping.third_party_mailbox
        with self.doors.mailbox(destination) as mailbox:
            reasons = mailbox.missing([third_party])
        if reasons:
            raise Fatal(
                f"third-party mailbox {third_party}: {reasons[third_party]}. Make it, or mend the name"
            )
        return f"{destination} takes mail for {third_party}"


def _mapping(connector: Connector, ledger: Ledger) -> str:
    from include.commsarchive.mapping.table import read_mapping, read_scope  # noqa: PLC0415 - pandas

    rules = connector.mapping
    said = []
    if rules.custom == UPLOADED:
        kept = ledger.mapping(connector.name, "custom")
        if not kept:
            raise Fatal("`mapping.custom`: no mapping was uploaded yet; upload one")
        said.append(f"{len(Snapshot.from_json(kept).rows)} rows were uploaded")
    elif rules.custom:
        table = read_mapping(_content(rules.custom))
        _refuse(rules.custom, table.problems)
        said.append(f"{rules.custom} has {len(table.rows)} good rows")
    if rules.scope != "all":
        listed = read_scope(_content(rules.scope))
        _refuse(rules.scope, listed.problems)
        said.append(f"{rules.scope} has {len(listed.mailboxes)} custodians in scope")
    return "; ".join(said) or "no files"


def _content(path: str) -> bytes:
    content, faults = content_of(path)
    if faults:
        raise Fatal(faults[0])
    return content


def _refuse(path: str, problems: Sequence[object]) -> None:
    if problems:
        lines = [f"{path}: {one}" for one in problems[:MOST_ROWS]]
        more = len(problems) - len(lines)
        raise Fatal(" | ".join([*lines, f"and {more} more"] if more else lines))
