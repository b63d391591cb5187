"""The source: files of your own, by a profile that is handed in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache, partial
from typing import BinaryIO

import msgspec

from include.commsarchive.errors import Fatal, Quarantine
from include.commsarchive.ids import digest
from include.commsarchive.model import Item, Refused
from include.commsarchive.sources import tar_members, zip_members
from include.commsarchive.sources.base import Chunk, Claim, Options, Role, Stored
from include.commsarchive.sources.chat import Chat, Deed, items_of
from include.commsarchive.sources.item_classes import value_of
from include.commsarchive.sources.own_files.groups import Groups
from include.commsarchive.sources.own_files.mapper import Mapper
from include.commsarchive.sources.own_files.profile import Profile
from include.commsarchive.sources.own_files.rows import MISFIT, Row, rows_of
from include.commsarchive.sources.own_files.said import Said
from include.commsarchive.sources.own_files.tree import Misfit, Tree
from include.commsarchive.sources.shared_files import SharedFiles
from include.commsarchive.sources.vantage.source import is_zip, packed
from include.commsarchive.sources.zip_members import Entry, Zip

_CHUNK = 4 * 1024 * 1024
_RUN = 64 * 1024
"""Bytes of rows that are read at once."""
_BUNDLE = "files"
_TARS = (b"\x1f\x8b", b"ustar")
_ENDINGS = {
    "delimited": (".csv", ".tsv", ".txt", ".psv"),
    "json": (".json",),
    "json_lines": (".jsonl", ".ndjson", ".json"),
    "xml": (".xml",),
}
DRAWN = "drawn/records.jsonl"
"""The rows of an archive that a collector made: all else in it is attached, whatever its name."""
_Key = tuple[str, int]
_Line = tuple[Row, bytes]
_encode = msgspec.json.Encoder().encode
_group = msgspec.json.Decoder(tuple[int, list[Row]]).decode


@dataclass
class OwnFiles:
    """Files as ``profile`` describes them (JSON of a `Profile`); without one, nothing can be read."""

    profile: str = ""
    name: str = field(default="own_files", init=False)
    title: str = "Own files"
    message_class: str = "IPM.NOTE.OwnFiles"
    item_class: str = "ipm.externaldata.ownfiles"
    folder: str = "Own Files"

    def described(self, profile: str) -> OwnFiles:
        """Give this source as a profile (JSON) makes it."""
        told = msgspec.json.decode(profile, type=Profile)
        kind = value_of(told.type) or "".join(word.title() for word in told.name.split("_"))
        title = told.title or told.name.replace("_", " ").title()
        return OwnFiles(
            profile, title, f"IPM.NOTE.{kind}", f"ipm.externaldata.{kind.lower()}", told.folder or title
        )

    def claim(self, name: str) -> Claim | None:
        """Say what a file is by its name, or None when the profile does not name it."""
        if not self.profile:
            return None
        rules = self._profile.files
        if _like(name, rules.content):
            return Claim(_BUNDLE, Role.CONTAINER if name.lower().endswith(".zip") else Role.CONTENT)
        return Claim(_BUNDLE, Role.ATTACHMENTS) if _like(name, rules.attachments) else None

    def chunks(self, name: str, stream: BinaryIO, options: Options) -> Iterator[Chunk | Refused]:
        """Cut a file, or an archive of such, into whole conversations or rows.

        Raises:
            Quarantine: the file is empty, broken, or not as the profile says.
            Fatal: there is no profile.
        """
        cut = partial(self._cut, options=options)
        return packed(name, stream, self._contents, cut) if is_zip(stream) else cut(name, stream)

    def parse(
        self, chunk: Chunk, attachments: Mapping[str, Stored], options: Options
    ) -> Iterator[Item | Refused]:
        """Read the items of one chunk."""
        mapper, files = _mapper(self.profile), SharedFiles(attachments)
        for start, end in zip(chunk.starts, (*chunk.starts[1:], len(chunk.raw)), strict=True):
            part, rows = _group(chunk.raw[start:end])
            try:
                said = mapper.read([tree for _, tree in rows], files)
            except Misfit:
                said = Said()
                for where, tree in rows:  # one by one, to tell which does not fit
                    try:
                        said.add(mapper.read([tree], files))
                    except Misfit as error:
                        yield _misfit(chunk.place, where, error, tree)
            if said.events and mapper.profile.item == "row":
                yield _item(mapper.profile, self.title, said)
            elif said.events:
                try:
                    yield from items_of(_chat(mapper.profile, self.title, said, part), options)
                except Quarantine as error:
                    place = f"{chunk.place}, conversation from {rows[0][0]} on"
                    yield Refused(error.reason, place, str(error), chunk.raw[start:end])

    def members(self, name: str, stream: BinaryIO) -> Iterator[tuple[str, BinaryIO] | Refused]:
        """Walk an archive of attachments; any other file is one itself.

        Raises:
            Quarantine: the archive cannot be read any further.
        """
        if is_zip(stream):
            claim = self.claim(name)
            alone = claim is not None and claim.role is Role.ATTACHMENTS
            return zip_members.members(name, stream, *([] if alone else [self._contents]))
        start = stream.read(512)
        stream.seek(0)
        if start.startswith(_TARS[0]) or start[257:262] == _TARS[1]:
            return tar_members.members(name, stream)
        return iter([(name, stream)])

    @property
    def _profile(self) -> Profile:
        return _mapper(self.profile).profile

    def _contents(self, archive: Zip) -> set[str]:
        """Name the files of an archive that hold rows: by the profile's patterns, else by their endings."""
        names = [one.name for one in archive.entries() if isinstance(one, Entry)]
        if DRAWN in names:
            return {DRAWN}
        profile = self._profile
        named = {one for one in names if _like(one.rpartition("/")[2], profile.files.content)}
        return named or {one for one in names if one.lower().endswith(_ENDINGS[profile.format.kind])}

    def _cut(self, name: str, stream: BinaryIO, options: Options) -> Iterator[Chunk | Refused]:
        profile = self._profile
        return cut_rows(profile, name, rows_of(profile, name, stream, options), options)


