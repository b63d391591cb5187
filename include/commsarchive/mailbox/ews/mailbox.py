"""Exchange through EWS: MIME plus the properties that make a copy one that has always been there."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from itertools import groupby, islice, zip_longest
from operator import attrgetter
from typing import TypeVar

from exchangelib import UTC, EWSDateTime

from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.mailbox.base import Encode
from include.commsarchive.mailbox.ews.box import Box
from include.commsarchive.mailbox.ews.elements import Content, Found, Stored
from include.commsarchive.mailbox.ews.folders import Folders
from include.commsarchive.mailbox.ews.line import Line
from include.commsarchive.mailbox.ews.post import MOST_BYTES, Post
from include.commsarchive.mailbox.ews.settings import EwsSettings
from include.commsarchive.mailbox.ews.verdict import (
    ACCESS_DENIED,
    FOLDER_GONE,
    NO_MAILBOX,
    Trouble,
)
from include.commsarchive.mailbox.ews.waits import Waits
from include.commsarchive.model import Kept, Letter, Outcome

MOST_KEYS = 60
"""Keys of one search: Exchange takes 255 nodes in a restriction, and a key may be counted as four."""

MOST_IDS = 100
"""Copies of one look."""

LANE = 25
"""Letters or copies of one mailbox that are worth a connection of their own."""

_GONE = frozenset({"ErrorItemNotFound", "ErrorInvalidId", "ErrorInvalidIdEmpty", "ErrorInvalidIdMalformed"})

_UNKNOWN = EWSDateTime(1970, 1, 1, tzinfo=UTC)

One = TypeVar("One")


class EwsMailbox:
    """A `Mailbox` on Exchange Server. It may be used from several threads."""

    keyed = False
    readable = True

    def __init__(self, settings: EwsSettings, encode: Encode) -> None:
        """Connect nowhere yet."""
        self._settings = settings
        self._line = Line(settings)
        self._boxes: dict[str, Box] = {}
        self._folders = Folders()
        self._waits = Waits()
        self._post = Post(encode, self._folders, self._waits, settings.max_request)
        self._pool = ThreadPoolExecutor(settings.width, thread_name_prefix="ews")

    def missing(self, mailboxes: Collection[str]) -> dict[str, str]:
        """See `Mailbox.missing`. Quota and hold do not show before something is filed."""
        reasons = self._pool.map(self._refusal, mailboxes)
        return {mailbox: reason for mailbox, reason in zip(mailboxes, reasons, strict=True) if reason}

    def find(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> dict[str, str]:
        """See `Mailbox.find`. Where there are several under one key, it is the oldest."""
        found: dict[str, str] = {}
        for one in self._search(mailbox, folder, delivery_keys):
            found.setdefault(one.delivery_key, one.item_id.id)
        return found

    def append(self, letters: Sequence[Letter]) -> list[Outcome]:
        """See `Mailbox.append`."""
        boxes: dict[str, dict[str, Letter]] = {}
        for letter in letters:
            boxes.setdefault(letter.mailbox.casefold(), {})[letter.delivery_key] = letter
        lanes = [self._share(sorted(one.values(), key=attrgetter("folder"))) for one in boxes.values()]
        firsts_first = [lane for turn in zip_longest(*lanes) for lane in turn if lane]
        sent = [self._pool.submit(self._file, lane) for lane in firsts_first]
        wait(sent)  # whatever one of them raises, nothing is on its way any more when we return
        outcomes = {one.delivery_key: one for lane in sent for one in lane.result()}
        return [outcomes[letter.delivery_key] for letter in letters]

    def inspect(self, mailbox: str, folder: str, server_ids: Collection[str]) -> dict[str, Kept]:
        """See `Mailbox.inspect`. The content is MIME as Exchange makes it anew."""
        del folder  # an id says where its copy lies
        kept: dict[str, Kept] = {}
        with self._asking(mailbox):
            for some in self._pool.map(partial(_read, self._box(mailbox)), self._share(list(server_ids))):
                kept |= some
        return kept

    def prune(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> int:
        """See `Mailbox.prune`. What the server will not remove stays."""
        seen: set[str] = set()
        extra: list[str] = []
        for one in self._search(mailbox, folder, delivery_keys):
            if one.delivery_key in seen:
                extra.append(one.item_id.id)
            seen.add(one.delivery_key)
        with self._asking(mailbox):
            return sum(sum(self._box(mailbox).remove(some)) for some in _chunks(extra, MOST_IDS))

    def close(self) -> None:
        """See `Mailbox.close`."""
        self._pool.shutdown(cancel_futures=True)
        self._line.close()

    def _box(self, mailbox: str) -> Box:
        key = mailbox.casefold()
        if key not in self._boxes:
            if "@" not in mailbox or not mailbox.isascii() or not mailbox.isprintable():
                raise Trouble(reason=NO_MAILBOX)
            self._boxes[key] = Box(mailbox, self._line)
        return self._boxes[key]

    def _refusal(self, mailbox: str) -> str:
        """Say why nothing can be filed for a mailbox, ``""`` when something can."""
        with self._asking(mailbox):
            try:
                self._box(mailbox).probe()
            except Trouble as trouble:
                if trouble.code in _GONE or trouble.doubt == FOLDER_GONE:
                    return ACCESS_DENIED  # every mailbox has an Inbox; this one we are not shown
                if not trouble.reason:
                    raise
                return trouble.reason
        return ""

    def _search(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> list[Found]:
        """Find copies by their keys, the oldest first, each once: pages overlap when a folder grows."""
        found: dict[str, Found] = {}
        with self._asking(mailbox):
            try:
                box = self._box(mailbox)
                for keys in _chunks(delivery_keys, MOST_KEYS):
                    found |= {one.item_id.id: one for one in self._look(box, folder, keys)}
            except Trouble as trouble:
                if trouble.reason != NO_MAILBOX:
                    raise
        return sorted(found.values(), key=lambda one: (one.created or _UNKNOWN, one.item_id.id))

    def _look(self, box: Box, folder: str, keys: Sequence[str]) -> list[Found]:
        """Search a folder; one that is remembered but gone is looked up once more."""
        for _ in range(2):
            here = self._folders.find(box, folder)
            if here is None:
                break
            try:
                return [one for one in box.search(here, keys) if one.delivery_key in keys]
            except Trouble as trouble:
                if trouble.doubt != FOLDER_GONE and trouble.code not in _GONE:
                    raise
                self._folders.forget(box, folder)
        return []

    def _share(self, things: Sequence[One]) -> list[Sequence[One]]:
        """Share what one mailbox is asked to do among its connections, in order."""
        number = min(self._settings.max_connections, -(-len(things) // LANE))
        length = -(-len(things) // max(number, 1))
        return [things[start : start + length] for start in range(0, len(things), max(length, 1))]

    def _file(self, lane: Sequence[Letter]) -> list[Outcome]:
        """File letters for one mailbox."""
        outcomes: list[Outcome] = []
        for _, letters in groupby(lane, key=attrgetter("folder")):
            some = list(letters)
            try:
                outcomes += self._post.file(self._box(some[0].mailbox), some)
            except Trouble as trouble:
                outcomes += [Outcome(one.delivery_key, reason=trouble.reason) for one in some]
        return outcomes

    @contextmanager
    def _asking(self, mailbox: str) -> Iterator[None]:
        """Leave a waiting mailbox alone, and turn trouble into errors that name nobody."""
        try:
            self._waits.check(mailbox)
            yield
        except Trouble as trouble:
            self._waits.put_off(mailbox, trouble.wait)
            what = f"{self._settings.place}: a mailbox cannot be asked now: {trouble}"
            if trouble.request_id:
                what += f", request {trouble.request_id}"
            if trouble.reason == ACCESS_DENIED:
                raise Fatal(f"{what}. Let the login open it again (docs/exchange-server.md)") from None
            raise Retriable(f"{what}. Try again", retry_after=trouble.wait or None) from None


def _chunks(things: Iterable[One], most: int) -> Iterator[list[One]]:
    left = iter(things)
    while some := list(islice(left, most)):
        yield some


def _cut(sizes: dict[str, int]) -> Iterator[list[str]]:
    """Cut ids into groups whose content can be in memory together."""
    some: list[str] = []
    total = 0
    for one, size in sizes.items():
        if some and total + size > MOST_BYTES:
            yield some
            some, total = [], 0
        some.append(one)
        total += size
    if some:
        yield some


def _read(box: Box, server_ids: Sequence[str]) -> dict[str, Kept]:
    """Read copies of one mailbox."""
    kept: dict[str, Kept] = {}
    for some in _chunks(server_ids, MOST_IDS):
        stored: dict[str, Stored] = dict(_there(zip(some, box.stored(some), strict=True)))
        for ids in _cut({one: stored[one].size or MOST_BYTES for one in stored}):
            contents: Iterator[tuple[str, Content]] = _there(zip(ids, box.contents(ids), strict=True))
            kept |= {one: _kept(stored[one], content) for one, content in contents}
    return kept


def _there(pairs: Iterable[tuple[str, One | Trouble]]) -> Iterator[tuple[str, One]]:
    """Leave out what is not there.

    Raises:
        Trouble: something could not be read.
    """
    for one, part in pairs:
        if not isinstance(part, Trouble):
            yield one, part
        elif part.code not in _GONE:
            raise part


def _kept(stored: Stored, content: Content) -> Kept:
    people = [*(stored.to or []), *(stored.cc or []), *(stored.bcc or [])]
    return Kept(
        delivery_key=stored.delivery_key or "",
        message_id=(stored.message_id or "").strip(" <>"),
        subject=stored.subject or "",
        sender=(stored.author.email_address or "").casefold() if stored.author else "",
        recipients=frozenset(one.email_address.casefold() for one in people if one.email_address),
        attachments=len(stored.attachments or []),
        sent=_milliseconds(stored.sent),
        received=_milliseconds(stored.received),
        read=stored.is_read,
        draft=stored.is_draft,
        message_class=stored.message_class,
        stored_hash=hashlib.sha256(content.mime_content or b"").hexdigest(),
    )


def _milliseconds(when: EWSDateTime | None) -> int | None:
    return None if when is None else int(when.timestamp()) * 1000
