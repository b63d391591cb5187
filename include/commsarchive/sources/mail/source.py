"""The source: mails in files of their own, in mailbox files, or in zips of either."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import BinaryIO

import msgspec

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Item, Refused
from include.commsarchive.sources import zip_members
from include.commsarchive.sources.base import Chunk, Claim, Options, Role, Stored
from include.commsarchive.sources.mail import fx_connect
from include.commsarchive.sources.mail.boxes import Letterbox, mails_in
from include.commsarchive.sources.mail.item import item_of
from include.commsarchive.sources.mail.letter import ORIGINAL, Letter, carried_in, files_in, read_letter
from include.commsarchive.sources.vantage.source import is_zip
from include.commsarchive.sources.zip_members import Entry

_CHUNK = 4 * 1024 * 1024
_BUNDLE = "mails"
_KEPT = 64 * 1024
"""Bytes of a mail that are kept with its refusal; all of it is kept with its file."""


@dataclass
class MailFiles:
    """Mail of this source, in files that end so. What a file holds is told by its content."""

    name: str
    title: str
    message_class: str
    item_class: str
    folder: str
    endings: tuple[str, ...]

    def claim(self, name: str) -> Claim | None:
        """Say what a file is by its name, or None when it is not this source's."""
        return Claim(_BUNDLE, Role.CONTAINER) if name.lower().endswith(self.endings) else None

    def chunks(self, name: str, stream: BinaryIO, options: Options) -> Iterator[Chunk | Refused]:
        """Read the mails of a file, all but their files, some MiB at a time.

        Raises:
            Quarantine: the file is empty, or holds no mail.
        """
        waiting: list[bytes] = []
        size = 0
        for mail in _mails(name, stream):
            if isinstance(mail, Refused):
                yield mail
                continue
            try:
                letter = msgspec.json.encode(read_letter(mail.place, mail.open(), options.max_bytes))
            except Quarantine as error:
                yield Refused(error.reason, mail.place, str(error), mail.open().read(_KEPT))
                continue
            waiting.append(letter)
            size += len(letter)
            if size >= _CHUNK:
                yield _chunk(name, waiting)
                waiting, size = [], 0
        if waiting:
            yield _chunk(name, waiting)

    def parse(
        self, chunk: Chunk, attachments: Mapping[str, Stored], options: Options
    ) -> Iterator[Item | Refused]:
        """Read the items of one chunk."""
        del options
        for start, end in pairwise((*chunk.starts, len(chunk.raw))):
            raw = chunk.raw[start:end]
            letter = msgspec.json.decode(raw, type=Letter)
            try:
                yield item_of(letter, self.name, attachments)
            except Quarantine as error:
                yield Refused(error.reason, letter.place, str(error), raw)

    def members(self, name: str, stream: BinaryIO) -> Iterator[tuple[str, BinaryIO] | Refused]:
        """Walk each mail as it came, and the files that it holds; what is no mail is refused by `chunks`."""
        try:
            for mail in _mails(name, stream):
                if not isinstance(mail, Refused):
                    yield f"{mail.place}/{ORIGINAL}", mail.open()
                    if self.name == fx_connect.NAME:
                        yield from carried_in(mail.place, mail.open())
                    yield from files_in(mail.place, mail.open())
        except Quarantine:
            return


def _mails(name: str, stream: BinaryIO) -> Iterator[Letterbox | Refused]:
    """Find the mails of a file, or of the files of a zip."""
    if not is_zip(stream):
        yield from mails_in(name, stream)
        return
    with zip_members.opened(name, stream) as archive:
        for entry in archive.entries():
            if isinstance(entry, Refused):
                yield entry
                continue
            place = f"{name}: {entry.name}"
            if problem := archive.sound(entry):
                yield Refused("unreadable-member", place, f"it {problem}", b"")
                continue
            yield from _packed(place, archive, entry)


def _packed(place: str, archive: zip_members.Zip, entry: Entry) -> Iterator[Letterbox | Refused]:
    """Give a mail that is a file of a zip; a mailbox file cannot be walked there."""
    head = archive.head(entry)
    try:
        (mail,) = islice(mails_in(place, io.BytesIO(head)), 1)
    except Quarantine as error:
        yield Refused(error.reason, place, str(error), head)
        return
    if mail.place == place:
        yield Letterbox(place, lambda: io.BufferedReader(archive.open(entry)))
    else:
        yield Refused("packed-too-large", place, "a mailbox file in an archive; deliver it unpacked", head)


def _chunk(name: str, letters: list[bytes]) -> Chunk:
    starts, at = [], 0
    for letter in letters:
        starts.append(at)
        at += len(letter)
    return Chunk(name, 0, b"".join(letters), starts=tuple(starts))
