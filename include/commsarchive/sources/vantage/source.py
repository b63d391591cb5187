"""The source: recognises, cuts and reads Vantage exports, as XML files or in zips with their attachments."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Item, Refused
from include.commsarchive.sources import tar_members, zip_members
from include.commsarchive.sources.base import Chunk, Claim, Options, Role, Stored
from include.commsarchive.sources.shared_files import SharedFiles
from include.commsarchive.sources.vantage.events import USUAL
from include.commsarchive.sources.vantage.recognise import is_vantage, recognise
from include.commsarchive.sources.vantage.records import GRAMMAR, SHAPE, Reader
from include.commsarchive.sources.xml_chats import items_in
from include.commsarchive.sources.xml_records import Cutter
from include.commsarchive.sources.xml_window import Window
from include.commsarchive.sources.zip_members import Entry, Zip

_NAME = re.compile(
    r"(?P<bundle>(?:.*[._-])?(?:vantage|actiance_export)(?:[._-].*?)?)"
    r"(?:(?P<zip>\.zip)|\.xml(?P<part>[0-9]*)|\.att(?:\.(?P<tar>[0-9]+))?\.(?:tar|tar\.gz|tgz))"
)
_WARNINGS = "warning.txt"
"""Lists missing files, which the conversations tell as well."""


def is_zip(stream: BinaryIO) -> bool:
    """Look at a file's first bytes, and go back."""
    start = stream.read(len(zip_members.ZIP))
    stream.seek(0)
    return start == zip_members.ZIP


Contents = Callable[[Zip], Collection[str]]
"""Names the files of an archive that hold conversations."""


@dataclass(frozen=True)
class FileDumps:
    """Reads ``FileDump`` XML for a source of this name; its chats go by this title."""

    source: str
    title: str

    def chunks(self, name: str, stream: BinaryIO, options: Options) -> Iterator[Chunk | Refused]:
        """Cut a content file.

        Raises:
            Quarantine: the file is empty, in another format, or defines entities.
        """
        window = Window(name, stream)
        yield from Cutter(window, GRAMMAR, recognise(name, window.head()), options).chunks()

    def parse(
        self, chunk: Chunk, attachments: Mapping[str, Stored], options: Options
    ) -> Iterator[Item | Refused]:
        """Read the items of one chunk."""
        reader = Reader(self.source, self.title, SharedFiles(attachments), chunk.context)
        yield from items_in(chunk, SHAPE, reader.chat, options, USUAL)


def conversations_in(archive: Zip) -> set[str]:
    """Name the files of an archive that hold conversations: not every XML file that people share does."""
    files = [one for one in archive.entries() if isinstance(one, Entry) and one.name.lower().endswith(".xml")]
    at_the_top = {one.name for one in files if "/" not in one.name}
    return at_the_top or {one.name for one in files if is_vantage(archive.head(one))}


def packed(
    name: str, stream: BinaryIO, contents: Contents, cut: Callable[[str, BinaryIO], Iterator[Chunk | Refused]]
) -> Iterator[Chunk | Refused]:
    """Cut all content files of an archive. One that is broken is read as far as it goes, and refused.

    Raises:
        Quarantine: the archive cannot be opened, holds no conversations, or unpacks to too much.
    """
    with zip_members.opened(name, stream) as archive:
        found = contents(archive)
        if not found:
            raise Quarantine("no-conversations", f"{name}: holds no conversations. Ask the vendor what it is")
        for entry in archive.entries():
            if isinstance(entry, Refused) or entry.name not in found:
                continue
            member, place = archive.open(entry), f"{name}: {entry.name}"
            try:
                yield from cut(place, io.BufferedReader(member))
            except Quarantine as error:
                if error.reason == "too-large":
                    raise
                yield Refused(error.reason, place, str(error), b"")
            if member.problem:
                yield Refused("unreadable-member", place, f"it {member.problem}", b"")


_DUMPS = FileDumps("vantage", "Vantage conversation")


class Vantage:
    """What a firm's Vantage exports, of whatever network."""

    name = "vantage"
    title = "Actiance Vantage"
    message_class = "IPM.NOTE.Vantage"
    item_class = "ipm.externaldata.vantage"
    folder = "Vantage"

    def claim(self, name: str) -> Claim | None:
        """Say what a file is by its name, or None when it is not this source's."""
        found = _NAME.fullmatch(name.lower())
        if not found:
            return None
        if found["zip"]:
            return Claim(found["bundle"], Role.CONTAINER)
        role = Role.ATTACHMENTS if found["part"] is None else Role.CONTENT
        return Claim(found["bundle"], role, int(found["part"] or found["tar"] or 0))

    def chunks(self, name: str, stream: BinaryIO, options: Options) -> Iterator[Chunk | Refused]:
        """Cut a content file or an archive of such into chunks.

        Raises:
            Quarantine: the file is empty, broken, in another format, or defines entities.
        """
        cut = partial(_DUMPS.chunks, options=options)
        return packed(name, stream, conversations_in, cut) if is_zip(stream) else cut(name, stream)

    def parse(
        self, chunk: Chunk, attachments: Mapping[str, Stored], options: Options
    ) -> Iterator[Item | Refused]:
        """Read the items of one chunk."""
        return _DUMPS.parse(chunk, attachments, options)

    def members(self, name: str, stream: BinaryIO) -> Iterator[tuple[str, BinaryIO] | Refused]:
        """Walk an attachments archive, or what is no conversation in one that holds both.

        Raises:
            Quarantine: the archive cannot be read any further.
        """
        if not is_zip(stream):
            return tar_members.members(name, stream)
        return zip_members.members(name, stream, _no_attachments)


def _no_attachments(archive: Zip) -> set[str]:
    warnings = {
        one.name
        for one in archive.entries()
        if isinstance(one, Entry) and one.name.rpartition("/")[2].lower() == _WARNINGS
    }
    return conversations_in(archive) | warnings
