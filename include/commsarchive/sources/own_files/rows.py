"""Rows of a file, whatever its format: each a tree, or refused with its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from include.commsarchive.model import Refused
from include.commsarchive.sources.base import Options
from include.commsarchive.sources.own_files import delimited, json_rows, xml_rows
from include.commsarchive.sources.own_files.profile import Profile
from include.commsarchive.sources.own_files.tree import OUTER, Tree, residues_of, values_at

MISFIT = "row-does-not-fit"


Row = tuple[str, Tree]
"""Where a row stands (``row 17``), and what it says."""


def rows_of(profile: Profile, name: str, stream: BinaryIO, options: Options) -> Iterator[Row | Refused]:
    """Read a file's rows, in order.

    Raises:
        Quarantine: the file is empty, or not as the profile says.
    """
    found = _READERS[profile.format.kind](profile, name, stream, options)
    return _all_inner(profile, name, found) if profile.format.rows else found


_READERS = {
    "delimited": delimited.records,
    "json": json_rows.records,
    "json_lines": json_rows.lines,
    "xml": xml_rows.records,
}


def _all_inner(profile: Profile, name: str, records: Iterator[Row | Refused]) -> Iterator[Row | Refused]:
    for found in records:
        if isinstance(found, Refused):
            yield found
        else:
            yield from _inner(profile, name, *found)


def _inner(profile: Profile, name: str, where: str, record: Tree) -> Iterator[Row | Refused]:
    """Give the rows that a record holds; the first one takes all that the record says besides."""
    path = profile.format.rows
    rows = [one for one in values_at(record, path) if isinstance(one, dict)]
    outer = [field.removeprefix("../") for field in profile.fields() if field.startswith("../")]
    if not rows:
        why = f"it holds no rows at `{path}`; mend `format.rows`, or nothing was said"
        yield Refused(MISFIT, f"{name}, {where}", why, residues_of([record], ())[0].encode())
    for number, row in enumerate(rows, start=1):
        besides = _without(record, path) if number == 1 else _only(record, outer)
        yield f"{where}, row {number}", {**row, OUTER: besides}


def _without(record: Tree, path: str) -> Tree:
    """Give a record but for its rows, and but for all that is beside them in a structure of its own."""
    first, _, rest = path.partition("/")
    kept = {key: value for key, value in record.items() if key != first}
    if rest and isinstance(record.get(first), dict):
        kept[first] = _without(record[first], rest)
    return kept


def _only(record: Tree, paths: Iterable[str]) -> Tree:
    """Give what paths lead to, and of structures nothing else; lists are given whole."""
    kept: Tree = {}
    for path in paths:
        first, _, rest = path.partition("/")
        value = record.get(first)
        if rest and isinstance(value, dict):
            kept[first] = {**kept.get(first, {}), **_only(value, [rest])}
        elif first in record:
            kept[first] = value
    return kept
