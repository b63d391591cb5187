"""Decrypt: fetch one file, hash it, open it, check who signed it. A bad file is stopped, alone."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

from include.commsarchive.collect.base import Collector, Fetched
from include.commsarchive.collect.completeness import Pickup
from include.commsarchive.collect.pages import unfold
from include.commsarchive.connector import MIB, Pgp
from include.commsarchive.errors import Fatal, Quarantine
from include.commsarchive.ledger.base import FileRecord
from include.commsarchive.pgp.base import Bounds, Decrypted, Decryptor
from include.commsarchive.stages.hold import held_before
from include.commsarchive.stages.run import FileReceipt, Scope

_LARGEST_CHECKSUM = 4096


def decrypt(scope: Scope, pickup: Pickup, collector: Collector, decryptor: Decryptor | None) -> FileReceipt:
    """Bring one file of a run, as it lies on the server, to its clear form in staging.

    A file that must be stopped (wrong key, bad signature, damaged) gives a receipt with a problem; its
    original stays in staging for `convert` to hold.

    Raises:
        Retriable: the server, the network or the disk failed.
        Fatal: the server or the configuration refuses us.
    """
    fetched = asyncio.run(_fetch(scope, pickup, collector))
    file = open_file(scope, pickup, fetched, decryptor, _stated(scope, pickup))
    return file if file.problem else replace(file, instead_of=held_before(scope, file))


def open_file(
    scope: Scope, pickup: Pickup, fetched: Fetched, decryptor: Decryptor | None, stated: str = ""
) -> FileReceipt:
    """Decrypt a fetched file, ``raw/<name>``, to ``clear/<clear name>``; record it.

    ``stated`` is the checksum that came with it: the file as it was fetched or its clear form must have it.
    """
    clear, problem, detail = Decrypted(0, "", ""), "", ""
    try:
        clear = _open(scope, pickup, fetched, decryptor, stated)
    except Quarantine as error:
        problem, detail = error.reason, str(error)
    receipt = FileReceipt(
        name=pickup.clear_name,
        raw=pickup.name,
        signature=pickup.signature.name if pickup.signature else "",
        encrypted=pickup.encrypted,
        size=fetched.size,
        sha256=fetched.sha256,
        clear_size=clear.size,
        clear_sha256=clear.sha256,
        signed_by=clear.signed_by,
        problem=problem,
        detail=detail,
        stated=stated,
    )
    record = FileRecord(
        pickup.name, fetched.size, fetched.sha256, clear.size, clear.sha256, clear.signed_by, problem
    )
    scope.ledger.record_file(scope.run.run_id, record)
    return receipt


async def _fetch(scope: Scope, pickup: Pickup, collector: Collector) -> Fetched:
    async with collector:
        for companion in filter(None, (pickup.signature, pickup.checksum)):
            with scope.folder.create(f"raw/{companion.name}") as target:
                await collector.fetch(companion, target)
        with scope.folder.create(f"raw/{pickup.name}") as target:
            return await collector.fetch(pickup.file, target)


def _stated(scope: Scope, pickup: Pickup) -> str:
    """Read the checksum of a file from its companion: ``md5:`` or ``sha256:`` and hexadecimal digits."""
    if not pickup.checksum:
        return ""
    algorithm = pickup.checksum.name.rpartition(".")[2]
    with scope.folder.open(f"raw/{pickup.checksum.name}") as stream:
        text = stream.read(_LARGEST_CHECKSUM).decode("ascii", "replace").lower()
    size = hashlib.new(algorithm, usedforsecurity=False).digest_size * 2
    found = re.search(rf"(?<![0-9a-f])[0-9a-f]{{{size}}}(?![0-9a-f])", text)
    return f"{algorithm}:{found[0] if found else ''}"


def _check(pickup: Pickup, stated: str, *files: Path) -> None:
    if not stated:
        return
    algorithm, _, wanted = stated.partition(":")
    new = partial(hashlib.new, algorithm, usedforsecurity=False)
    for file in files:
        with file.open("rb") as stream:
            if hashlib.file_digest(stream, new).hexdigest() == wanted:
                return
    raise Quarantine(
        "checksum-mismatch",
        f"{pickup.name}: does not have the {algorithm} that came with it. Ask the vendor to send both again",
    )


def _open(
    scope: Scope, pickup: Pickup, fetched: Fetched, decryptor: Decryptor | None, stated: str
) -> Decrypted:
    target = f"clear/{pickup.clear_name}"
    scope.folder.remove(target)
    with contextlib.ExitStack() as stack:
        raw = stack.enter_context(scope.folder.local(f"raw/{pickup.name}"))
        clear = stack.enter_context(scope.folder.create(target))
        if not pickup.encrypted:
            done = _take_as_is(scope, pickup, raw, clear, fetched)
            _check(pickup, stated, clear)
            return done
        if decryptor is None or scope.connector.pgp is None:
            raise Fatal(
                f"{pickup.name} is encrypted and connector {scope.connector.name} has no `pgp` section. "
                "Add one with the connection that holds the private key"
            )
        signature = None
        if pickup.signature:
            signature = stack.enter_context(scope.folder.local(f"raw/{pickup.signature.name}"))
        done = decryptor.decrypt(raw, clear, signature, bounds(scope.connector.pgp))
        _check(pickup, stated, raw, clear)
        return done


def _take_as_is(scope: Scope, pickup: Pickup, raw: Path, clear: Path, fetched: Fetched) -> Decrypted:
    rules = scope.connector.collect
    if rules.api:
        pages = unfold(raw, clear, rules.api.items, with_files=rules.with_files)
        return Decrypted(pages.size, pages.sha256, "")
    if not (rules.allow_unencrypted or rules.drawn):
        raise Quarantine(
            "not-encrypted",
            f"{pickup.name} is not encrypted. Ask the source why, or set `collect.allow_unencrypted: true`",
        )
    shutil.copyfile(raw, clear)
    return Decrypted(fetched.size, fetched.sha256, "")


def bounds(pgp: Pgp) -> Bounds:
    """Give a connector's bounds on clear text."""
    return Bounds(max_clear_bytes=pgp.max_clear_mib * MIB, max_expansion=pgp.max_expansion)
