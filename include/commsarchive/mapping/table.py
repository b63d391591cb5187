"""Mapping and scope files as people write them: read, checked row by row, nothing guessed.

Columns as in Microsoft Purview's custom mapping file (telemessage.com, "Custom mapping mobile archiving
users into Microsoft 365 users"): ``External User ID`` and ``Microsoft 365 User Mailbox``; ours on top:
``Effective From`` and ``Effective To``, ISO days, both included, both optional.
"""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from include.commsarchive.mapping.address import is_mailbox
from include.commsarchive.mapping.snapshot import Row, Snapshot

ID, MAILBOX = "External User ID", "Microsoft 365 User Mailbox"
FIRST, LAST = "Effective From", "Effective To"
_DELIMITERS = ",;\t|"
_FORMULA = r"[=@-]|\+(?![0-9]+$)"
"""What a spreadsheet would run; a telephone number (``+44…``) is none."""
_ROUNDED = r"[0-9][.,]?[0-9]*[eE]\+[0-9]+"
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

Check = tuple["pd.Series[bool]", str]
"""Which rows are wrong, and what is wrong with them."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one row, counted from 1 as a spreadsheet shows it; row 0 is the whole file.

    The text names columns and remedies, never a cell's content: it ends up in logs.
    """

    row: int
    text: str

    def __str__(self) -> str:
        return f"row {self.row}: {self.text}" if self.row else self.text


@dataclass(frozen=True, slots=True)
class MappingTable:
    """A mapping file as read. With problems, keep the last good snapshot in force."""

    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]

    @property
    def snapshot(self) -> Snapshot:
        """The good rows as a version; only to be put in force when there are no problems."""
        return Snapshot(self.rows)


@dataclass(frozen=True, slots=True)
class ScopeTable:
    """A list of custodians as read: lower-case mailboxes, sorted, each once."""

    mailboxes: tuple[str, ...]
    problems: tuple[Problem, ...]


def read_mapping(content: bytes | str) -> MappingTable:
    """Read a custom mapping file. Never raises: what is wrong is in ``problems``, row by row."""
    frame, problems = _read(content, required=(ID, MAILBOX), optional=(FIRST, LAST))
    problems += _faults(
        frame, (*_id_checks(frame[ID]), *_mailbox_checks(frame[MAILBOX]), *_day_checks(frame))
    )
    bad = {problem.row for problem in problems}
    rows = {
        number: Row(external_id, mailbox, _day(first) or dt.date.min, _day(last) or dt.date.max)
        for number, external_id, mailbox, first, last in frame.itertuples()
        if number not in bad
    }
    problems += _conflicts(rows)
    return MappingTable(tuple(rows.values()), _by_row(problems))


def read_scope(content: bytes | str) -> ScopeTable:
    """Read a list of custodians: one column of mailboxes. Never raises, like `read_mapping`."""
    frame, problems = _read(content, required=(MAILBOX,), optional=())
    problems += _faults(frame, _mailbox_checks(frame[MAILBOX]))
    good = frame[MAILBOX].drop([problem.row for problem in problems], errors="ignore")
    return ScopeTable(tuple(sorted(set(good.str.lower()))), _by_row(problems))


def _read(
    content: bytes | str, required: Sequence[str], optional: Sequence[str]
) -> tuple[pd.DataFrame, list[Problem]]:
    """Read cells as text into a frame with these columns, indexed by row number; blank rows are left out."""
    wanted = (*required, *optional)
    nothing = pd.DataFrame(columns=wanted, dtype=str)
    try:
        cells = _cells(_text(content))
    except (UnicodeDecodeError, csv.Error):
        return nothing, [Problem(0, "not readable as CSV text; save it as CSV UTF-8")]
    if not cells:
        return nothing, [Problem(0, f"the file is empty; start it with the columns {', '.join(required)}")]
    (head, names), *body = cells.items()
    columns, problems = _header(head, names, required, wanted)
    if problems:
        return nothing, problems
    if not body:
        return nothing, [Problem(head, "has no rows below it; a file that names nobody is never meant")]
    problems = [
        Problem(number, f"has {len(row)} cells where the header has {len(columns)}")
        for number, row in body
        if len(row) != len(columns)
    ]
    good = {number: row for number, row in body if len(row) == len(columns)}
    frame = pd.DataFrame.from_dict(good, orient="index", columns=columns, dtype=str)
    return frame.reindex(columns=wanted, fill_value=""), problems


