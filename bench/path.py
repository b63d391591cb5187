"""The whole path below Airflow: encrypted file to durable Maildirs, ledger and closed import record.

Each stage is a process of its own, forked from one that has imported everything, as Airflow's workers do;
the partitions are delivered side by side. Durability and exactly-once are as in production.

    python bench/path.py FOLDER TARGET
"""

from __future__ import annotations

import datetime as dt
import gc
import json
import multiprocessing
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Generic, TypeVar

from bench.export import NAME, PRIVATE_KEY, SIGNER, passphrase
from include.commsarchive.collect.base import RemoteFile
from include.commsarchive.collect.completeness import Pickup
from include.commsarchive.collect.folder import FolderCollector
from include.commsarchive.connector import Connector
from include.commsarchive.ledger.base import ImportRecord, Run
from include.commsarchive.ledger.sql import connect
from include.commsarchive.mailbox.maildir import Maildir
from include.commsarchive.message.mime import encode
from include.commsarchive.pgp.gnupg import GnupgDecryptor
from include.commsarchive.pgp.settings import PgpSettings, PrivateKey
from include.commsarchive.sources.registry import source
from include.commsarchive.stages.bundles import bundles_of
from include.commsarchive.stages.convert import convert
from include.commsarchive.stages.decrypt import decrypt
from include.commsarchive.stages.deliver import deliver
from include.commsarchive.stages.ingest import IngestReceipt
from include.commsarchive.stages.map_users import map_users
from include.commsarchive.stages.mapping import mapping_in_force
from include.commsarchive.stages.reconcile import reconcile
from include.commsarchive.stages.run import ConvertReceipt, FileReceipt, MapReceipt, Scope
from include.commsarchive.staging.store import Staging

_CONNECTOR = Connector.model_validate(
    {
        "name": "bench",
        "source": "instant_bloomberg",
        "collect": {"connection": "bench"},
        "pgp": {"connection": "bench"},
        "mapping": {"third_party_mailbox": "third-party@quillbrook.example"},
        "deliver": {"connection": "bench"},
        "schedule": {"start": "2026-03-10"},
    }
)
_RUN = Run("bench", "bench", dt.date(2026, 3, 10), "manual", dt.datetime(2026, 3, 10, 20, tzinfo=dt.UTC))


Receipt = TypeVar("Receipt")


@dataclass(frozen=True, slots=True)
class _Started(Generic[Receipt]):
    """A stage that runs in a forked process."""

    process: int
    answer: Connection

    def result(self) -> tuple[Receipt, float, float]:
        """Wait for it; give what it returned, peak MB and processor seconds of it and its children."""
        try:
            value = self.answer.recv()
        except EOFError:
            raise SystemExit("a stage failed; its own lines above say why") from None
        _, _, usage = os.wait4(self.process, 0)
        return value, usage.ru_maxrss * 1024 / 1e6, usage.ru_utime + usage.ru_stime


def _start(work: Callable[[Scope], Receipt], target: Path) -> _Started[Receipt]:
    answer, sink = multiprocessing.Pipe(duplex=False)
    process = os.fork()
    if process:
        sink.close()
        return _Started(process, answer)
    try:
        with _scope(target) as scope:
            sink.send(work(scope))
    except BaseException:  # noqa: BLE001 - a forked process must not run on in its parent's code
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


@contextmanager
def _scope(target: Path) -> Iterator[Scope]:
    rooms = Staging(target / "staging")
    with connect(f"sqlite:///{target / 'ledger.db'}") as ledger:
        run = ledger.open_run(_RUN)
        gc.freeze()  # as the operators do
        yield Scope(
            connector=_CONNECTOR,
            source=source(_CONNECTOR.source),
            run=run,
            folder=rooms.run(run.connector, run.run_id),
            held=rooms.held(run.connector),
            ledger=ledger,
        )


class _Path:
    """Runs stages and keeps their seconds, by the clock and of the processors, and peaks."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self.stages: dict[str, dict[str, float]] = {}

    def run(self, name: str, *works: Callable[[Scope], Receipt]) -> list[Receipt]:
        """Run the processes of one stage side by side; give what each returned."""
        start = time.perf_counter()
        results = [started.result() for started in [_start(work, self._target) for work in works]]
        values, peaks, busy = zip(*results, strict=True)
        seconds = time.perf_counter() - start
        self.stages[name] = {"seconds": seconds, "cpu": sum(busy), "peak_mb": max(peaks)}
        return list(values)


def _decryptor(keyring: Path) -> GnupgDecryptor:
    key = PrivateKey((keyring / PRIVATE_KEY).read_text(), passphrase(keyring))
    return GnupgDecryptor(PgpSettings((key,), ((keyring / SIGNER).read_text(),)))


def _pickup(folder: Path) -> Pickup:
    status = (folder / f"{NAME}.gpg").stat()
    file = RemoteFile(f"{NAME}.gpg", f"{NAME}.gpg", status.st_size, int(status.st_mtime))
    return Pickup(file.name, NAME, file, signature=None, encrypted=True)


def archive(folder: Path, target: Path) -> dict[str, Any]:
    """Archive an export of `bench.export`; give seconds and peaks by stage, and what it counted."""
    decryptor, pickup, path = _decryptor(folder / "gnupg"), _pickup(folder), _Path(target)
    mailbox = Maildir(target / "mail", encode)

    def open_file(scope: Scope) -> FileReceipt:
        with decryptor:
            return decrypt(scope, pickup, FolderCollector(folder), decryptor)

    def convert_all(scope: Scope) -> ConvertReceipt:
        (bundle,) = bundles_of(scope.source, [file.name])
        return convert(scope, bundle, [file])

    def map_all(scope: Scope) -> MapReceipt:
        return map_users(
            scope,
            converted.shards,
            mapping_in_force(scope.connector, scope.ledger).resolver,
            {"bench": mailbox},
        )

    def ingest(plan: str) -> Callable[[Scope], IngestReceipt]:
        return lambda scope: deliver(scope, plan, mailbox)

    def close(scope: Scope) -> ImportRecord:
        return reconcile(scope.run, scope.ledger, [converted], mapped, filed)

    (file,) = path.run("decrypt", open_file)
    (converted,) = path.run("convert", convert_all)
    (mapped,) = path.run("map_users", map_all)
    filed = path.run("ingest", *map(ingest, mapped.plans))
    (record,) = path.run("reconcile", close)
    return {"stages": path.stages, "found": record.body["found"], "copies": record.body["deliveries_made"]}


def main() -> None:
    """Run the path."""
    folder, target = map(Path, sys.argv[1:])
    target.mkdir()
    print(json.dumps(archive(folder, target)))


if __name__ == "__main__":
    main()
