"""Mapping and scope files as people write them: read, checked row by row, nothing guessed.

Columns as in Microsoft Purview's custom mapping file (telemessage.com, "Custom mapping mobile archiving
users into Microsoft 365 users"): ``External User ID`` and ``Microsoft 365 User Mailbox``; ours on top:
``Effective From`` and ``Effective To``, ISO days, both included, both optional.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pandas as pd

from include.commsarchive.mapping.snapshot import Row, Snapshot
from include.commsarchive.sheet import (
    Check,
    Problem,
    by_row,
    find_problems,
    mailbox_checks,
    read_sheet,
    text_checks,
    where,
)

ID, MAILBOX = "External User ID", "Microsoft 365 User Mailbox"
FIRST, LAST = "Effective From", "Effective To"
_ROUNDED = r"[0-9][.,]?[0-9]*[eE]\+[0-9]+"


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
    frame, problems = read_sheet(content, required=(ID, MAILBOX), optional=(FIRST, LAST))
    problems += find_problems(
        frame, (*_id_checks(frame[ID]), *mailbox_checks(frame[MAILBOX]), *_day_checks(frame))
    )
    bad = {problem.row for problem in problems}
    rows = {
        number: Row(external_id, mailbox, _day(first) or dt.date.min, _day(last) or dt.date.max)
        for number, external_id, mailbox, first, last in frame.itertuples()
        if number not in bad
    }
    problems += _conflicts(rows)
    return MappingTable(tuple(rows.values()), by_row(problems))


def read_scope(content: bytes | str) -> ScopeTable:
    """Read a list of custodians: one column of mailboxes. Never raises, like `read_mapping`."""
    frame, problems = read_sheet(content, required=(MAILBOX,))
    problems += find_problems(frame, mailbox_checks(frame[MAILBOX]))
    good = frame[MAILBOX].drop([problem.row for problem in problems], errors="ignore")
    return ScopeTable(tuple(sorted(set(good.str.lower()))), by_row(problems))


def _id_checks(ids: pd.Series[str]) -> Iterator[Check]:
    yield ids.eq(""), f"`{ID}` is missing"
    yield from text_checks(ids)
    yield (
        ids.str.fullmatch(_ROUNDED),
        f"`{ID}` was rounded by a spreadsheet; make the column text, enter it anew",
    )


def _day_checks(frame: pd.DataFrame) -> Iterator[Check]:
    first, last = frame[FIRST], frame[LAST]
    for days in (first, last):
        wrong = where(days, lambda day: day != "" and _day(day) is None)
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
