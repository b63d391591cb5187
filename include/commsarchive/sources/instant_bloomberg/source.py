"""The source: recognises, cuts and reads Instant Bloomberg exports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import BinaryIO

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Item, Refused
from include.commsarchive.sources.base import Chunk, Claim, Options, Stored
from include.commsarchive.sources.instant_bloomberg.carry import carried, carry
from include.commsarchive.sources.instant_bloomberg.conversation import LEAVES
from include.commsarchive.sources.instant_bloomberg.fast import read_plain
from include.commsarchive.sources.instant_bloomberg.files import Files
from include.commsarchive.sources.instant_bloomberg.items import NAME, items_of
from include.commsarchive.sources.instant_bloomberg.names import claim
from include.commsarchive.sources.instant_bloomberg.records import RECORD, Read, read_record
from include.commsarchive.sources.instant_bloomberg.version import recognise
from include.commsarchive.sources.tar_members import members
from include.commsarchive.sources.xml_grammar import Grammar
from include.commsarchive.sources.xml_records import Cutter
from include.commsarchive.sources.xml_window import Window

_GRAMMAR = Grammar(record=RECORD, root="FileDump", beside=("Version", "NextFile"), leaves=LEAVES, carry=carry)


class InstantBloomberg:
    """Chat of the Bloomberg terminal."""

    name = NAME
    title = "Instant Bloomberg"
    message_class = "IPM.NOTE.InstantBloomberg"
    item_class = "ipm.externaldata.instantbloomberg"
    folder = "InstantBloomberg"

    def claim(self, name: str) -> Claim | None:
        """Say what a file is by its name, or None when it is not this source's."""
        return claim(name)

    def chunks(self, name: str, stream: BinaryIO, options: Options) -> Iterator[Chunk | Refused]:
        """Cut a content file into chunks, whatever its name.

        Raises:
            Quarantine: the file is empty, in another format or version, or defines entities.
        """
        window = Window(name, stream)
        yield from Cutter(window, _GRAMMAR, recognise(name, window.head()), options).chunks()

    def parse(
        self, chunk: Chunk, attachments: Mapping[str, Stored], options: Options
    ) -> Iterator[Item | Refused]:
        """Read the items of one chunk."""
        files = Files(attachments)
        people = carried(chunk.context)
        for start, end in pairwise((*chunk.starts, len(chunk.raw))):
            raw = chunk.raw[start:end]
            plain = read_plain(raw, chunk.context, files)
            read: list[Read] = [(raw, plain)] if plain else list(read_record(raw, chunk.context, files))
            if chunk.truncated and end == len(chunk.raw):
                _mark_last(read)
            for source, result in read:
                try:
                    if isinstance(result, Quarantine):
                        raise result
                    result.others += people
                    yield from items_of(result, chunk.context, options)
                except Quarantine as error:
                    place = f"{chunk.place}, conversation at byte {chunk.start + start:,}"
                    yield Refused(error.reason, place, str(error), source)

    def members(self, name: str, stream: BinaryIO) -> Iterator[tuple[str, BinaryIO] | Refused]:
        """Walk an attachments archive.

        Raises:
            Quarantine: the archive cannot be read any further.
        """
        return members(name, stream)


def _mark_last(read: list[Read]) -> None:
    """Say at the last conversation that the file ended too early: more may have followed."""
    for _, result in read[-1:]:
        if not isinstance(result, Quarantine):
            result.marks.append("truncated: the file ends here without its closing tag")
