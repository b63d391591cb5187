"""The user mapping in force: validated rows with a version. Pure values."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import msgspec

from include.commsarchive.errors import Fatal
from include.commsarchive.ids import digest


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """One line of the custom mapping: this id belongs to this mailbox from `first` to `last`.

    Both days are included; an open side is ``date.min`` or ``date.max``. The id is text as it was
    written (leading zeros count); ids are compared without regard to case. The mailbox is lower case.
    """

    external_id: str
    mailbox: str
    first: dt.date = dt.date.min
    last: dt.date = dt.date.max

    def __post_init__(self) -> None:
        """Compare mailboxes as mail systems do: without regard to case."""
        object.__setattr__(self, "mailbox", self.mailbox.lower())

    def covers(self, day: dt.date) -> bool:
        """Tell whether the row is in force on a day."""
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Mapping rows as they are in force, sorted and each once, so that equal content is one value."""

    rows: tuple[Row, ...] = ()

    def __post_init__(self) -> None:
        """Put the rows into canonical order."""
        object.__setattr__(self, "rows", tuple(sorted(set(self.rows))))

    @property
    def version(self) -> str:
        """Name this content in 32 hexadecimal digits: the order and format of the file do not matter."""
        return digest("mapping", self.to_json())

    def to_json(self) -> str:
        """Write canonical JSON: the same snapshot is the same text."""
        return msgspec.json.encode(self, order="deterministic").decode()

    @classmethod
    def from_json(cls, text: str) -> Snapshot:
        """Read what `to_json` wrote.

        Raises:
            Fatal: the text is not a snapshot.
        """
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.MsgspecError as error:
            raise Fatal(
                f"stored mapping snapshot: {error}. Remove it and run again with the mapping file"
            ) from error
