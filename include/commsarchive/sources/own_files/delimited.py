"""Delimited text: columns by the header's names. A stray quote costs its own line, not the file."""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Iterator
from typing import BinaryIO

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Refused
from include.commsarchive.sources.base import Options
from include.commsarchive.sources.own_files.lines import Lines, is_readable
from include.commsarchive.sources.own_files.profile import Format, Profile
from include.commsarchive.sources.own_files.tree import Tree

_LONGEST = 10_000
"""Lines that a cell may have: a quote that nobody closed must not swallow the file."""

_UNKNOWN = "unknown-encoding"
_DELIMITERS = ",;\t|"
_SHOWN = 8
_WIDTH = 40

_NOWHERE = "\n\n"
"""What no line holds."""

Found = tuple[str, Tree]


def records(profile: Profile, name: str, stream: BinaryIO, options: Options) -> Iterator[Found | Refused]:
    """Read rows; each is named by the line on which it begins.

    Raises:
        Quarantine: the file is empty, its header lacks columns of the profile, or is in another encoding.
    """
    reader = _Reader(name, Lines(name, stream, profile.format.encoding, options.max_bytes), profile.format)
    for _ in range(profile.format.skip):
        reader.skip()
    columns = profile.format.header
    for number, found in reader.rows(options.max_bytes):
        if isinstance(found, Refused):
            if not columns and found.reason == _UNKNOWN:
                raise Quarantine(_UNKNOWN, f"{found.place}: the header {found.detail}, perhaps windows-1252")
            yield found
        elif not columns:
            columns = _columns(profile, name, found)
        elif not (found[0].strip() or any(map(str.strip, found))):
            continue
        elif len(found) == len(columns):
            yield f"line {number}", dict(zip(columns, found))  # noqa: B905 - they are as many
        else:
            why = f"has {len(found)} cells where the header has {len(columns)}; mend the row, or `format`"
            yield reader.refused(number, "malformed", why)
    if not columns:
        raise Quarantine("wrong-columns", f"{name}: has no header. Mend `format` in the profile")


def _columns(profile: Profile, name: str, header: list[str]) -> tuple[str, ...]:
    names = [one.strip() for one in header]
    wanted, there = set(profile.fields()), Counter(names)
    if lacking := sorted(wanted - set(names)):
        lacks = f"{name}: the header lacks {', '.join(map(repr, lacking))}"
        raise Quarantine("wrong-columns", f"{lacks}; {_there(names, wanted, profile.format.delimiter)}")
    if twice := sorted(one for one in wanted if there[one] > 1):
        raise Quarantine(
            "wrong-columns", f"{name}: the header has {', '.join(map(repr, twice))} twice. Mend it"
        )
    seen = Counter[str]()
    told = []
    for place, one in enumerate(names, start=1):
        seen[one] += 1
        told.append(one if seen[one] == 1 and one else f"{one or 'column'} ({place})")
    return tuple(told)


def _there(names: list[str], wanted: set[str], delimiter: str) -> str:
    """Say what a header holds. Where it has no name of the profile's it may be a row: then nothing."""
    counted = f"it has {len(names)} column{'s' * (len(names) != 1)}"
    line, there = delimiter.join(names), len(wanted.intersection(names))
    parted = ({one.strip(' "') for one in line.split(sign)} for sign in _DELIMITERS)
    if any(len(wanted & cells) > there + 1 for cells in parted):
        return f"{counted}: {_cut(line)}. Mend `format.delimiter`"
    if {one.casefold() for one in wanted}.isdisjoint(one.casefold() for one in names):
        return f"{counted}, none of them the profile's. Mend `format.skip`, `format.header` or its columns"
    others = [_cut(one) for one in names if one not in wanted]
    told = ", ".join([*others[:_SHOWN], "…"] if len(others) > _SHOWN else others)
    return f"{counted}{', also ' if told else ''}{told}. Mend it or the profile"


def _cut(text: str) -> str:
    return repr(text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…")


class _Reader:
    """Gives one row after the other, and remembers the lines that the last one was made of."""

    def __init__(self, name: str, lines: Lines, rules: Format) -> None:
        self._name = name
        self._lines = lines
        self._source = iter(lines)
        self._back: deque[tuple[int, str]] = deque()
        self._taken: list[tuple[int, str]] = []
        self._size = 0
        self._too_long = 0
        escape = "\\" if rules.escape == "backslash" else None
        self._delimiter = rules.delimiter
        self._marks = (rules.quote or _NOWHERE, escape or _NOWHERE)
        self._dialect = csv.reader(
            (),
            delimiter=rules.delimiter,
            quotechar=rules.quote or None,
            quoting=csv.QUOTE_MINIMAL if rules.quote else csv.QUOTE_NONE,
            doublequote=rules.escape == "doubled",
            escapechar=escape,
            strict=True,
        ).dialect

    def skip(self) -> None:
        """Leave a line out."""
        next(self._source, None)

    def rows(self, largest: int) -> Iterator[tuple[int, list[str] | Refused]]:
        """Walk. After a row that cannot be read, go on with the line after its first."""
        while line := self._next():
            number, text = line
            self._taken = [line]
            if len(text) < largest and number != self._too_long and (text.isascii() or is_readable(text)):
                cells = self._alone(text)
                if cells:
                    yield number, cells
                    continue
            self._back.appendleft(line)
            try:
                cells = self._cells(largest)
            except (csv.Error, ValueError) as error:
                first, *rest = self._taken
                self._back.extendleft(reversed(rest))
                self._taken = [first]
                why = f"{_told(error)}; mend the row or `format`"
                yield number, self.refused(number, "malformed", why)
                continue
            if not is_readable("".join(cells)):
                why = "holds bytes that its encoding has not; state `format.encoding`"
                yield number, self.refused(number, _UNKNOWN, why)
            elif cells:
                yield number, cells

    def _next(self) -> tuple[int, str] | None:
        return self._back.popleft() if self._back else next(self._source, None)

    def _alone(self, line: str) -> list[str] | None:
        """Read a line that is a row by itself, the ordinary case; None where it may be but a part of one."""
        quote, escape = self._marks
        if quote not in line and escape not in line:
            cells = line.rstrip("\r\n")
            return cells.split(self._delimiter) if cells else None
        try:
            return next(csv.reader((line,), self._dialect))
        except csv.Error:
            return None

    def _cells(self, largest: int) -> list[str]:
        self._taken, self._size = [], 0
        limit = csv.field_size_limit(largest)  # the whole process has but one
        try:
            return next(csv.reader(self._take(largest), self._dialect))
        finally:
            csv.field_size_limit(limit)

    def refused(self, number: int, reason: str, why: str) -> Refused:
        """Refuse the row that was read last."""
        raw = self._lines.raw("".join(line for _, line in self._taken))
        return Refused(reason, f"{self._name}, line {number}", why, raw)

    def _take(self, largest: int) -> Iterator[str]:
        """Hand lines to the csv reader, up to a bound."""
        while line := self._next():
            self._taken.append(line)
            self._size += len(line[1])
            if len(line[1]) >= largest:
                self._too_long = line[0]
            if len(self._taken) > _LONGEST or self._size > largest or line[0] == self._too_long:
                raise ValueError("it is longer than a row may be, perhaps for a quote that was left open")
            yield line[1]


def _told(error: Exception) -> str:
    """Say what is wrong without what is written there."""
    text = str(error)
    if "unexpected end" in text:
        return "a quote was left open"
    return "a quote in the middle of a cell" if "expected after" in text else text
