"""The words of the product as values. Ground floor: standard library only.

Times are integers: milliseconds since 1970-01-01T00:00:00Z, the resolution of the finest source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import BinaryIO


class Kind(StrEnum):
    """What an event is. The value is what logs, counts and mails show."""

    MESSAGE = "message"
    DISCLAIMER = "disclaimer"
    JOIN = "join"
    LEAVE = "leave"
    CARRY_OVER = "carry-over"
    INVITE = "invite"
    FILE = "file"
    HISTORY = "history"
    SYSTEM = "system"
    MODE = "mode"
    EDIT = "edit"
    DELETE = "delete"
    REACTION = "reaction"


@dataclass(frozen=True, slots=True)
class Person:
    """A participant as the source knows them.

    ``key`` names the person within the source (``mail:…``, ``uuid:…``, ``login:…``); ``address`` is
    the source's own address and ``corporate_address`` the employer's, each ``""`` when unknown;
    ``ids`` are the source's native ids as (label, value); ``internal`` says that the source knows
    the person as one of the archiving firm's own, None that it does not say.
    """

    key: str
    name: str
    address: str = ""
    corporate_address: str = ""
    company: str = ""
    ids: tuple[tuple[str, str], ...] = ()
    internal: bool | None = False


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that somebody shared. ``blob`` is the SHA-256 of its bytes, ``""`` when they are missing.

    Sizes are bytes; ``stated_size`` is the source's claim, None where it makes none. ``problem`` is
    ``""``, ``"missing"`` or ``"size-mismatch"``.
    """

    name: str
    native_id: str = ""
    media_type: str = "application/octet-stream"
    stated_size: int | None = None
    size: int = 0
    blob: str = ""
    problem: str = ""


@dataclass(slots=True)
class Event:
    """One thing said or done, at ``at`` (ms), by ``who``.

    ``other`` is the one it was done to (an invitee); ``window`` the (from, to) that a history view
    covers; ``marks`` short remarks shown beside the event (``mobile``, ``history``); ``residue`` what
    the source said that we have no field for, kept as it was written.
    """

    kind: Kind
    at: int
    who: Person | None = None
    text: str = ""
    other: Person | None = None
    attachment: Attachment | None = None
    window: tuple[int, int] | None = None
    marks: tuple[str, ...] = ()
    residue: str = ""


@dataclass(slots=True)
class Item:
    """The unit archived: one e-mail. What a source's ``parse`` yields.

    ``native_ids`` are the source's own ids, unique within the source; ``thread`` groups items that
    belong together (a room); ``subject`` is the mail's subject; ``event_class`` the last part of the
    message class (``Conversation``); ``at`` when it was said (ms), None when the source did not say.
    ``part`` counts from 1 where a long conversation was cut, 0 where it was not. ``marks`` are
    remarks on the whole item (``repaired: …``); ``facts`` more of what the source said, for the
    reader, as (label, value). ``others`` take part without being sender or recipient, as (what they are,
    person); ``references`` name more threads that the item belongs to, where one is not enough.
    """

    source: str
    native_ids: tuple[str, ...]
    thread: str
    subject: str
    event_class: str
    at: int | None
    sender: Person | None
    to: tuple[Person, ...]
    cc: tuple[Person, ...] = ()
    bcc: tuple[Person, ...] = ()
    events: list[Event] = field(default_factory=list)
    part: int = 0
    marks: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    others: tuple[tuple[str, Person], ...] = ()
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """What a source could not make an item of: the reason (a slug), where, why, and its bytes."""

    reason: str
    place: str
    detail: str
    raw: bytes


@dataclass(slots=True)
class StagedItem:
    r"""An item after ``convert``: header facts, rendered bodies, references to attachments.

    One line of a shard. ``revision`` is the hash of the canonical content, so that the same item
    with other content is told apart. ``text`` and ``html`` use ``\n`` line ends. ``counts`` are the
    events by kind.
    """

    key: str
    revision: str
    source: str
    native_ids: tuple[str, ...]
    thread: str
    subject: str
    at: int
    message_class: str
    item_class: str
    sender: Person
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    bcc: tuple[Person, ...]
    text: str
    html: str
    attachments: tuple[Attachment, ...]
    counts: dict[str, int]
    part: int = 0
    marks: tuple[str, ...] = ()
    others: tuple[tuple[str, Person], ...] = ()
    references: tuple[str, ...] = ()

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody in the item, sender first, each once."""
        others = [person for _, person in self.others]
        return tuple({p.key: p for p in (self.sender, *self.to, *self.cc, *self.bcc, *others)}.values())


NOTE = "IPM.Note"
"""The message class of an ordinary mail."""


@dataclass(frozen=True, slots=True)
class Address:
    """A name and an e-mail address as they stand in a header."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class MailPart:
    """An attachment of a mail: its name, type, size in bytes, and how to open its bytes."""

    name: str
    media_type: str
    size: int
    open: Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a copy is to be kept: the destination's label (GUID or name) or ``""``, and days or 0."""

    label: str
    days: int


@dataclass(frozen=True, slots=True)
class Mail:
    """What a destination encodes: RFC 5322 bytes, or JSON, or what else its protocol wants.

    ``message_id`` and ``references`` have no angle brackets; ``headers`` are our own ``X-``
    headers as (name, value), values plain text. ``message_class`` and ``retention`` are for destinations
    that have such.
    """

    message_id: str
    sender: Address
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    subject: str
    at: int
    references: tuple[str, ...]
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    attachments: tuple[MailPart, ...]
    message_class: str = NOTE
    retention: Retention | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail for one place: what is handed to a mailbox. Copies of one mail share ``mail``."""

    delivery_key: str
    mailbox: str
    folder: str
    mail: Mail


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a letter: the server's id for it, why it cannot be filed, or a doubt.

    Exactly one of ``server_id``, ``reason`` and ``doubt`` is not ``""``; the latter two are slugs. In
    doubt is what may or may not have been filed (``connection-lost``) and what was not sent because its
    mailbox must wait (``throttled``): look it up and try again, not before ``retry_after`` seconds.
    ``content_hash`` is the SHA-256 of the bytes as sent, ``stored_hash`` of what is kept, where it
    was read back or we keep it ourselves. ``request_id`` is the server's name for the request, for its
    operators to find it.
    """

    delivery_key: str
    server_id: str = ""
    content_hash: str = ""
    reason: str = ""
    doubt: str = ""
    retry_after: float = 0.0
    request_id: str = ""
    stored_hash: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A copy as its destination keeps it. Times are ms of whole seconds; addresses are in lower case.

    What a kind of destination has no notion of is None. ``attachments`` counts files, inline or not.
    ``stored_hash`` is the SHA-256 of the content as the server gives it back.
    """

    delivery_key: str
    message_id: str
    subject: str
    sender: str
    recipients: frozenset[str]
    attachments: int
    sent: int | None
    received: int | None
    read: bool | None
    draft: bool | None
    message_class: str | None
    stored_hash: str
