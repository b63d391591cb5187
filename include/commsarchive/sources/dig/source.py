"""The source: recognises, cuts and reads DIG transcripts, alone or in zips with the files that they name."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import pairwise
from typing import BinaryIO

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Item, Refused
from include.commsarchive.sources import tar_members, zip_members
from include.commsarchive.sources.base import Chunk, Claim, Options, Role, Stored
from include.commsarchive.sources.dig.enclosed import bytes_of, name_of
from include.commsarchive.sources.dig.events import usual
from include.commsarchive.sources.dig.recognise import recognise, version_of
from include.commsarchive.sources.dig.records import GRAMMAR, SHAPE, Reader
from include.commsarchive.sources.instant_bloomberg.elements import local
from include.commsarchive.sources.vantage.source import is_zip, packed
from include.commsarchive.sources.xml_chats import elements_of, items_in
from include.commsarchive.sources.xml_records import Cutter
from include.commsarchive.sources.xml_window import Window
from include.commsarchive.sources.zip_members import Entry, Zip

_NAME = re.compile(
    r"(?:.*[._-])?(?:dig|(?:generated-)?transcripts?|interactions?)(?:[._-].*)?"
    r"(?:(?P<content>\.xml|\.zip)|\.tar|\.tar\.gz|\.tgz)"
)
_BUNDLE = "files"
_ENCLOSED = Options(max_bytes=256 * 1024 * 1024)
"""How large an event may be for the files in it to be looked at, whatever the connector says."""
_TARS = (".tar", ".tar.gz", ".tgz")


class Dig:
    """What Actiance's (now Smarsh's) archive and gateways exchange, of whatever network."""

    name = "dig"
    title = "Actiance DIG"
    message_class = "IPM.NOTE.DIG"
    item_class = "ipm.externaldata.dig"
    folder = "DIG"
    encloses = True

    def claim(self, name: str) -> Claim | None:
        """Say what a file is by its name, or None when it is not this source's."""
        found = _NAME.fullmatch(name.lower())
        if not found:
            return None
        return Claim(_BUNDLE, Role.CONTAINER if found["content"] else Role.ATTACHMENTS)

    def chunks(self, name: str, stream: BinaryIO, options: Options) -> Iterator[Chunk | Refused]:
        """Cut a content file or an archive of such into chunks.

        Raises:
            Quarantine: the file is empty, broken, in another format or version, or defines entities.
        """
        cut = partial(_cut, options=options)
        return packed(name, stream, _transcripts_in, cut) if is_zip(stream) else cut(name, stream)

    def parse(
        self, chunk: Chunk, attachments: Mapping[str, Stored], options: Options
    ) -> Iterator[Item | Refused]:
        """Read the items of one chunk."""
        pattern = usual(chunk.context["namespaces"])
        return items_in(chunk, SHAPE, Reader(attachments, chunk.context).chat, options, pattern)

    def members(self, name: str, stream: BinaryIO) -> Iterator[tuple[str, BinaryIO] | Refused]:
        """Walk an archive's files, and those within transcripts; what is no transcript `chunks` refuses.

        Raises:
            Quarantine: the archive cannot be read any further.
        """
        if name.lower().endswith(_TARS):
            yield from tar_members.members(name, stream)
            return
        zipped = is_zip(stream)
        if zipped:
            yield from zip_members.members(name, stream, _transcripts_in)
            stream.seek(0)
        with suppress(Quarantine):
            cut = partial(_cut, options=_ENCLOSED)
            chunks = packed(name, stream, _transcripts_in, cut) if zipped else cut(name, stream)
            for chunk in chunks:
                if isinstance(chunk, Chunk):
                    yield from _enclosed(chunk)


def _cut(name: str, stream: BinaryIO, options: Options) -> Iterator[Chunk | Refused]:
    window = Window(name, stream)
    yield from Cutter(window, GRAMMAR, recognise(name, window.head()), options).chunks()


def _enclosed(chunk: Chunk) -> Iterator[tuple[str, BinaryIO]]:
    for start, end in pairwise((*chunk.starts, len(chunk.raw))):
        raw = chunk.raw[start:end]
        if b"file-content" not in raw.lower():
            continue
        with suppress(ET.ParseError, Quarantine):
            for one in elements_of(raw, chunk.context["namespaces"], SHAPE)[0].iter():
                content = bytes_of(one)[0] if local(one.tag) == "file-content" else b""
                if content:
                    yield name_of(content), io.BytesIO(content)


def _transcripts_in(archive: Zip) -> set[str]:
    files = [one for one in archive.entries() if isinstance(one, Entry) and one.name.lower().endswith(".xml")]
    return {one.name for one in files if version_of(archive.head(one))}
