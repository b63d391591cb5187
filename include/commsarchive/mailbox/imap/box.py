"""One mailbox that we are logged in to: its folders, and the copies in them."""

from __future__ import annotations

import functools
import imaplib
import re
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from include.commsarchive.errors import Fatal
from include.commsarchive.mailbox.imap.client import Answer, Client, Message, answer_of
from include.commsarchive.mailbox.imap.names import levels, wire_name
from include.commsarchive.mailbox.kept import kept_mime
from include.commsarchive.model import Kept

KEY_HEADER = "X-Commsarchive-Delivery-Key"
"""Header in front of a mail that a copy is found by."""

MOST_KEYS = 100
"""Keys of one search: a command line may have 8192 bytes (RFC 7162, 4)."""

MOST_READ = 16 * 1024 * 1024
"""Bytes that are read back at once, unless one mail alone has more."""

PASSING = frozenset({"UNAVAILABLE", "INUSE", "SERVERBUG"})
"""Response codes of a no that may be a yes later (RFC 5530)."""

_SEPARATOR = re.compile(rb'\([^)]*\) (?:"\\?(.)"|NIL) ')
_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
_FETCH_KEY = f"(UID BODY.PEEK[HEADER.FIELDS ({KEY_HEADER})])"


class Trouble(Exception):
    """The server cannot do now what it was asked to; ``slug`` says why."""

    def __init__(self, slug: str) -> None:
        """Keep the slug."""
        super().__init__(slug)
        self.slug = slug


@dataclass(frozen=True, slots=True)
class _Fetched:
    """One message of a FETCH: what the server says of it, and its literal."""

    said: bytes
    literal: bytes

    @property
    def uid(self) -> int:
        found = _UID.search(self.said)
        return int(found[1]) if found else 0


