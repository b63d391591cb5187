"""Convert: a bundle's clear files into shards of staged items; what cannot be read is set aside."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from include.commsarchive.connector import MIB, Items
from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Refused
from include.commsarchive.sources.base import Options, Profiled, Source, Stored
from include.commsarchive.stages.dictionary import Texts, known_texts, texts_of
from include.commsarchive.stages.hold import hold_bundle
from include.commsarchive.stages.run import Bundle, ConvertReceipt, FileReceipt, Scope, count
from include.commsarchive.stages.share import Converted, Job, convert_share, convert_side_by_side, foreseen
from include.commsarchive.staging.store import Folder

PARALLEL_FROM = 64 * MIB
"""Clear bytes from which two processes share a bundle: below it, starting them costs more."""


def convert(scope: Scope, bundle: Bundle, files: Sequence[FileReceipt]) -> ConvertReceipt:
    """Convert one bundle of a run. Safe to repeat: the same shards are written again.

    A day on which an API or a database has nothing is an empty day; an empty file is set aside.
    Files that were stopped before count as one quarantined unit each; the others are converted. A file makes
    up for what is held of its name and day where it is not refused as a whole, and there are items at all.

    Raises:
        Retriable: the disk is full or broken, or a process was killed.
    """
    mine = [file for file in files if file.name in (*bundle.content, *bundle.attachments)]
    stopped = {file.name: file for file in mine if file.problem}
    empty = {file.name for file in mine if scope.connector.collect.drawn and not file.clear_size}
    usable = Bundle(
        bundle.name,
        tuple(name for name in bundle.content if name not in empty | stopped.keys()),
        tuple(name for name in bundle.attachments if name not in stopped),
    )
    texts = known_texts(scope, usable)
    done = convert_bundle(scope.source, usable, scope.folder, scope.connector.items, texts)
    if not bundle.content:
        done.refuse(scope.folder, [_alone(name) for name in usable.attachments])
    for file in stopped.values():
        count(done.receipt.quarantined, file.problem)
    if stopped or done.units:
        done.receipt.held += hold_bundle(scope, bundle, mine, done.units)
    if done.receipt.items:
        refused = {unit.place for unit in done.units}
        through = [file for file in mine if file.name not in refused]
        done.receipt.made_up_for += [held_id for file in through for held_id in file.instead_of]
    return done.receipt


def _alone(name: str) -> Refused:
    why = f"{name}: no conversations came with it. When they have come, trigger a new run for the day"
    return Refused("attachments-alone", name, why, b"")


def convert_bundle(
    kind: Source, bundle: Bundle, folder: Folder, items: Items, texts: Texts | None = None
) -> Converted:
    """Convert clear files below ``clear/`` into shards below ``shards/``, with flat memory.

    ``texts`` are what items name; None: what the bundle itself defines.

    Raises:
        Retriable: the disk is full or broken, or a process was killed.
    """
    done = Converted(ConvertReceipt(bundle.name))
    attachments = _extract(kind, bundle, folder, items, done)
    texts = texts_of(kind, bundle, folder) if texts is None else texts
    options = Options(items.per, items.max_events, items.max_bytes, texts)
    profile = kind.profile if isinstance(kind, Profiled) else ""
    job = Job(kind.name, str(folder.root), bundle, options, attachments, profile=profile)
    size = sum(folder.size(f"clear/{name}") for name in bundle.content)
    if isinstance(folder.root, Path) and size >= PARALLEL_FROM and (os.cpu_count() or 1) > 1:
        done.add(convert_side_by_side(job, folder, 2))
    else:
        done.add(convert_share(job, folder))
    done.receipt.shards.sort()
    done.receipt.participants = len(done.people)
    done.receipt.attachments_unclaimed = len({one.blob for one in attachments.values()} - done.blobs)
    return done


def _extract(
    kind: Source, bundle: Bundle, folder: Folder, items: Items, done: Converted
) -> dict[str, Stored]:
    """Set the members of the attachment files aside, by content, and name them for the parser."""
    found: dict[str, Stored] = {}
    for name in bundle.attachments:
        with folder.open(f"clear/{name}") as stream:
            try:
                for member in foreseen(kind.members(name, stream), name):
                    if isinstance(member, Refused):
                        done.refuse(folder, [member])
                        continue
                    path, content = member
                    try:
                        found[path] = Stored(*folder.keep(content, items.max_attachment_mib * MIB))
                    except ValueError:
                        why = f"larger than {items.max_attachment_mib} MiB; raise items.max_attachment_mib"
                        done.refuse(folder, [Refused("attachment-too-large", f"{name}: {path}", why, b"")])
            except Quarantine as error:
                done.refuse(folder, [Refused(error.reason, name, str(error), b"")])
    return found
