"""A day's whole path below Airflow, with real parts: gpg, staging and ledger on disk, Maildir.

`Archive.archive` calls the stages in the order of the connector's DAG and keeps what each task handed on,
as Airflow does: calling it again with the same run is a retry that goes on at the task that failed.
"""

from __future__ import annotations

import datetime as dt
import io
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
import msgspec
from commsarchive_airflow.handover import ListedBundle, StagedBundle, listed_bundles

from include.commsarchive.collect.base import Collector
from include.commsarchive.collect.completeness import Complete, Waiting
from include.commsarchive.collect.folder import FolderCollector
from include.commsarchive.collect.look import look
from include.commsarchive.connector import Connector
from include.commsarchive.errors import Fatal
from include.commsarchive.ledger.base import Held, ImportRecord, Ledger, Run
from include.commsarchive.ledger.sql import connect
from include.commsarchive.mailbox.maildir import Maildir
from include.commsarchive.message.mime import encode
from include.commsarchive.pgp.base import Decryptor
from include.commsarchive.profile import source_of
from include.commsarchive.stages.bundles import expected_export
from include.commsarchive.stages.convert import convert
from include.commsarchive.stages.decrypt import decrypt
from include.commsarchive.stages.deliver import deliver
from include.commsarchive.stages.ingest import IngestReceipt
from include.commsarchive.stages.map_users import map_users
from include.commsarchive.stages.mapping import mapping_in_force
from include.commsarchive.stages.reconcile import reconcile
from include.commsarchive.stages.recover import recover
from include.commsarchive.stages.replay import Reopened, reopen, resolve
from include.commsarchive.stages.run import ConvertReceipt, MapReceipt, Scope
from include.commsarchive.staging.store import Staging
from tests.servers.vendor import Vendor

DAY = dt.date(2024, 3, 12)
CHATS = "f1.ib19.240312.xml"
MORE_CHATS = "f1.ib19.240312.xml1"
FILES = "f1.ib19.att.240312.tar.gz"

Handed = TypeVar("Handed")
Mails = dict[str, bytes]
"""What lies in the mailboxes, by path."""

CONNECTOR = Connector.model_validate(
    {
        "name": "feed",
        "source": "instant_bloomberg",
        "collect": {"connection": "vendor"},
        "pgp": {"connection": "keys"},
        "mapping": {"third_party_mailbox": "third@firm.example"},
        "deliver": {"connection": "archive", "folder": "Chats"},
        "schedule": {"start": "2024-03-01"},
    }
)


