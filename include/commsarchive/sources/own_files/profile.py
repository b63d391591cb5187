"""What a profile says: where rows are, and which of their fields is the person, the time, the text.

Plain values. A file is checked by `commsarchive.profile`; what crosses to another process is JSON of these.
A *field* is a column's name, or in JSON and XML a path: ``user/email``, ``@id``, ``../title`` of the record
that holds the row.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from include.commsarchive.model import Kind
from include.commsarchive.sources.item_classes import item_class

_STRICT = {"extra": "forbid"}
_NAME = re.compile(r"[a-z][a-z0-9_]{1,60}")
_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.]{0,60}")
_ELEMENT = re.compile(r"[A-Za-z_][\w.-]*")
_BY_TREE = ("json", "json_lines", "xml")
KINDS = ("message", "join", "leave", "invite", "file", "system", "edit", "delete", "reaction", "disclaimer")
"""What a row may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How rows stand in a file.

    ``record`` is the path of the list (JSON) or the name of the element (XML) that is read piece by piece;
    ``rows`` the path in such a record to its rows, where it holds several. ``around`` names the elements
    that may stand around records. ``header`` names the columns where the file does not; ``skip`` counts
    lines before the header.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    kind: Literal["delimited", "json", "json_lines", "xml"]
    encoding: str = ""
    delimiter: str = ","
    quote: str = '"'
    escape: Literal["doubled", "backslash"] = "doubled"
    header: tuple[str, ...] = ()
    skip: int = 0
    record: str = ""
    rows: str = ""
    around: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            ValueError: names the key and the remedy.
        """
        if len(self.delimiter) != 1 or self.delimiter in '"\r\n':
            raise ValueError('`delimiter` must be one character; write a tab as "\\t"')
        if len(self.quote) > 1 or self.quote in ("\r", "\n", self.delimiter):
            raise ValueError('`quote` must be one character, or "" for none')
        if self.skip < 0:
            raise ValueError("`skip` counts lines before the header: 0 or more")
        if len(set(self.header)) < len(self.header):
            raise ValueError("`header` names a column twice")
        if self.encoding and (self.kind == "xml" or not _is_encoding(self.encoding)):
            raise ValueError("`encoding` is none; write utf-8, utf-16 or windows-1252, and none for XML")
        if self.kind == "xml" and not all(map(_ELEMENT.fullmatch, (self.record, *self.around))):
            raise ValueError("`record` and `around` must be names of elements, `record` is needed")
        if self.rows and self.kind not in _BY_TREE:
            raise ValueError("`rows` is for JSON and XML: a line of text is a row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """When it was. ``field`` may be two, a date and a time, which are joined by a space.

    ``format`` is ``iso``, ``epoch`` (seconds or finer, told by magnitude) or one of Python's
    (``%d/%m/%Y %H:%M``). ``zone`` is the zone of times that state none.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    field: str | tuple[str, ...]
    format: str = "iso"
    zone: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            ValueError: names the key and the remedy.
        """
        if self.format not in {"iso", "epoch"} and "%" not in self.format:
            raise ValueError('`format` must be iso, epoch, or a pattern as "%d/%m/%Y %H:%M:%S"')
        if "%" in self.format and "%z" not in self.format and not self.zone:
            raise ValueError("`zone` is needed: the pattern has no %z; write one as Europe/London or UTC")
        try:
            ZoneInfo(self.zone or "UTC")
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("`zone` is no time zone; write one as Europe/London") from error

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields, whether one or several."""
        return (self.field,) if isinstance(self.field, str) else self.field


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Who somebody is. ``ids`` are native ids by label.

    ``each`` is the path of a list of people (JSON, XML), in whose elements the other fields are then
    (``.`` is an element itself); ``separator`` parts several people in one field.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    address: str = ""
    name: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    company: str = ""
    each: str = ""
    separator: str = ""

    def __post_init__(self) -> None:
        """Refuse what names nobody.

        Raises:
            ValueError: names the keys.
        """
        if not (self.address or self.name or self.ids):
            raise ValueError("needs `address`, `name` or `ids`: people must be told apart by something")

    def fields(self) -> Iterator[str]:
        """Give the fields that it reads."""
        own = (self.address, self.name, self.company, *self.ids.values())
        yield from _within(self.each, own)


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The attachments of a row: name as people see it, path in the bundle, size in bytes; see `Who`."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    name: str = ""
    path: str = ""
    size: str = ""
    each: str = ""
    separator: str = ""

    def __post_init__(self) -> None:
        """Refuse what names no file.

        Raises:
            ValueError: names the keys.
        """
        if not (self.name or self.path):
            raise ValueError("needs `name` or `path`: how is the file called?")

    def fields(self) -> Iterator[str]:
        """Give the fields that it reads."""
        yield from _within(self.each, (self.name, self.path, self.size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """What a row is: a field's values, each with its kind, one of `KINDS`. Any other value is refused."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    field: str
    values: dict[str, str]

    def __post_init__(self) -> None:
        """Refuse kinds that there are not.

        Raises:
            ValueError: lists those that there are.
        """
        if not self.values or any(kind not in KINDS for kind in self.values.values()):
            raise ValueError(f"`values` gives each value its kind, one of: {', '.join(KINDS)}")

    def kind(self, value: str) -> Kind | None:
        """Give the kind of a value; None where it is not listed."""
        return Kind(self.values[value]) if value in self.values else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Patterns of file names: which hold rows, which are attachments. Archives may hold both."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    content: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A format of your own.

    ``name`` is part of every item's identity. ``type`` makes the classes, ``IPM.NOTE.<type>`` and
    ``ipm.externaldata.<type>`` (see `sources.item_classes`); ``own_domains`` tell own people from others;
    ``ignore`` lists fields that are not even kept beside the event.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    name: str
    format: Format
    time: Time
    sender: Who
    title: str = ""
    type: str = ""
    folder: str = ""
    files: Names = field(default_factory=Names)
    item: Literal["conversation", "row"] = "conversation"
    conversation: str = ""
    conversation_name: str = ""
    id: str = ""
    to: Who | None = None
    cc: Who | None = None
    bcc: Who | None = None
    text: str = ""
    subject: str = ""
    attachments: Files | None = None
    event: Events | None = None
    own_domains: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what does not fit together.

        Raises:
            ValueError: names the keys and the remedy.
        """
        if not _NAME.fullmatch(self.name):
            raise ValueError("`name` must be lower-case letters, digits and _, and begin with a letter")
        if self.type and not (_TYPE.fullmatch(self.type) or item_class(self.type)):
            raise ValueError(
                "`type` must be letters, digits and dots, as TradeChat, or a name of docs/item-classes.md"
            )
        if self.item == "conversation" and not self.conversation:
            raise ValueError("`conversation` is missing: name its field, or state `item: row`")
        if not (self.text or self.attachments or self.event):
            raise ValueError("`text` is missing: which field was said?")
        lists = [one.each for one in (*self.people, self.attachments) if one and one.each]
        if lists and self.format.kind == "delimited":
            raise ValueError("`each` is for JSON and XML; in text, several share a cell: use `separator`")
        strangers = sorted(set(self.fields()) - set(self.format.header)) if self.format.header else []
        if strangers and self.format.kind == "delimited":
            raise ValueError(f"`format.header` has no column {', '.join(map(repr, strangers))}")
        if not self.format.rows and any(one.startswith("../") for one in self.fields()):
            raise ValueError("a field that begins with ../ needs `format.rows`")

    @property
    def people(self) -> tuple[Who | None, ...]:
        """Sender, to, cc and bcc."""
        return (self.sender, self.to, self.cc, self.bcc)

    def fields(self) -> Iterator[str]:
        """Give all fields that it reads."""
        own = (self.conversation, self.conversation_name, self.id, self.text, self.subject)
        yield from (one for one in own if one)
        yield from self.time.fields
        for group in (*self.people, self.attachments):
            if group:
                yield from group.fields()
        if self.event:
            yield self.event.field


def _within(each: str, fields: Iterable[str]) -> Iterator[str]:
    """Give fields as seen from the row; ``.`` is the element itself."""
    for one in fields:
        if one:
            yield (each or one) if one == "." else f"{each}/{one}" if each else one


def _is_encoding(name: str) -> bool:
    try:
        return isinstance("a".encode(codecs.lookup(name).name), bytes)
    except (LookupError, TypeError, UnicodeError):
        return False
