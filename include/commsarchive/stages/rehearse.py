"""Rehearse: a day's whole path up to the wire. Nothing is filed, and nothing but the report is kept.

The ledger is asked what was delivered before, mailboxes whether they take mail; neither is told anything.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO, cast

from include.commsarchive.collect.base import Collector
from include.commsarchive.collect.completeness import Pickup, Waiting
from include.commsarchive.collect.look import look
from include.commsarchive.connector import Connector
from include.commsarchive.directory.base import Directory
from include.commsarchive.errors import Retriable
from include.commsarchive.ledger.base import Held, Known, Ledger, Run
from include.commsarchive.ledger.sql import connect
from include.commsarchive.mailbox.base import Mailbox
from include.commsarchive.message.mime import encode
from include.commsarchive.model import Kept, Letter, Outcome
from include.commsarchive.pgp.base import Decryptor
from include.commsarchive.sources.base import Source
from include.commsarchive.stages.bundles import bundles_of, expected_export
from include.commsarchive.stages.convert import convert
from include.commsarchive.stages.decrypt import decrypt
from include.commsarchive.stages.deliver import deliver
from include.commsarchive.stages.import_log import csv_line
from include.commsarchive.stages.map_users import destination_of, map_users
from include.commsarchive.stages.mapping import mapping_in_force
from include.commsarchive.stages.run import ConvertReceipt, MapReceipt, Scope
from include.commsarchive.stages.share import SHOWN
from include.commsarchive.staging.store import Staging

COLUMNS = ("Destination", "Mailbox", "Folder", "Message-ID", "Said (UTC)", "Bytes", "Attachments")


@dataclass(frozen=True, slots=True)
class Doors:
    """What a day passes on its way; the mailboxes are by destination."""

    source: Source
    collector: Collector
    decryptor: Decryptor | None
    mailboxes: Mapping[str, Mailbox]
    ledger: Ledger
    directory: Directory | None = None


@dataclass(slots=True)
class Rehearsed:
    """What would become of a day: files and what convert and map_users say, and the copies to file.

    ``aside`` are the first things that cannot be read.
    """

    files: int
    stopped: int
    converted: ConvertReceipt
    mapped: MapReceipt
    aside: tuple[Held, ...] = ()
    problems: tuple[str, ...] = ()
    copies: int = 0
    bytes: int = 0
    mailboxes: int = 0


def rehearse(connector: Connector, day: dt.date, doors: Doors, scratch: Path, report: TextIO) -> Rehearsed:
    """Take a day as far as the wire; write one line of CSV to ``report`` for each copy that would be filed.

    Raises:
        Retriable: the day is not complete, or the outside world failed.
        Fatal: somebody refuses us, or the configuration is wrong.
    """
    rooms = Staging(scratch / "staging")
    run = Run("rehearsal", connector.name, day, "manual", dt.datetime.now(dt.UTC))
    with connect(f"sqlite:///{scratch / 'ledger.db'}") as fresh:
        ledger = cast(Ledger, _Informed(fresh, doors.ledger))
        scope = Scope(
            connector=connector,
            source=doors.source,
            run=ledger.open_run(run),
            folder=rooms.run(connector.name, run.run_id),
            held=rooms.held(connector.name),
            ledger=ledger,
        )
        files = [decrypt(scope, one, doors.collector, doors.decryptor) for one in _pickups(scope, doors)]
        converted = ConvertReceipt(day.isoformat())
        for bundle in bundles_of(doors.source, [one.name for one in files]):
            names = {*bundle.content, *bundle.attachments}
            converted.add(convert(scope, bundle, [one for one in files if one.name in names]))
        aside = tuple(islice(ledger.held(connector.name, day, day), SHOWN))
        rules = mapping_in_force(connector, ledger, doors.directory)
        mapped = map_users(scope, converted.shards, rules.resolver, doors.mailboxes)
        wire = _Wire(report)
        for plan in mapped.plans:
            wire.destination = destination_of(plan)
            deliver(scope, plan, wire)
    return Rehearsed(
        files=len(files),
        stopped=sum(one.problem != "" for one in files),
        converted=converted,
        mapped=mapped,
        aside=aside,
        problems=rules.problems,
        copies=wire.copies,
        bytes=wire.bytes,
        mailboxes=len(wire.owners),
    )


def told(rehearsed: Rehearsed) -> dict[str, Any]:
    """Say what was found, for a log or a terminal: counts, and why the first things were set aside."""
    mapped = rehearsed.mapped
    return {
        "files": rehearsed.files,
        "files_stopped": rehearsed.stopped,
        "found": rehearsed.converted.found,
        "quarantined": rehearsed.converted.quarantined,
        "reasons": [
            {"reason": one.reason, "place": one.place, "detail": one.detail} for one in rehearsed.aside
        ],
        "excluded": mapped.excluded,
        "duplicate": mapped.duplicate,
        "unmapped": mapped.unmapped,
        "unmapped_people": mapped.unmapped_people,
        "mailboxes_missing": mapped.mailboxes_missing,
        "mapping_problems": len(rehearsed.problems),
        "copies_to_file": rehearsed.copies,
        "bytes_to_file": rehearsed.bytes,
        "mailboxes": rehearsed.mailboxes,
    }


def _pickups(scope: Scope, doors: Doors) -> list[Pickup]:
    expected = expected_export(scope.connector, doors.source, scope.run.day)
    folder = scope.connector.collect.folder

    async def twice() -> list[Pickup]:
        async with doors.collector as place:
            listing, _ = await look(place, folder, expected, None)
            _, verdict = await look(place, folder, expected, listing)
        if isinstance(verdict, Waiting):
            what = f"{verdict.why} {', '.join(verdict.missing)}".rstrip()
            raise Retriable(f"{scope.run.day} is not complete: {what}. Rehearse it later")
        return list(verdict.pickups)

    return asyncio.run(twice())


class _Informed:
    """A fresh ledger that knows what the real one knows of copies and mappings, and keeps all else apart."""

    def __init__(self, fresh: Ledger, real: Ledger) -> None:
        self._fresh, self._real = fresh, real

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._fresh, verb)

    def delivered(self, delivery_keys: Collection[str]) -> dict[str, Known]:
        known = self._fresh.delivered(delivery_keys)
        elsewhere = self._real.delivered(delivery_keys)
        return known | {key: one for key, one in elsewhere.items() if one.delivered}

    def mapping(self, connector: str, kind: str) -> str:
        return self._fresh.mapping(connector, kind) or self._real.mapping(connector, kind)


class _Wire:
    """Where the path ends: a `Mailbox` that encodes what it is given and writes down where it would go."""

    keyed = True
    readable = True

    def __init__(self, report: TextIO) -> None:
        self._report = report
        self._report.write(csv_line(COLUMNS))
        self.destination = ""
        self.copies = 0
        self.bytes = 0
        self.owners: set[tuple[str, str]] = set()

    def append(self, letters: Sequence[Letter]) -> list[Outcome]:
        sizes = {id(one.mail): sum(map(len, encode(one.mail))) for one in letters}
        for one in letters:
            said = dt.datetime.fromtimestamp(one.mail.at / 1000, dt.UTC)
            place = (self.destination, one.mailbox, one.folder or "Inbox")
            size, attachments = sizes[id(one.mail)], len(one.mail.attachments)
            cells = (*place, one.mail.message_id, f"{said:%Y-%m-%dT%H:%M:%SZ}", size, attachments)
            self._report.write(csv_line(cells))
            self.copies += 1
            self.bytes += size
            self.owners.add((self.destination, one.mailbox))
        return [Outcome(one.delivery_key, "rehearsed") for one in letters]

    def missing(self, mailboxes: Collection[str]) -> dict[str, str]:
        del mailboxes
        return {}

    def find(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> dict[str, str]:
        del mailbox, folder, delivery_keys
        return {}

    def inspect(self, mailbox: str, folder: str, server_ids: Collection[str]) -> dict[str, Kept]:
        del mailbox, folder, server_ids
        return {}

    def prune(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> int:
        del mailbox, folder, delivery_keys
        return 0

    def close(self) -> None:
        pass