@dataclass
class Archive:
    """Everything that outlives a run, below ``root``; the vendor's files lie in ``served``.

    ``keys`` is an open key ring. ``create`` says whether mailboxes appear on demand, ``looks_up`` whether
    they are looked up before anything is planned: if not, it is as if they went away right afterwards.
    """

    root: Path
    keys: Decryptor | None
    connector: Connector = CONNECTOR
    collector: Callable[[], Collector] | None = None
    create: bool = True
    looks_up: bool = True

    @property
    def served(self) -> Path:
        return self.root / "served"

    @property
    def mail(self) -> Path:
        return self.root / "mail"

    @property
    def handed_on(self) -> Path:
        """What tasks handed on, which is Airflow's and not ours."""
        return self.root.with_name(f"{self.root.name} handed on")

    def archive(self, run_id: str = "one", day: dt.date = DAY) -> ImportRecord:
        """Archive a day, or go on with a run that failed."""
        with self.opened(run_id, day, "scheduled") as (scope, tasks):
            listed = tasks.run("wait_for_export", list[ListedBundle], partial(self._wait, scope))
            staged = [
                tasks.run(f"decrypt {number}", StagedBundle, partial(self._decrypt, scope, one))
                for number, one in enumerate(listed)
            ]
            converted = [
                tasks.run(f"convert {number}", ConvertReceipt, partial(convert, scope, one.bundle, one.files))
                for number, one in enumerate(staged)
            ]
            record = self._file(scope, tasks, converted)
            resolve(scope, converted, ())
            return record

    def replay(self, run_id: str = "replay", which: str = "all") -> ImportRecord:
        """Put back in what was set aside."""
        with self.opened(run_id, DAY, "replay") as (scope, tasks):
            work = partial(reopen, scope, (dt.date.min, dt.date.max), which, self.keys)
            back = tasks.run("reopen", Reopened, work)
            record = self._file(scope, tasks, [back.receipt])
            resolve(scope, [back.receipt], back.held_ids)
            return record

    def clear(self, run_id: str = "one", task: str = "") -> None:
        """Forget what the tasks of a run handed on: all of it, or from a task on, as an admin would."""
        Tasks(self.handed_on / run_id).forget(task)

    def mails(self) -> Mails:
        """Read all mailboxes."""
        return {
            str(path.relative_to(self.mail)): path.read_bytes()
            for path in self.mail.rglob("cur/*")
            if not path.is_relative_to(self.mail / ".tmp")
        }

    def held(self) -> list[Held]:
        """List what is set aside."""
        with self.ledger() as ledger:
            return list(ledger.held("feed", dt.date.min, dt.date.max))

    def held_bytes(self) -> dict[str, bytes]:
        """Read what lies there of the things set aside, by path."""
        folder = self.root / "staging" / "feed" / "held"
        files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}

    def copied(self, root: Path) -> Archive:
        """Make a copy that goes its own way."""
        copy = replace(self, root=root)
        for place, its_place in ((self.root, root), (self.handed_on, copy.handed_on)):
            if place.exists():
                shutil.copytree(place, its_place)
        return copy

    def reasons(self) -> list[str]:
        """Say why things are set aside."""
        return [one.reason for one in self.held()]

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with connect(f"sqlite:///{self.root / 'ledger.db'}") as ledger:
            yield ledger

    @contextmanager
    def opened(self, run_id: str, day: dt.date, kind: str) -> Iterator[tuple[Scope, Tasks]]:
        """Open a run with its rooms."""
        staging = Staging(self.root / "staging")
        with self.ledger() as ledger:
            run = ledger.open_run(Run(run_id, "feed", day, kind, dt.datetime(2024, 3, 20, tzinfo=dt.UTC)))
            folder, held = staging.run("feed", run_id), staging.held("feed")
            kind_of = source_of(self.connector)
            yield (
                Scope(self.connector, kind_of, run, folder, held, ledger),
                Tasks(self.handed_on / run_id),
            )

    def _collector(self) -> Collector:
        return self.collector() if self.collector else FolderCollector(self.served)

    def _wait(self, scope: Scope) -> list[ListedBundle]:
        """Look twice, as the sensor does at its deadline."""
        expected = expected_export(self.connector, scope.source, scope.run.day)

        async def twice() -> Complete | Waiting:
            async with self._collector() as place:
                seen, _ = await look(place, ".", expected, None)
                return (await look(place, ".", expected, seen))[1]

        verdict = anyio.run(twice)
        if isinstance(verdict, Waiting):
            raise Fatal(f"{verdict.why}: {', '.join(verdict.missing)}")
        return listed_bundles(scope.source, verdict.pickups)

    def _decrypt(self, scope: Scope, one: ListedBundle) -> StagedBundle:
        files = [decrypt(scope, pickup, self._collector(), self.keys) for pickup in one.pickups]
        return StagedBundle(one.bundle, files)

    def _file(self, scope: Scope, tasks: Tasks, converted: list[ConvertReceipt]) -> ImportRecord:
        shards = [shard for one in converted for shard in one.shards]
        mailbox = Maildir(self.mail, encode, create=self.create)
        mapped = tasks.run("map_users", MapReceipt, partial(_map, scope, shards, mailbox, self.looks_up))
        filed = [
            tasks.run(f"ingest {plan}", IngestReceipt, partial(deliver, scope, plan, mailbox))
            for plan in mapped.plans
        ]
        record = reconcile(scope.run, scope.ledger, converted, mapped, filed)
        assert list(scope.ledger.verify()) == []
        return record