def _text(content: bytes | str) -> str:
    """Decode UTF-8 or UTF-16, with or without byte-order mark."""
    if isinstance(content, str):
        return content.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding)
    if content[1:2] == b"\0":
        return content.decode("utf-16-le")
    if content[:1] == b"\0":
        return content.decode("utf-16-be")
    return content.decode("utf-8")


def _cells(text: str) -> dict[int, list[str]]:
    """Split text into rows of stripped cells, by row number.

    Left out are empty rows, and empty cells beyond the header's last: spreadsheets write both.
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    width = 0
    cells = {}
    for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), start=1):
        stripped = [cell.strip() for cell in row]
        while stripped and not stripped[-1] and len(stripped) > width:
            stripped.pop()
        if any(stripped):
            cells[number] = stripped
            width = width or len(stripped)
    return cells


def _header(
    number: int, cells: Sequence[str], required: Sequence[str], wanted: Sequence[str]
) -> tuple[list[str], list[Problem]]:
    """Recognise column names without regard to case and spaces."""
    known = {_squeeze(name): name for name in wanted}
    columns = [known.get(_squeeze(cell), "") for cell in cells]
    faults = [f"the column `{name}` is missing" for name in required if name not in columns]
    faults += [f"the column `{name}` is there twice" for name in wanted if columns.count(name) > 1]
    if not faults:
        faults = [
            f"column {place} has a name that is none of: {', '.join(wanted)}"
            for place, name in enumerate(columns, start=1)
            if not name
        ]
    return columns, [Problem(number, fault) for fault in faults]


def _squeeze(name: str) -> str:
    return "".join(name.split()).casefold()


def _faults(frame: pd.DataFrame, checks: Iterable[Check]) -> list[Problem]:
    return [Problem(int(number), text) for wrong, text in checks for number in frame.index[wrong]]


def _by_row(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: problem.row))


def _where(cells: pd.Series[str], wrong: Callable[[str], bool]) -> pd.Series[bool]:
    return pd.Series([wrong(cell) for cell in cells], index=cells.index, dtype=bool)


def _id_checks(ids: pd.Series[str]) -> Iterator[Check]:
    yield ids.eq(""), f"`{ID}` is missing"
    yield from _text_checks(ids)
    yield (
        ids.str.fullmatch(_ROUNDED),
        f"`{ID}` was rounded by a spreadsheet; make the column text, enter it anew",
    )


def _mailbox_checks(mailboxes: pd.Series[str]) -> Iterator[Check]:
    yield mailboxes.eq(""), f"`{MAILBOX}` is missing"
    yield from _text_checks(mailboxes)
    yield (
        _where(mailboxes, lambda mailbox: mailbox != "" and not is_mailbox(mailbox)),
        f"`{MAILBOX}` is not an e-mail address",
    )


def _text_checks(cells: pd.Series[str]) -> Iterator[Check]:
    yield cells.str.match(_FORMULA), f"`{cells.name}` looks like a formula"
    hidden = _where(cells, lambda cell: not cell.isprintable())
    yield hidden, f"`{cells.name}` holds a line break or control character (a quote left open?)"


def _day_checks(frame: pd.DataFrame) -> Iterator[Check]:
    first, last = frame[FIRST], frame[LAST]
    for days in (first, last):
        wrong = _where(days, lambda day: day != "" and _day(day) is None)
        yield wrong, f"`{days.name}` is not a day like 2024-03-31"
    yield first.ne("") & last.ne("") & first.gt(last), f"`{LAST}` is before `{FIRST}`"


def _day(cell: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(cell) if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", cell) else None
    except ValueError:
        return None


def _conflicts(rows: dict[int, Row]) -> Iterable[Problem]:
    """Find rows that give one id two mailboxes on the same day."""
    in_force: dict[str, dict[str, tuple[dt.date, int]]] = {}
    for number, row in sorted(rows.items(), key=lambda numbered: (numbered[1].first, numbered[0])):
        ends = in_force.setdefault(row.external_id.casefold(), {})
        for mailbox, (last, _) in list(ends.items()):
            if last < row.first:
                del ends[mailbox]
        others = [other for mailbox, (_, other) in ends.items() if mailbox != row.mailbox]
        if others:
            yield Problem(
                max(number, *others),
                f"gives an id another mailbox than row {min(number, *others)} for the same days",
            )
        ends[row.mailbox] = max(ends.get(row.mailbox, (row.last, number)), (row.last, number))
