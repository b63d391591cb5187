"""The source: recognises, cuts and reads compliance XML of Persistent Chat, or zips of it with its files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import BinaryIO

from include.commsarchive.model import Item, Refused
from include.commsarchive.sources import tar_members, zip_members
from include.commsarchive.sources.base import Chunk, Claim, Options, Role, Stored
from include.commsarchive.sources.persistent_chat.events import USUAL
from include.commsarchive.sources.persistent_chat.recognise import is_persistent_chat, recognise
from include.commsarchive.sources.persistent_chat.records import GRAMMAR, SHAPE, Reader
from include.commsarchive.sources.shared_files import SharedFiles
from include.commsarchive.sources.vantage.source import is_zip, packed
from include.commsarchive.sources.xml_chats import items_in
from include.commsarchive.sources.xml_records import Cutter
from include.commsarchive.sources.xml_window import Window
from include.commsarchive.sources.zip_members import Entry, Zip

_NAME = re.compile(
    r"(?:.*[._-])?(?:persistent[._-]?chat|pchat|group[._-]?chat)(?:[._-].*)?"
    r"(?:(?P<zip>\.zip)|(?P<xml>\.xml)|\.tar|\.tar\.gz|\.tgz)"
)
_FILE = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\.[^.]+")
"""A shared file as the compliance service stores it: its GUID and ending."""
_BUNDLE = "files"


class PersistentChat:
    """What the compliance service of Persistent Chat (once Group Chat, before that MindAlign) writes."""

    name = "persistent_chat"
    title = "Persistent Chat"
    message_class = "IPM.NOTE.PersistentChat"
    item_class = "ipm.externaldata.persistentchat"
    folder = "Persistent Chat"

    def claim(self, name: str) -> Claim | None:
        """Say what a file is by its name, or None when it is not this source's."""
        lower = name.lower()
        if _FILE.fullmatch(lower):
            return Claim(_BUNDLE, Role.ATTACHMENTS)
        found = _NAME.fullmatch(lower)
        if not found:
            return None
        role = Role.CONTENT if found["xml"] else Role.CONTAINER if found["zip"] else Role.ATTACHMENTS
        return Claim(_BUNDLE, role)

    def chunks(self, name: str, stream: BinaryIO, options: Options) -> Iterator[Chunk | Refused]:
        """Cut a content file or an archive of such into chunks.

        Raises:
            Quarantine: the file is empty, broken, in another format, or defines entities.
        """
        cut = partial(_cut, options=options)
        return packed(name, stream, _conversations_in, cut) if is_zip(stream) else cut(name, stream)

    def parse(
        self, chunk: Chunk, attachments: Mapping[str, Stored], options: Options
    ) -> Iterator[Item | Refused]:
        """Read the items of one chunk."""
        reader = Reader(SharedFiles(attachments), chunk.context)
        return items_in(chunk, SHAPE, reader.chat, options, USUAL)

    def members(self, name: str, stream: BinaryIO) -> Iterator[tuple[str, BinaryIO] | Refused]:
        """Walk an archive's files that are no conversations; any other file is one itself.

        Raises:
            Quarantine: the archive cannot be read any further.
        """
        if _FILE.fullmatch(name.lower()):
            return iter([(name, stream)])
        if is_zip(stream):
            return zip_members.members(name, stream, _conversations_in)
        return tar_members.members(name, stream)


def _cut(name: str, stream: BinaryIO, options: Options) -> Iterator[Chunk | Refused]:
    window = Window(name, stream)
    yield from Cutter(window, GRAMMAR, recognise(name, window.head()), options).chunks()


def _conversations_in(archive: Zip) -> set[str]:
    files = [one for one in archive.entries() if isinstance(one, Entry) and one.name.lower().endswith(".xml")]
    return {one.name for one in files if is_persistent_chat(archive.head(one))}