def _map(scope: Scope, shards: list[str], mailbox: Maildir, looks_up: bool) -> MapReceipt:
    recover(scope.ledger, {"archive": mailbox}, scope.run.run_id)
    places = {"archive": mailbox} if looks_up else {}
    return map_users(scope, shards, mapping_in_force(scope.connector, scope.ledger).resolver, places)


@dataclass
class Tasks:
    """What the tasks of a run handed on, on disk. A task that has handed something on is not run again."""

    folder: Path
    order: tuple[str, ...] = field(default=("wait_for_export", "decrypt", "convert", "map_users", "ingest"))

    def run(self, name: str, kind: type[Handed], work: Callable[[], Handed]) -> Handed:
        handed = self.folder / name.replace("/", " ")
        if not handed.exists():
            done = msgspec.json.encode(work())
            self.folder.mkdir(parents=True, exist_ok=True)
            handed.write_bytes(done)
        return msgspec.json.decode(handed.read_bytes(), type=kind)

    def forget(self, first: str) -> None:
        later = self.order[self.order.index(first) :] if first else (*self.order, "reopen")
        for path in self.folder.glob("*"):
            if path.name.split(" ")[0] in later:
                path.unlink()


def numbers(record: ImportRecord) -> dict[str, int]:
    """Give what is not zero in an import record, once the equations are found to hold."""
    body = record.body
    states = ("archived", "duplicate", "excluded", "quarantined")
    fates = ("made", "duplicate", "failed")
    assert body["found"] == sum(body[state] for state in states)
    assert body["deliveries_planned"] == sum(body[f"deliveries_{fate}"] for fate in fates)
    shown = {name: body[name] for name in (*states, "partial", "unmapped")}
    shown |= {fate: body[f"deliveries_{fate}"] for fate in ("made", "failed")}
    shown["known"] = body["deliveries_duplicate"]
    return {name: number for name, number in shown.items() if number}


def export(*conversations: str, version: str = "1.9") -> bytes:
    """A whole content file."""
    return f"<FileDump>\n<Version>{version}</Version>\n{''.join(conversations)}</FileDump>\n".encode()


def chat(room: str, *lines: str) -> str:
    """A conversation: ``ann: hello``, ``ann shares note.txt of 5``; our people are in lower case."""
    events = "".join(_event(number, line) for number, line in enumerate(lines))
    return f'<Conversation RoomType="P"><RoomID>{room}</RoomID>\n{events}</Conversation>\n'


def _event(number: int, line: str) -> str:
    shared = line.split(" ") if " shares " in line else []
    who = shared[0] if shared else line.partition(": ")[0]
    corporate = f"{who}@firm.example" if who.islower() else ""
    user = (
        f"<User><LoginName>{who}</LoginName><FirstName>{who.title()}</FirstName><LastName>Doe</LastName>"
        f"<EmailAddress>{who}@vendor.example</EmailAddress>"
        f"<CorporateEmailAddress>{corporate}</CorporateEmailAddress></User>"
        f"<DateTimeUTC>{1_710_231_600 + number}</DateTimeUTC>"
    )
    if shared:
        file = f"<FileName>{shared[2]}</FileName><FileID>{shared[2]}</FileID><FileSize>{shared[4]}</FileSize>"
        return f'<Attachment InteractionType="N">{user}{file}</Attachment>\n'
    text = line.partition(": ")[2]
    return f'<Message InteractionType="N">{user}<Content>{text}</Content></Message>\n'


def tar(*members: tuple[str, bytes] | tarfile.TarInfo) -> bytes:
    """An attachments archive of files, and of links and the like."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            name, content = member
            header = tarfile.TarInfo(name)
            header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    return made.getvalue()


def send(archive: Archive, vendor: Vendor, files: Mapping[str, bytes], **how: Any) -> None:
    """Deliver files by clear name, encrypted and signed (or otherwise, see `Vendor.seal`)."""
    archive.served.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        vendor.seal(content, archive.served / f"{name}.gpg", **how)