@lru_cache(maxsize=16)
def _mapper(profile: str) -> Mapper:
    if not profile:
        raise Fatal("own_files: there is no profile. Name its file in the connector's key `profile`")
    return Mapper(msgspec.json.decode(profile, type=Profile))


def cut_rows(
    profile: Profile, name: str, rows: Iterable[Row | Refused], options: Options
) -> Iterator[Chunk | Refused]:
    """Put rows into chunks: whole conversations of a day, or row by row."""
    mapper, groups = Mapper(profile), Groups(options)
    batch = _Batch(name)
    for run in _runs(rows):
        for found in _placed(mapper, name, run) if isinstance(run, list) else [run]:
            if isinstance(found, Refused):
                yield found
                continue
            key, line = found
            for group in groups.add(key, line) if key else [b"[0,[%b]]" % line]:
                yield from batch.add(group)
    for group in groups.rest():
        yield from batch.add(group)
    yield from batch.rest()


def _runs(rows: Iterable[Row | Refused]) -> Iterator[list[_Line] | Refused]:
    """Put rows that follow each other together: many are read quicker than one by one."""
    run, size = list[_Line](), 0
    for row in rows:
        if isinstance(row, Refused):
            yield run
            yield row
            run, size = [], 0
            continue
        line = _encode(row)
        run.append((row, line))
        size += len(line)
        if size >= _RUN:
            yield run
            run, size = [], 0
    yield run


def _placed(mapper: Mapper, name: str, run: list[_Line]) -> Iterator[tuple[_Key | None, bytes] | Refused]:
    """Say which conversation and day each row belongs to; None where rows stand for themselves."""
    keys: Sequence[_Key | None] = [None] * len(run)
    try:
        if mapper.profile.item == "conversation":
            keys = mapper.keys([tree for (_, tree), _ in run])
    except Misfit as error:
        if len(run) > 1:
            for one in run:  # to tell which does not fit
                yield from _placed(mapper, name, [one])
        else:
            (((where, tree), _),) = run
            yield _misfit(name, where, error, tree)
    else:
        yield from zip(keys, (line for _, line in run), strict=True)


class _Batch:
    def __init__(self, name: str) -> None:
        self._name = name
        self._groups: list[bytes] = []
        self._size = 0
        self._start = 0

    def add(self, group: bytes) -> Iterator[Chunk]:
        self._groups.append(group)
        self._size += len(group)
        if self._size >= _CHUNK:
            yield from self.rest()

    def rest(self) -> Iterator[Chunk]:
        if self._groups:
            starts, at = [], 0
            for group in self._groups:
                starts.append(at)
                at += len(group)
            yield Chunk(self._name, 0, b"".join(self._groups), starts=tuple(starts))
        self._groups, self._size = [], 0


def _chat(profile: Profile, title: str, said: Said, part: int) -> Chat:
    people = said.unify()
    name = said.name or said.subject
    chat = Chat(profile.name, title, said.conversation, name, tuple(people.values()), part=part)
    chat.deeds = [
        Deed(event, native_id)
        for events, native_id in zip(said.events, said.native_ids, strict=True)
        for event in events
    ]
    chat.marks = _marks(said)
    return chat


def _item(profile: Profile, title: str, said: Said) -> Item:
    """Make an item of a row; one without an id is known by all that it says."""
    known = said.unify()
    _, to, cc, bcc = (tuple([known[person.key] for person in group]) for group in said.people[0])
    (events,), (native_id,) = said.events, said.native_ids
    sender, at = events[0].who, events[0].at
    texts = (event.text for event in events)
    told = (said.conversation, str(at), sender.key if sender else "", said.subject, *texts)
    return Item(
        source=profile.name,
        native_ids=(native_id or digest("row", *told),),
        thread=said.conversation,
        subject=said.subject or f"{title}: {sender.name if sender else said.name}",
        event_class="Message",
        at=at,
        sender=sender,
        to=to or (() if cc or bcc or sender is None else (sender,)),
        cc=cc,
        bcc=bcc,
        events=events,
        marks=tuple(_marks(said)),
    )


def _marks(said: Said) -> list[str]:
    return [f"repaired: {one}" for one in dict.fromkeys(said.repaired) if one]


def _misfit(name: str, where: str, error: Misfit, tree: Tree) -> Refused:
    return Refused(MISFIT, f"{name}, {where}", str(error), msgspec.json.encode(tree))


def _like(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)
