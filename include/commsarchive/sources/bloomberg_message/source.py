"""The source: recognises, cuts and reads exports of Bloomberg mail and blogs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import BinaryIO

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Item, Refused
from include.commsarchive.sources.base import Chunk, Claim, Options, Stored
from include.commsarchive.sources.bloomberg_message.blog import blog_of
from include.commsarchive.sources.bloomberg_message.files import Files
from include.commsarchive.sources.bloomberg_message.mail import NAME, Texts, mail_of, usual_mail
from include.commsarchive.sources.bloomberg_message.names import claim
from include.commsarchive.sources.bloomberg_message.records import (
    BLOG,
    DISCLAIMER,
    RECORDS,
    Record,
    read_records,
)
from include.commsarchive.sources.bloomberg_message.version import recognise
from include.commsarchive.sources.instant_bloomberg.elements import Children
from include.commsarchive.sources.tar_members import members
from include.commsarchive.sources.xml_grammar import Grammar
from include.commsarchive.sources.xml_records import Cutter
from include.commsarchive.sources.xml_window import Window

_GRAMMAR = Grammar(
    record=f"(?:{'|'.join(RECORDS)})",
    root="FileDump",
    beside=("Version", "NextFile"),
    leaves=(),
    carry=lambda _, context: dict(context),
)
_LONGEST_TAG = 64
_NO_PARTS = 10**9
"""A mail is never cut: not by its number of recipients, see `BloombergMessage.chunks` for its size."""


class BloombergMessage:
    """Mail of the Bloomberg terminal, and its blogs."""

    name = NAME
    title = "Bloomberg Message"
    message_class = "IPM.NOTE.BloombergMessage"
    item_class = "ipm.externaldata.bloombergmessage"
    folder = "BloombergMessage"

    def claim(self, name: str) -> Claim | None:
        """Say what a file is by its name, or None when it is not this source's."""
        return claim(name)

    def chunks(self, name: str, stream: BinaryIO, options: Options) -> Iterator[Chunk | Refused]:
        """Cut a content file into chunks, whatever its name. Mails beyond ``max_bytes`` are refused.

        Raises:
            Quarantine: the file is empty, in another format or version, or defines entities.
        """
        window = Window(name, stream)
        context = recognise(name, window.head())
        for chunk in Cutter(window, _GRAMMAR, context, replace(options, max_events=_NO_PARTS)).chunks():
            if isinstance(chunk, Chunk) and "part" in chunk.context:
                place = f"{chunk.place}, byte {chunk.start:,}, piece {chunk.context['part']}"
                why = "a single message is larger than items.max_bytes; raise it, then replay"
                yield Refused("message-too-large", place, why, chunk.raw)
            else:
                yield chunk

    def parse(
        self, chunk: Chunk, attachments: Mapping[str, Stored], options: Options
    ) -> Iterator[Item | Refused]:
        """Read the items of one chunk. A disclaimer is none; one that cannot be read is refused."""
        files = Files(attachments)
        for start, end in pairwise((*chunk.starts, len(chunk.raw))):
            for raw, read in _read(chunk.raw[start:end], chunk.context, files, options.texts):
                if isinstance(read, Quarantine):
                    place = f"{chunk.place}, record at byte {chunk.start + start:,}"
                    yield Refused(read.reason, place, str(read), raw)
                    continue
                if chunk.truncated and end == len(chunk.raw):
                    read.marks += ("truncated: the file ends here without its closing tag",)
                yield read

    def dictionary(self, name: str, stream: BinaryIO) -> Iterator[tuple[str, str]]:
        """Read the disclaimers that a file defines; what cannot be read is left to `chunks`.

        Raises:
            Quarantine: the file is empty, in another format or version, or defines entities.
        """
        for chunk in self.chunks(name, stream, Options()):
            if isinstance(chunk, Refused):
                continue
            for start, end in pairwise((*chunk.starts, len(chunk.raw))):
                if DISCLAIMER.encode() not in chunk.raw[start : start + _LONGEST_TAG].lower():
                    continue
                for _, read in read_records(chunk.raw[start:end], chunk.context):
                    if isinstance(read, Record) and read.kind == DISCLAIMER:
                        with suppress(Quarantine):
                            yield _entry(read)

    def members(self, name: str, stream: BinaryIO) -> Iterator[tuple[str, BinaryIO] | Refused]:
        """Walk an attachments archive.

        Raises:
            Quarantine: the archive cannot be read any further.
        """
        return members(name, stream)


def _read(
    raw: bytes, context: Mapping[str, str], files: Files, texts: Texts
) -> Iterator[tuple[bytes, Item | Quarantine]]:
    """Read the items of a record as it was cut."""
    if item := usual_mail(raw, context, files, texts):
        yield raw, item
        return
    for part, record in read_records(raw, context):
        try:
            if isinstance(record, Quarantine):
                raise record
            if record.kind == DISCLAIMER:
                _entry(record)
            else:
                yield part, _item(record, context, files, texts)
        except Quarantine as error:
            yield part, error


def _item(record: Record, context: Mapping[str, str], files: Files, texts: Texts) -> Item:
    if record.kind == BLOG:
        item = blog_of(record.element, context, files, NAME)
    else:
        item = mail_of(record.element, context, files, texts)
    if record.mended:
        item.marks += (f"repaired: {'; '.join(record.mended)}",)
    return item


def _entry(record: Record) -> tuple[str, str]:
    """Read a disclaimer: its reference and its text."""
    children = Children(record.element)
    reference, text = children.line("disclaimerreference"), children.text("disclaimertext").strip("\n")
    if not reference or not text.strip():
        raise Quarantine("incomplete-disclaimer", "it has no DisclaimerReference or no DisclaimerText")
    return reference, text
