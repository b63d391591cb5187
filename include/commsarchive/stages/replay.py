"""Replay: what was set aside goes back in at its stage, and comes out as shards like any other run's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from include.commsarchive.collect.base import Fetched, RemoteFile
from include.commsarchive.collect.completeness import Pickup
from include.commsarchive.ledger.base import Held, HeldStage
from include.commsarchive.pgp.base import Decryptor
from include.commsarchive.stages.convert import convert
from include.commsarchive.stages.decrypt import open_file
from include.commsarchive.stages.hold import held_bundle
from include.commsarchive.stages.run import ConvertReceipt, FileReceipt, Scope
from include.commsarchive.stages.shards import decode, parted, writing

STAGES = {
    "all": tuple(HeldStage),
    "quarantined": (HeldStage.DECRYPT, HeldStage.CONVERT, HeldStage.INGEST),
    "unmapped": (HeldStage.MAP_USERS,),
}
"""What an admin may ask to replay."""


@dataclass(frozen=True, slots=True)
class Reopened:
    """What went back in: counts as of a conversion, and the held things that it took up."""

    receipt: ConvertReceipt
    held_ids: tuple[str, ...]


def reopen(
    scope: Scope,
    days: tuple[dt.date, dt.date],
    which: str,
    decryptor: Decryptor | None,
    only: Collection[str] = (),
) -> Reopened:
    """Take held things of these days (both included) back in: all, or ``only`` those with these ids.

    What is kept together goes back in together. Bundles are decrypted and converted anew, as a whole: what
    was archived before is recognised as a duplicate. Items go straight to a shard.

    Raises:
        Retriable: staging or the ledger cannot be reached.
        Fatal: the configuration refuses us.
    """
    entries = [held for held in scope.ledger.held(scope.connector.name, *days) if held.stage in STAGES[which]]
    if only:
        paths = {held.path for held in entries if held.held_id in only}
        entries = [held for held in entries if held.path in paths]
    receipt = ConvertReceipt("replay")
    for path in dict.fromkeys(held.path for held in entries if held.path.startswith("bundles/")):
        receipt.add(_bundle(scope, path, decryptor))
    receipt.add(_items(scope, [held for held in entries if held.path.startswith("items/")]))
    return Reopened(receipt, tuple(held.held_id for held in entries))


def _bundle(scope: Scope, path: str, decryptor: Decryptor | None) -> ConvertReceipt:
    bundle, files = held_bundle(scope, path)
    for file in files:
        for name in filter(None, (file.raw, file.signature)):
            scope.folder.remove(f"raw/{name}")  # of another version: re-issues share their files' names
            scope.held.copy(f"{path}/raw/{name}", scope.folder, f"raw/{name}")
    opened = [
        open_file(scope, _pickup(file), Fetched(file.size, file.sha256), decryptor, file.stated)
        for file in files
    ]
    apart = replace(bundle, name=path.rsplit("/", 1)[-1])  # re-issues share their bundle's name
    return convert(scope, apart, opened)


def _pickup(file: FileReceipt) -> Pickup:
    signature = RemoteFile(file.signature, "", 0, 0) if file.signature else None
    return Pickup(file.raw, file.name, RemoteFile(file.raw, "", file.size, 0), signature, file.encrypted)


def _items(scope: Scope, entries: Sequence[Held]) -> ConvertReceipt:
    """Put held items into one shard, each once, with their attachments."""
    receipt = ConvertReceipt("replay")
    paths = list(dict.fromkeys(held.path for held in entries))
    if not paths:
        return receipt
    shard = "shards/held-items.jsonl"
    with writing(scope.folder, shard) as add:
        for path in paths:
            for blob in scope.held.names(f"{path}/blobs"):
                scope.held.copy(blob, scope.folder, f"blobs/{blob.rsplit('/', 1)[-1]}")
            with scope.held.open(f"{path}/item.jsonl") as stream:
                add(parted(decode(stream.read())))
    receipt.shards.append(shard)
    receipt.items = len(paths)
    return receipt


def resolve(scope: Scope, converted: Sequence[ConvertReceipt], reopened: Iterable[str]) -> int:
    """Say which held things this run took care of; give their number. Call it when the run has closed.

    They are what it reopened, what an earlier try of it could not read, and files that could not be read and
    came again, unless another run or a person took care of them meanwhile; what this try set aside stays
    open.
    """
    now = {held_id for receipt in converted for held_id in receipt.held}
    back = {held_id for receipt in converted for held_id in receipt.made_up_for}.union(reopened)
    done = []
    for held in scope.ledger.held(scope.connector.name, dt.date.min, dt.date.max):
        if held.run_id == scope.run.run_id:
            mended = held.stage in (HeldStage.DECRYPT, HeldStage.CONVERT) and held.held_id not in now
        else:
            mended = held.held_id in back
        if mended:
            done.append(held.held_id)
    scope.ledger.resolve(done, scope.run.run_id)
    return len(done)
