"""Trial: take every step of a connector once, for real, before it is activated. Nothing is filed or kept.

Log in and list, look at the keys, fetch, decrypt and read one file, read the directory and the mapping, map
who is in the file, ask for the mailboxes. What is said names files, fingerprints, counts and the third-party
mailbox, never people or secrets.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec

from include.commsarchive.collect.base import Collector
from include.commsarchive.collect.completeness import Pickup, Waiting
from include.commsarchive.collect.look import look
from include.commsarchive.connector import MIB, UPLOADED, Connector
from include.commsarchive.directory.base import Directory, DirectoryUser
from include.commsarchive.errors import CommsArchiveError, Fatal
from include.commsarchive.ledger.base import Run
from include.commsarchive.ledger.memory import MemoryLedger
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.mapping.resolve import Resolution, Resolver
from include.commsarchive.mapping.snapshot import Snapshot
from include.commsarchive.mapping.users import Users
from include.commsarchive.pgp.base import Decryptor
from include.commsarchive.pgp.keys import expiring
from include.commsarchive.profile import source_of
from include.commsarchive.sources.base import Role
from include.commsarchive.stages.bundles import bundles_of, expected_export
from include.commsarchive.stages.convert import convert_bundle
from include.commsarchive.stages.decrypt import decrypt
from include.commsarchive.stages.mapping import mapping_in_force, version_of
from include.commsarchive.stages.run import Scope
from include.commsarchive.stages.shards import heads
from include.commsarchive.stages.share import SHOWN
from include.commsarchive.staging.store import Staging

_log = logging.getLogger(__name__)

LARGEST = 64 * MIB
"""Bytes of a file that a trial fetches: a larger one is for a rehearsal."""

MOST_MAILBOXES = 100
"""Custodians' mailboxes that a trial asks for."""


@dataclass(frozen=True, slots=True)
class Doors:
    """How the caller opens a connector's doors, from connections wherever they are kept."""

    collector: Callable[[Connector, dt.date], Collector]
    decryptor: Callable[[Connector], AbstractContextManager[Decryptor | None]]
    directory: Callable[[Connector], Directory | None]
    mailbox: Callable[[str], AbstractContextManager[Mailbox]]


@dataclass(frozen=True, slots=True)
class Tried:
    """How a step went: its name, whether it went well, and what there is to say, with the remedy.

    ``done`` is False where there was nothing to try, or no whole day to try it with: ``says`` names why.
    """

    step: str
    good: bool
    says: str
    done: bool = True


class _Nothing(Exception):
    """There is nothing to try at this step."""


def try_connector(
    connector: Connector, day: dt.date, doors: Doors, custom: str | None = None
) -> Iterator[Tried]:
    """Take each step in turn, with a day's export; one that fails does not keep the others from it.

    ``custom`` is the uploaded mapping (a `Snapshot` as JSON), ``""`` for none. None: leave the mapping out.
    """
    with tempfile.TemporaryDirectory() as scratch:
        trial = _Trial(connector, day, doors, Path(scratch))
        yield _tried("log in and list", trial.collect)
        yield _tried("keys", trial.keys)
        yield _tried("fetch and decrypt", trial.decrypt)
        yield _tried("read", trial.read)
        if connector.mapping.directory:
            yield _tried("read the directory", trial.directory)
        if custom is not None:
            yield _tried("mapping", partial(trial.mapping, custom))
            yield _tried("map people", trial.map_people)
        for place in connector.deliver:
            yield _tried("reach mailboxes", partial(trial.mailbox, place.connection))


def _tried(step: str, action: Callable[[], str]) -> Tried:
    try:
        return Tried(step, good=True, says=action())
    except _Nothing as nothing:
        return Tried(step, good=True, says=str(nothing), done=False)
    except CommsArchiveError as error:
        return Tried(step, good=False, says=str(error))
    except (ImportError, OSError, OverflowError, ValueError) as error:
        fault = f"{type(error).__name__}. Mend what the definition or its connection says of this step"
        return Tried(step, good=False, says=fault)
    except Exception as error:  # noqa: BLE001 - a driver raises what it likes, and the other steps must go on
        return _unforeseen(step, error)