class Box:
    """The folders of one mailbox, over one login. A server's id is ``<UIDVALIDITY>.<UID>``."""

    def __init__(self, client: Client) -> None:
        """Take a login."""
        self.client = client
        self.used_at = time.monotonic()

    @property
    def appends_many(self) -> bool:
        """Whether one command may append several messages."""
        return "MULTIAPPEND" in self.client.capabilities

    def append(self, folder: str, messages: Sequence[Message]) -> Answer:
        """Append messages, all or none, making the folder where it is missing."""
        answer = self.client.append_all(self._name(folder), messages)
        if answer.code == "TRYCREATE":
            made = self._make(folder)
            answer = self.client.append_all(self._name(folder), messages) if made.ok else made
        return answer

    def ids_of(self, answer: Answer, folder: str, keys: Sequence[str]) -> dict[str, str]:
        """Give the server's ids of what was just appended: from its answer, else by looking them up."""
        validity, _, uids = answer.about.partition(" ")
        given = [uid for part in uids.split(",") for uid in _uids(part)]
        if answer.code == "APPENDUID" and len(given) == len(keys):
            return {key: f"{validity}.{uid}" for key, uid in zip(keys, given, strict=True)}
        return {key: ids[-1] for key, ids in self.find(folder, keys).items()}

    def find(self, folder: str, keys: Collection[str]) -> dict[str, list[str]]:
        """Find the copies that bear these keys: the server's ids of each, oldest first."""
        found: dict[str, list[str]] = {}
        validity = self._open(folder, readonly=True)
        wanted = set(keys) if validity else set()
        for part in _parts(sorted(wanted), MOST_KEYS):
            terms = [f"HEADER {KEY_HEADER} {key}" for key in part]
            words = ["OR " * (len(part) - 1) + terms[0], *terms[1:]]
            uids = b" ".join(self._ask("SEARCH", *words)).split()
            for one in self._fetch([int(uid) for uid in uids], _FETCH_KEY):
                key = _key_of(one.literal)
                if key in wanted:
                    found.setdefault(key, []).append(f"{validity}.{one.uid}")
        return found

    def inspect(self, folder: str, server_ids: Collection[str]) -> dict[str, Kept]:
        """Read copies back."""
        validity = self._open(folder, readonly=True)
        split = [one.partition(".") for one in server_ids]
        uids = sorted(int(uid) for first, _, uid in split if validity and first == validity and uid.isdigit())
        kept: dict[str, Kept] = {}
        for part in self._within(uids, MOST_READ):
            for one in self._fetch(part, "(UID FLAGS INTERNALDATE BODY.PEEK[])"):
                kept[f"{validity}.{one.uid}"] = _kept(one)
        return kept

    def prune(self, folder: str, keys: Collection[str]) -> int:
        """Remove all but the oldest copy of each key. Without UIDPLUS we could remove others, and do not."""
        surplus = [one.partition(".")[2] for ids in self.find(folder, keys).values() for one in ids[1:]]
        if not surplus or "UIDPLUS" not in self.client.capabilities:
            return 0
        self._open(folder, readonly=False)
        self._ask("STORE", ",".join(surplus), "+FLAGS.SILENT", r"(\Deleted)")
        self._ask("EXPUNGE", ",".join(surplus))
        return len(surplus)

    def _make(self, folder: str) -> Answer:
        """Make a folder and show it to mail programs; another worker may have done so at this moment."""
        answer = Answer("OK", "", "")
        parts = levels(folder, self._separator)
        for depth in range(1, len(parts) + 1):
            name = wire_name(parts[:depth], self._separator)
            answer = answer_of(*self.client.create(name))
            if answer.code == "ALREADYEXISTS":
                answer = Answer("OK", "", "")
            self.client.subscribe(name)
        return answer

    def _open(self, folder: str, *, readonly: bool) -> str:
        """Open a folder and give its UIDVALIDITY; ``""`` where there is no such folder."""
        name = self._name(folder)
        status, _ = self.client.select(name, readonly)
        if status == "OK":
            _, validity = self.client.response("UIDVALIDITY")
            return bytes(validity[-1] or b"0").decode()
        if self.client.list('""', name)[1] != [None]:
            raise Trouble("mailbox-unavailable")
        return ""

    def _name(self, folder: str) -> str:
        return wire_name(levels(folder, self._separator), self._separator) if folder else '"INBOX"'

    @functools.cached_property
    def _separator(self) -> str:
        _, rows = self.client.list('""', "INBOX")
        found = _SEPARATOR.match(rows[0]) if rows and isinstance(rows[0], bytes) else None
        if found is None or found[1] is None:
            raise Fatal("the IMAP server has no folders below the Inbox. File into another one")
        return found[1].decode()

    def _within(self, uids: Sequence[int], most: int) -> Iterator[list[int]]:
        """Cut messages into parts of so many bytes."""
        part: list[int] = []
        room = most
        for row in self._ask("FETCH", ",".join(map(str, uids)), "(UID RFC822.SIZE)") if uids else []:
            uid, size = _UID.search(row), _SIZE.search(row)
            if uid and size:
                if part and int(size[1]) > room:
                    yield part
                    part, room = [], most
                part.append(int(uid[1]))
                room -= int(size[1])
        if part:
            yield part

    def _fetch(self, uids: Sequence[int], what: str) -> Iterator[_Fetched]:
        """Fetch something of messages, by UID."""
        rows = self._ask("FETCH", ",".join(map(str, uids)), what) if uids else []
        found = [
            _Fetched(row[0] + (after if isinstance(after, bytes) else b""), row[1])
            for row, after in zip(rows, [*rows[1:], b""], strict=False)
            if isinstance(row, tuple)
        ]
        each_once = {one.uid: one for one in found}  # a server may say a thing twice
        yield from sorted(each_once.values(), key=lambda one: one.uid)

    def _ask(self, command: str, *words: str) -> list[Any]:
        status, rows = self.client.uid(command, *words)
        if status != "OK":
            raise Trouble("mailbox-unavailable")
        return [row for row in rows if row is not None]


def _uids(part: str) -> range:
    """Read ``7`` or ``7:9``, of an answer that says how many; RFC 4315 allows no ``*`` there."""
    first, _, last = part.partition(":")
    return range(int(first), int(last or first) + 1) if first.isdigit() else range(0)


def _parts(keys: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (keys[start : start + size] for start in range(0, len(keys), size))


def _key_of(header: bytes) -> str:
    for line in header.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.decode("ascii", "replace").casefold() == KEY_HEADER.casefold():
            return value.strip().decode("ascii", "replace")
    return ""


def _kept(one: _Fetched) -> Kept:
    head = one.literal.partition(b"\r\n\r\n")[0]
    flags = {flag.lower() for flag in imaplib.ParseFlags(one.said)}
    came = imaplib.Internaldate2tuple(one.said)
    return replace(
        kept_mime(one.literal, _key_of(head)),
        received=int(time.mktime(came)) * 1000 if came else None,
        read=b"\\seen" in flags,
        draft=b"\\draft" in flags,
    )
