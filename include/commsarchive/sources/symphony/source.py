"""The source: recognises what Symphony or a collector of its events delivered, and reads it."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import chain, pairwise
from typing import BinaryIO

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Item, Refused
from include.commsarchive.sources import tar_members, zip_members
from include.commsarchive.sources.base import Chunk, Claim, Options, Stored
from include.commsarchive.sources.blocks import Blocks
from include.commsarchive.sources.chat import items_of
from include.commsarchive.sources.symphony.chats import read_chat
from include.commsarchive.sources.symphony.files import Files
from include.commsarchive.sources.symphony.mails import (
    READER,
    chunk_of,
    files_of,
    gathered,
    is_mail,
    read_letter,
)
from include.commsarchive.sources.symphony.names import claim
from include.commsarchive.sources.symphony.streams import Streams
from include.commsarchive.sources.vantage.source import FileDumps, conversations_in, is_zip, packed
from include.commsarchive.sources.zip_members import Entry, Zip

_DUMPS = FileDumps("symphony", "Symphony conversation")
_EVENTS = (".json", ".jsonl", ".ndjson")
_LARGEST_PACKED = 64 * 1024**2
"""Bytes of a file of events that is packed: it cannot be read twice there, and so is held in memory."""
_HEAD = 64 * 1024
_STRANGER = (
    "these are no events, no Actiance FileDump and no mail. Symphony's own XML is described nowhere in "
    "public and not read: have the pod export EML or Actiance, or mend `collect.files`"
)


class Symphony:
    """Chats, rooms and wall posts of Symphony."""

    name = "symphony"
    title = "Symphony"
    message_class = "IPM.NOTE.Symphony"
    item_class = "ipm.externaldata.symphony"
    folder = "Symphony"

    def claim(self, name: str) -> Claim | None:
        """Say what a file is by its name, or None when it is not this source's."""
        return claim(name)

    def chunks(self, name: str, stream: BinaryIO, options: Options) -> Iterator[Chunk | Refused]:
        """Cut an export, or a file of events, into chunks, whatever its name.

        Raises:
            Quarantine: it is empty, broken, in another format, or defines entities.
        """
        if is_zip(stream):
            return gathered(packed(name, stream, _conversations_in, partial(_cut, options=options)))
        return _cut(name, stream, options)

    def parse(
        self, chunk: Chunk, attachments: Mapping[str, Stored], options: Options
    ) -> Iterator[Item | Refused]:
        """Read the items of one chunk."""
        if "reader" not in chunk.context:
            yield from _DUMPS.parse(chunk, attachments, options)
            return
        files = Files(attachments)
        for start, end in pairwise((*chunk.starts, len(chunk.raw))):
            raw = chunk.raw[start:end]
            try:
                if chunk.context["reader"] == READER:
                    yield read_letter(raw, attachments, options)
                else:
                    yield from items_of(read_chat(raw, chunk.context, files), options)
            except Quarantine as error:
                yield Refused(error.reason, f"{chunk.place}, conversation {start:,}", str(error), raw)

    def members(self, name: str, stream: BinaryIO) -> Iterator[tuple[str, BinaryIO] | Refused]:
        """Walk an attachments archive, or what is attached in an export.

        Raises:
            Quarantine: the archive cannot be read any further.
        """
        if not is_zip(stream):
            yield from tar_members.members(name, stream)
            return
        yield from zip_members.members(name, stream, _conversations_in)
        with zip_members.opened(name, stream) as archive:
            mails = {one for one in _conversations_in(archive) if one.lower().endswith(".eml")}
            for entry in archive.entries():
                if isinstance(entry, Entry) and entry.name in mails:
                    mail = io.BufferedReader(archive.open(entry))
                    for member, content in files_of(entry.name, mail):
                        yield member, io.BufferedReader(Blocks(content))


def _cut(name: str, stream: BinaryIO, options: Options) -> Iterator[Chunk | Refused]:
    """Recognise a file by its content: events, Actiance XML or a mail. In doubt it is refused.

    Raises:
        Quarantine: ``not-symphony``, and what the reader of the format finds.
    """
    head = stream.read(_HEAD)
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if not start:
        raise Quarantine("empty-file", f"{name}: the file is empty. Ask the vendor to send it again")
    if start.startswith((b"{", b"[")):
        yield from Streams(name, _rereadable(name, head, stream), options).chunks()
    elif is_mail(start):
        yield chunk_of(name, _whole(head, stream), options)
    else:
        try:
            yield from _DUMPS.chunks(name, _whole(head, stream), options)
        except Quarantine as error:
            if error.reason != "not-vantage":
                raise
            raise Quarantine("not-symphony", f"{name}: {_STRANGER}") from error


def _whole(head: bytes, stream: BinaryIO) -> BinaryIO:
    """Give a file from its beginning, of which the head was read."""
    if stream.seekable():
        stream.seek(0)
        return stream
    return io.BufferedReader(Blocks(chain([head], iter(partial(stream.read, _HEAD), b""))))


def _rereadable(name: str, head: bytes, stream: BinaryIO) -> BinaryIO:
    """Give a file that can be read from any place."""
    if stream.seekable():
        return stream
    held = head + stream.read(_LARGEST_PACKED)
    if len(held) > _LARGEST_PACKED:
        raise Quarantine(
            "packed-too-large", f"{name}: too large to be read in an archive. Deliver it unpacked"
        )
    return io.BytesIO(held)


def _conversations_in(archive: Zip) -> set[str]:
    """Name the files of an archive that hold conversations, by flavour: XML, or mails, or events."""
    names = [one.name for one in archive.entries() if isinstance(one, Entry)]
    return (
        conversations_in(archive)
        or {name for name in names if name.lower().endswith(".eml")}
        or {name for name in names if name.lower().endswith(_EVENTS)}
    )
