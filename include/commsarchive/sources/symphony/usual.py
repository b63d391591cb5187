"""Messages of the usual shape, read a quick way: nearly all that a day holds.

Usual is an event about a message of which every field is named here and of the kind that it should be; to be
read so, and not only placed, it must be no edit or reply, and without files. `records` and `events` read
whatever is not usual, with care, and would read these the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from include.commsarchive.sources.json_keys import has_key_twice
from include.commsarchive.sources.json_records import UNREADABLE, Shape
from include.commsarchive.sources.symphony.fields import STREAM, USER
from include.commsarchive.sources.symphony.ids import same
from include.commsarchive.sources.symphony.people import is_stated, name_of
from include.commsarchive.sources.symphony.records import Happened, Json, decode, happened, obj, text

CACHED = 8192
"""Users, and streams, that are remembered as they were written."""
_Text = str | UnsetType | None
_Flag = bool | UnsetType | None
_Ms = Annotated[int, msgspec.Meta(ge=10**11, lt=10**14)]
"""A time that can be nothing but ms."""
_IDS = re.compile(r"[\w.:~-]{1,400} [\w.:~-]{1,400}", re.ASCII)
"""Ids that have one spelling only, see `ids.same`."""


class _Fields(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """Fields in the order in which they come, which is the quickest to read."""


class _Image(_Fields):
    id: _Text = UNSET
    dimension: _Text = UNSET


class _File(_Fields):
    id: _Text = UNSET
    name: _Text = UNSET
    size: int | UnsetType | None = UNSET
    images: list[_Image] | UnsetType | None = UNSET


class _Initiator(_Fields):
    user: msgspec.Raw


class _Message(_Fields, kw_only=True):
    message_id: str
    parent_message_id: _Text = UNSET
    timestamp: _Ms
    message: str
    data: _Text = UNSET
    attachments: list[_File] | UnsetType | None = UNSET
    user: msgspec.Raw
    stream: msgspec.Raw
    external_recipients: _Flag = UNSET
    diagnostic: _Text = UNSET
    user_agent: _Text = UNSET
    original_format: _Text = UNSET
    disclaimer: _Text = UNSET
    sid: _Text = UNSET
    replacing: _Text = UNSET
    replaced_by: _Text = UNSET
    initial_timestamp: int | UnsetType | None = UNSET
    initial_message_id: _Text = UNSET
    silent: _Flag = UNSET

    @property
    def is_plain(self) -> bool:
        """Say that it is no edit or reply and has no files."""
        of_others = self.parent_message_id or self.replacing or self.replaced_by or self.initial_message_id
        return not (of_others or self.attachments or self.initial_timestamp)


class _Sent(_Fields):
    message: _Message


class _Payload(_Fields):
    message_sent: _Sent


class _Event(_Fields, kw_only=True):
    id: str
    message_id: _Text = UNSET
    timestamp: _Ms
    type: Literal["MESSAGESENT"]
    diagnostic: _Text = UNSET
    initiator: _Initiator | UnsetType = UNSET
    payload: _Payload


SHAPE = Shape(msgspec.json.Decoder(_Event).decode, b"}}}}")
"""An event about a message as far as its fields go."""


@dataclass(frozen=True, slots=True, eq=False)
class User:
    """A user of whom nothing is said that we have no field for, by `name_of`."""

    name: str
    told: Json


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """A stream of which nothing is said that we have no field for, and not who is in it."""

    room: str
    told: Json


class Usual(msgspec.Struct, gc=False):
    """A message of the usual shape; says what `Happened` says."""

    native_id: str
    at: int
    user: User
    place: Stream
    message: _Message
    raw: bytes
    type: ClassVar = "MESSAGESENT"

    @property
    def who(self) -> Json:
        """Who said it."""
        return self.user.told

    @property
    def stream(self) -> Json:
        """Where."""
        return self.place.told

    @property
    def room(self) -> str:
        """The conversation."""
        return self.place.room

    @property
    def body(self) -> Json:
        """All that is said of it, read with care."""
        record, _ = decode(self.raw)
        one = happened(obj(record))
        return one.body if one else {}


Told = Happened | Usual


def usual(raw: bytes) -> Usual | None:
    """Read a record, which holds no key twice; None where it is not of the usual shape."""
    try:
        event = SHAPE.read(raw)
    except UNREADABLE:
        return None
    message, known = event.payload.message_sent.message, whose(event)
    native_id = message.message_id
    if known is None or not message.is_plain or (event.message_id or native_id) != native_id:
        return None
    if not _IDS.fullmatch(f"{event.id} {native_id}"):
        return None
    return Usual(native_id, message.timestamp, *known, message, raw)


def whose(event: _Event) -> tuple[User, Stream] | None:
    """Tell who said it and where; None where more is said of them than we have fields for."""
    message = event.payload.message_sent.message
    user, stream = _user(bytes(message.user)), _stream(bytes(message.stream))
    if user is None or stream is None:
        return None
    if event.initiator and event.initiator.user != message.user and not _user(bytes(event.initiator.user)):
        return None
    return user, stream


def is_external(event: _Event, stream: Stream) -> bool:
    """Say whether outsiders are in the conversation, as `Happened.external` does."""
    told = event.payload.message_sent.message.external_recipients
    return told is True or bool(stream.told.get("external") or stream.told.get("crossPod"))


@lru_cache(maxsize=CACHED)
def _user(raw: bytes) -> User | None:
    """Read a user; a masked address is not usual, because the one that was learned last counts."""
    told = _object(raw)
    masked = told.get("email") and not is_stated(text(told["email"]))
    return User(name_of(told), told) if told.keys() <= USER and name_of(told) and not masked else None


@lru_cache(maxsize=CACHED)
def _stream(raw: bytes) -> Stream | None:
    told = _object(raw)
    room = same(str(told.get("streamId") or ""))
    return Stream(room, told) if told.keys() < STREAM and "members" not in told and room else None


def _object(raw: bytes) -> Json:
    told, mended = decode(raw)
    return {} if told is None or mended or has_key_twice(raw, told) else told
