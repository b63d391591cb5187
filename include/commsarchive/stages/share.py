"""One process's share of a bundle: every n-th chunk, parsed, rendered and written as a shard.

A large bundle is shared by processes that read the same file and parse alternate chunks. Finding the
chunks costs a tenth of parsing them, so nothing but the job and its counts crosses between processes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec

from include.commsarchive.errors import CommsArchiveError, Quarantine, Retriable
from include.commsarchive.message.stage import stage
from include.commsarchive.model import Refused
from include.commsarchive.sources.base import Chunk, Options, Source, Stored
from include.commsarchive.sources.registry import source
from include.commsarchive.stages.run import Bundle, ConvertReceipt, count
from include.commsarchive.stages.shards import Parted, parted, writing
from include.commsarchive.staging.store import Folder

Found = TypeVar("Found")

SHOWN = 5
"""Things set aside of which is told where and why, before a day is archived."""

_PROJECT = Path(__file__).resolve().parents[3]


@dataclass(slots=True)
class Unit:
    """A thing set aside: why, where it was, and its bytes as ``refused/<sha256>`` in the run's folder."""

    reason: str
    place: str
    detail: str
    sha256: str

    def __str__(self) -> str:
        """Say where and why, never what is written there."""
        return self.detail if self.detail.startswith(self.place) else f"{self.place}: {self.detail}"


@dataclass(slots=True)
class Converted:
    """What was made of a bundle, or of one share of it."""

    receipt: ConvertReceipt
    units: list[Unit] = field(default_factory=list)
    people: set[str] = field(default_factory=set)
    blobs: set[str] = field(default_factory=set)

    def add(self, other: Converted) -> None:
        """Take another share's result into this one."""
        self.receipt.add(other.receipt)
        self.units += other.units
        self.people |= other.people
        self.blobs |= other.blobs

    def refuse(self, folder: Folder, refused: Iterable[Refused]) -> None:
        """Set things aside with their bytes."""
        for one in refused:
            sha256 = hashlib.sha256(one.raw).hexdigest()
            with folder.write(f"refused/{sha256}") as sink:
                sink.write(one.raw)
            self.units.append(Unit(one.reason, one.place, one.detail, sha256))
            count(self.receipt.quarantined, one.reason)


@dataclass(frozen=True, slots=True)
class Job:
    """A share: every ``of``-th chunk of a bundle, from number ``share`` on."""

    source: str
    root: str
    bundle: Bundle
    options: Options
    attachments: Mapping[str, Stored]
    share: int = 0
    of: int = 1
    profile: str = ""


def convert_share(job: Job, folder: Folder) -> Converted:
    """Convert one share in this process.

    Raises:
        Retriable: the disk is full or broken.
    """
    done = Converted(ConvertReceipt(job.bundle.name))
    kind = source(job.source, job.profile)
    for order, name in enumerate(job.bundle.content):
        with folder.open(f"clear/{name}") as stream:
            chunks = enumerate(foreseen(kind.chunks(name, stream, job.options), name))
            try:
                for number, chunk in islice(chunks, job.share, None, job.of):
                    shard = f"shards/{job.bundle.name}.{order}.{number:05}.jsonl"
                    _convert_chunk(done, folder, shard, _parse(kind, chunk, job))
            except Quarantine as error:
                if job.share == 0:
                    done.refuse(folder, [Refused(error.reason, name, str(error), b"")])
    return done


def convert_side_by_side(job: Job, folder: Folder, shares: int) -> Converted:
    """Convert a bundle in several processes on this machine, of which this one is the first.

    Raises:
        Retriable: a process failed or was killed, or the disk is full or broken.
    """
    jobs = [replace(job, share=share, of=shares) for share in range(shares)]
    processes = [_start() for _ in jobs[1:]]
    try:
        for process, its_job in zip(processes, jobs[1:], strict=True):
            _send(process, its_job)
        done = convert_share(jobs[0], folder)
        for process in processes:
            answer, _ = process.communicate()
            if process.returncode:
                raise Retriable(
                    f"{job.bundle.name}: a converting process ended with status {process.returncode}; "
                    "its own lines above say why. The task is tried again"
                )
            done.add(msgspec.json.decode(answer, type=Converted))
    finally:
        for process in processes:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()
    return done


def foreseen(walk: Iterator[Found], name: str) -> Iterator[Found]:
    """Walk through a file; a fault of our own reader sets the rest of it aside, not the day.

    Raises:
        Quarantine: the file cannot be read any further.
    """
    try:
        yield from walk
    except (CommsArchiveError, OSError):
        raise
    except Exception as error:
        raise Quarantine("parser-fault", f"{name}: {_fault(error)}") from error


def _fault(error: Exception) -> str:
    return f"{type(error).__name__} while reading; report it with these bytes, then replay"


def _parse(kind: Source, chunk: Chunk | Refused, job: Job) -> tuple[Converted, list[Parted], list[Refused]]:
    """Parse and render a chunk in memory. A fault of our own parser sets the chunk aside, not the day."""
    done, items, refused = Converted(ConvertReceipt("")), list[Parted](), list[Refused]()
    if isinstance(chunk, Refused):
        return done, items, [chunk]
    try:
        for item in kind.parse(chunk, job.attachments, job.options):
            if isinstance(item, Refused):
                refused.append(item)
                continue
            try:
                staged = stage(item, kind)
            except Quarantine as error:
                raw = msgspec.json.encode(asdict(item))
                refused.append(Refused(error.reason, chunk.place, str(error), raw))
                continue
            items.append(parted(staged))
            done.people.update(person.key for person in staged.people)
            done.receipt.items += 1
            done.receipt.repaired += any(mark.startswith("repaired") for mark in staged.marks)
            done.blobs.update(attachment.blob for attachment in staged.attachments)
            done.receipt.attachments += len(staged.attachments)
            done.receipt.attachments_missing += sum(not a.blob for a in staged.attachments)
            for event, number in staged.counts.items():
                count(done.receipt.events, event, number)
    except CommsArchiveError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the other chunks must go on
        refused = [Refused("parser-fault", chunk.place, _fault(error), chunk.raw)]
        return Converted(ConvertReceipt("")), [], refused
    return done, items, refused


def _convert_chunk(
    total: Converted, folder: Folder, shard: str, parsed: tuple[Converted, list[Parted], list[Refused]]
) -> None:
    """Write what a chunk became; nothing of it counts until its shard is whole."""
    done, items, refused = parsed
    if items:
        with writing(folder, shard) as add:
            for item in items:
                add(item)
        done.receipt.shards.append(shard)
    total.add(done)
    total.refuse(folder, refused)


def _start() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "include.commsarchive.stages.share"]
    path = os.pathsep.join([str(_PROJECT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)


def _send(process: subprocess.Popen[bytes], job: Job) -> None:
    assert process.stdin is not None  # noqa: S101 - opened as a pipe just above
    with contextlib.suppress(BrokenPipeError), process.stdin:  # one that has ended says why by its status
        process.stdin.write(msgspec.json.encode(job))
    process.stdin = None


def main() -> None:
    """Take a job on standard input, answer what was made of it on standard output."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    done = convert_share(job, Folder(Path(job.root)))
    sys.stdout.buffer.write(msgspec.json.encode(done))


if __name__ == "__main__":
    main()
