"""Tables as people write them: CSV text in, cells and the number of their row out, nothing guessed."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from include.commsarchive.address import is_mailbox

_DELIMITERS = ",;\t|"
_LONGEST_CELL = 131_072
"""A longer one is a quote that was left open; the csv module's own limit is the whole process's."""
_FORMULA = r"[=@-]|\+(?![0-9]+$)"
"""What a spreadsheet would run; a telephone number (``+44…``) is none."""
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


def read_sheet(
    content: bytes | str, required: Sequence[str], optional: Sequence[str] = ()
) -> tuple[pd.DataFrame, list[Problem]]:
    """Read cells as text into a frame with these columns, indexed by row number.

    Blank rows are left out; an optional column that is not there is blank. Never raises: what is wrong is
    in the problems.
    """
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

    Raises:
        csv.Error: this is no CSV.
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    width = 0
    cells = {}
    for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), start=1):
        if any(len(cell) > _LONGEST_CELL for cell in row):
            raise csv.Error("a cell without end")
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


def find_problems(frame: pd.DataFrame, checks: Iterable[Check]) -> list[Problem]:
    """Turn the rows that checks find wrong into problems."""
    return [Problem(int(number), text) for wrong, text in checks for number in frame.index[wrong]]


def by_row(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Sort problems as a person goes through the file."""
    return tuple(sorted(problems, key=lambda problem: problem.row))


def where(cells: pd.Series[str], wrong: Callable[[str], bool]) -> pd.Series[bool]:
    """Mark the cells that a function calls wrong."""
    return pd.Series([wrong(cell) for cell in cells], index=cells.index, dtype=bool)


def mailbox_checks(mailboxes: pd.Series[str]) -> Iterator[Check]:
    """Find what is no address in a column that must hold mailboxes."""
    yield mailboxes.eq(""), f"`{mailboxes.name}` is missing"
    yield from text_checks(mailboxes)
    yield (
        where(mailboxes, lambda mailbox: mailbox != "" and not is_mailbox(mailbox)),
        f"`{mailboxes.name}` is not an e-mail address",
    )


def text_checks(cells: pd.Series[str]) -> Iterator[Check]:
    """Find what a spreadsheet, or a quote that was left open, made of a cell."""
    yield cells.str.match(_FORMULA), f"`{cells.name}` looks like a formula"
    hidden = where(cells, lambda cell: not cell.isprintable())
    yield hidden, f"`{cells.name}` holds a line break or control character (a quote left open?)"
