"""Set things aside so that they can go back in: bytes first, durably, then the ledger's row.

A file or a record that cannot be read keeps its whole bundle, as it was fetched: reading it again, with
another key or a better parser, needs the files beside it, and what went well is recognised as duplicate.
An item that could not be mapped or filed keeps its staged form and its attachments.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from include.commsarchive.collect.completeness import clear_name
from include.commsarchive.errors import Retriable
from include.commsarchive.ids import digest
from include.commsarchive.ledger.base import Held, HeldStage
from include.commsarchive.mailbox.disk import flush
from include.commsarchive.stages.run import Bundle, FileReceipt, Scope
from include.commsarchive.stages.shards import decode
from include.commsarchive.stages.share import Unit

Manifest = tuple[Bundle, list[FileReceipt]]

SENT_AGAIN = frozenset(
    (
        "attachments-alone",
        "bad-signature",
        "broken-page",
        "checksum-mismatch",
        "damaged",
        "document-type",
        "empty-file",
        "no-integrity-protection",
        "not-encrypted",
        "unreadable-archive",
        "unsigned",
    )
)
"""Why files are stopped, or refused as a whole, that are broken or not to be trusted as they are."""


def hold(scope: Scope, things: Sequence[Held]) -> None:
    """Record things whose bytes were written, once the disk has them: one flush for all.

    Raises:
        Retriable: the disk is full or broken.
    """
    root = scope.held.root
    if things and isinstance(root, Path):
        try:
            flush(root, (path for thing in things for path in (root / thing.path).rglob("*")))
        except OSError as error:
            raise Retriable(
                f"held things: {error.strerror}. Free space or mend the disk; the task is tried again"
            ) from error
    scope.ledger.hold(things)


def hold_bundle(
    scope: Scope, bundle: Bundle, files: Sequence[FileReceipt], units: Sequence[Unit]
) -> list[str]:
    """Set a bundle aside for its stopped files and for the records that could not be read; give the ids."""
    path = f"bundles/{digest('bundle', *sorted(_content(scope, file) for file in files))}"
    for file in files:
        for name in filter(None, (file.raw, file.signature)):
            scope.folder.copy(f"raw/{name}", scope.held, f"{path}/raw/{name}")
    for unit in units:
        scope.folder.copy(f"refused/{unit.sha256}", scope.held, f"{path}/refused/{unit.sha256}")
    with scope.held.write(f"{path}/bundle.json") as sink:
        sink.write(msgspec.json.encode((bundle, list(files))))
    stopped = [
        _held(scope, HeldStage.DECRYPT, file.problem, file.detail, (file.raw, path, file.sha256))
        for file in files
        if file.problem
    ]
    refused = [
        _held(scope, HeldStage.CONVERT, unit.reason, unit.detail, (unit.place, path, unit.sha256))
        for unit in units
    ]
    held = stopped + refused
    hold(scope, held)
    return [one.held_id for one in held]


def _content(scope: Scope, file: FileReceipt) -> str:
    """Name a file by its bytes and those of its signature, which may be issued again alone."""
    if not file.signature:
        return file.sha256
    with scope.folder.open(f"raw/{file.signature}") as stream:
        return file.sha256 + hashlib.sha256(stream.read()).hexdigest()


def _held(scope: Scope, stage: HeldStage, reason: str, detail: str, where: tuple[str, str, str]) -> Held:
    place, path, sha256 = where
    return Held(
        held_id=digest(scope.connector.name, stage, path, place, sha256),
        run_id=scope.run.run_id,
        connector=scope.connector.name,
        day=scope.run.day,
        stage=stage,
        reason=reason,
        detail=detail,
        place=place,
        path=path,
        sha256=sha256,
    )


def hold_item(scope: Scope, stage: HeldStage, reason: str, row: bytes, people: Sequence[str] = ()) -> Held:
    """Keep an item's line of a shard and its attachments; give the entry for `hold`."""
    item = decode(row)
    path = f"items/{item.key}-{item.revision}"
    for attachment in item.attachments:
        if attachment.blob:
            scope.folder.copy(f"blobs/{attachment.blob}", scope.held, f"{path}/blobs/{attachment.blob}")
    with scope.held.write(f"{path}/item.jsonl") as sink:
        sink.write(row)
    where = (f"item {item.key} revision {item.revision}", path, hashlib.sha256(row).hexdigest())
    held = _held(scope, stage, reason, "", where)
    return replace(held, key=item.key, revision=item.revision, people=tuple(people))


def held_before(scope: Scope, file: FileReceipt) -> tuple[str, ...]:
    """Give the ids of what a file that was opened can make up for.

    They are held of files of its name and day, stopped or refused as a whole: of the same bytes, or for a
    reason that no replay mends. Another version that a replay may yet open is left to it.
    """
    day = scope.run.day
    return tuple(
        held.held_id
        for held in scope.ledger.held(scope.connector.name, day, day)
        if clear_name(held.place) == file.name and (held.reason in SENT_AGAIN or held.sha256 == file.sha256)
    )


def held_bundle(scope: Scope, path: str) -> Manifest:
    """Read what a held bundle consists of."""
    with scope.held.open(f"{path}/bundle.json") as stream:
        bundle, files = msgspec.json.decode(stream.read(), type=Manifest)
    return bundle, files