def _unforeseen(step: str, error: Exception) -> Tried:
    """Tell of an error by its kind and place alone: its text may hold secrets or content."""
    kind = type(error).__name__
    _log.error("trial, %s: %s\n%s", step, kind, "".join(traceback.format_tb(error.__traceback__)))
    return Tried(step, good=False, says=f"{kind}. Look at the web server's log")


@dataclass(slots=True)
class _Trial:
    """What one step finds for the next."""

    connector: Connector
    day: dt.date
    doors: Doors
    scratch: Path
    pickups: list[Pickup] = field(default_factory=list)
    clear: str = ""
    size: int = 0
    shards: list[str] = field(default_factory=list)
    people: _People | None = None
    resolver: Resolver | None = None
    custodians: list[str] = field(default_factory=list)

    def collect(self) -> str:
        expected = expected_export(self.connector, source_of(self.connector), self.day)
        folder = self.connector.collect.folder

        async def twice() -> str:
            async with self.doors.collector(self.connector, self.day) as place:
                listing, _ = await look(place, folder, expected, None)
                _, verdict = await look(place, folder, expected, listing)
            found = f"{len(listing)} file{'s' * (len(listing) != 1)} in {folder}; {self.day}"
            if isinstance(verdict, Waiting):
                missing = ", ".join(verdict.missing)
                raise _Nothing(f"{found} is not complete: {verdict.why} {missing}".rstrip())
            self.pickups.extend(verdict.pickups)
            ours = ", ".join(one.name for one in verdict.pickups)
            return f"{found} is complete: {ours or 'nothing of ours'}"

        return asyncio.run(twice())

    def keys(self) -> str:
        with self.doors.decryptor(self.connector) as ring:
            if ring is None:
                return "none: files are not encrypted, the definition has no `pgp` section"
            keys = ring.keys()
        if warnings := expiring(keys, dt.datetime.now(dt.UTC), dt.timedelta(days=45)):
            raise Fatal(" | ".join(warnings))
        ours = [key.fingerprint for key in keys if key.secret]
        return f"{len(ours)} of ours ({', '.join(ours)}), {len(keys) - len(ours)} of signers"

    def decrypt(self) -> str:
        """Fetch the day's smallest file, to see that key and signer are right, or a sample of its records."""
        if not self.pickups:
            raise _Nothing("no files to try; choose a day that has some")
        smallest = min(self.pickups, key=self._size_of_content)
        if smallest.file.size > LARGEST:
            raise _Nothing(f"{smallest.name} is large: rehearse a day instead")
        with self.doors.decryptor(self.connector) as ring:
            file = decrypt(self._scope(), smallest, self.doors.collector(self.connector, self.day), ring)
        if file.problem:
            raise Fatal(file.detail)
        self.clear, self.size = file.name, file.clear_size
        if self.connector.collect.drawn:
            return f"{smallest.name}, the beginning of the day: {file.clear_size:,} bytes"
        signed = f"signed by {file.signed_by or 'nobody we know'}" if file.encrypted else "not encrypted"
        return f"{smallest.name}, {file.clear_size:,} bytes, {signed}"

    def read(self) -> str:
        """Make items of the file that was decrypted."""
        if not self.clear:
            raise _Nothing("no file was fetched")
        if self.connector.collect.drawn and not self.size:
            raise _Nothing("the day has no records; choose one that has some")
        scope = self._scope()
        (bundle,) = bundles_of(scope.source, [self.clear])
        if not bundle.content:
            raise _Nothing(f"{self.clear} holds attachments alone; choose a day that has conversations")
        found = convert_bundle(scope.source, bundle, scope.folder, self.connector.items)
        done, self.shards = found.receipt, found.receipt.shards
        bad = ", ".join(f"{number} {reason}" for reason, number in sorted(done.quarantined.items()))
        if bad:
            counts = f"{self.clear}: {done.items} items; set aside: {bad}. docs/failures.md says why"
            raise Fatal(" | ".join([counts, *map(str, found.units[:SHOWN])]))
        return f"{self.clear}: {done.items} items, {done.participants} people in them, nothing set aside"

    def directory(self) -> str:
        rules, directory = self.connector.mapping, self.doors.directory(self.connector)
        self.people = _People(directory.users(rules.groups) if directory else [])
        users = Users(tuple(self.people.known), rules.groups)
        scope = users.in_scope(None, rules.groups, on_hold=rules.on_hold)
        inside = len(users.users) if scope is None else sum(user.mailbox in scope for user in users.users)
        return f"{rules.directory} has {len(users.users)} users, {inside} of them in scope"

    def mapping(self, custom: str) -> str:
        """Read the mapping and the scope, as files or as uploaded."""
        rules, ledger = self.connector.mapping, MemoryLedger()
        if rules.directory and not self.people:
            raise _Nothing("waits for the directory")
        if custom and rules.custom == UPLOADED:
            ledger.keep_mapping(self.connector.name, "custom", version_of(custom), custom)
        found = mapping_in_force(self.connector, ledger, self.people)
        if found.problems:
            raise Fatal(" | ".join(found.problems))
        self.resolver = found.resolver
        said = []
        if kept := ledger.mapping(self.connector.name, "custom"):
            what = "were uploaded" if rules.custom == UPLOADED else f"are in {rules.custom}"
            said.append(f"{len(Snapshot.from_json(kept).rows)} good rows {what}")
        if kept := ledger.mapping(self.connector.name, "scope"):
            said.append(f"custodians in scope: {len(msgspec.json.decode(kept))}")
        return "; ".join(said) or "no files: everybody by corporate address or the directory"

    def map_people(self) -> str:
        """Find the mailboxes of who is in the file."""
        if not (self.resolver and self.shards):
            raise _Nothing("no file was read, or no mapping")
        folder = self._scope().folder
        found = [self.resolver.custodians(one) for _, one in heads(folder, self.shards)]
        third_party = self.connector.mapping.third_party_mailbox.lower()
        boxes = dict.fromkeys(box for one in found for box in one.mailboxes)
        self.custodians = [box for box in boxes if box != third_party]
        return _told(found, len(self.custodians))

    def mailbox(self, destination: str) -> str:
        rules = self.connector.mapping
        third_party, asked = rules.third_party_mailbox, self.custodians[:MOST_MAILBOXES]
        with self.doors.mailbox(destination) as mailbox:
            reasons = mailbox.missing([third_party, *asked])
        if reason := reasons.pop(third_party, ""):
            raise Fatal(f"third-party mailbox {third_party}: {reason}. Make or open it, or mend the name")
        said = f"{destination} takes mail for {third_party}"
        if asked:
            said += f" and for {len(asked) - len(reasons)} of {len(asked)} custodians of the file"
        if reasons:
            why = ", ".join(f"{number} {reason}" for reason, number in Counter(reasons.values()).items())
            goes = rules.missing_mailbox.replace("_", "-")
            raise Fatal(f"{said}: {why}. Make them or map to others; else their copies go to {goes}")
        return said

    def _size_of_content(self, one: Pickup) -> tuple[bool, int]:
        claim = source_of(self.connector).claim(one.clear_name)
        return bool(claim and claim.role is Role.ATTACHMENTS), one.file.size

    def _scope(self) -> Scope:
        rooms, name = Staging(self.scratch), self.connector.name
        run = Run("trial", name, self.day, "manual", dt.datetime.now(dt.UTC))
        return Scope(
            connector=self.connector,
            source=source_of(self.connector),
            run=run,
            folder=rooms.run(name, run.run_id),
            held=rooms.held(name),
            ledger=MemoryLedger(),
        )


@dataclass(frozen=True, slots=True)
class _People:
    """A directory as it was read: it is not asked twice."""

    known: list[DirectoryUser]

    def users(self, groups: Collection[str]) -> list[DirectoryUser]:
        del groups
        return self.known


def _told(found: Collection[Resolution], custodians: int) -> str:
    """Say in counts who is mapped."""
    unmapped = {person.key for one in found for person in one.unmapped_people}
    lost, out = sum(one.unmapped for one in found), sum(one.excluded for one in found)
    said = [f"items: {len(found)}", f"custodians who get copies: {custodians}"]
    if unmapped:
        said.append(f"own people without a mailbox, to add to the mapping: {len(unmapped)}")
    if lost:
        said.append(f"items of nobody whom we know, for the third-party mailbox: {lost}")
    if out:
        said.append(f"items out of scope: {out}")
    return "; ".join(said)
