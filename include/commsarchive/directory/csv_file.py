"""A directory as a CSV file: what Exchange's own ``Get-Mailbox`` exports, checked row by row.

Columns are named as its properties are (learn.microsoft.com, Get-Mailbox): ``PrimarySmtpAddress``, and as
far as they are there ``EmailAddresses`` (separated by ``;``, each with its kind before a colon, or none),
``AccountDisabled``, ``SKUAssigned``, ``LitigationHoldEnabled`` (``True`` or ``False``); ours on top:
``Groups``, names separated by ``;``. A column that is blank from top to bottom is one that is not there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

import pandas as pd
from upath import UPath

from include.commsarchive.address import is_mailbox
from include.commsarchive.directory.base import DirectoryUser
from include.commsarchive.errors import Fatal
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

MAILBOX, ALIASES, GROUPS = "PrimarySmtpAddress", "EmailAddresses", "Groups"
DISABLED, LICENSED, HOLD = "AccountDisabled", "SKUAssigned", "LitigationHoldEnabled"
_FLAGS = (DISABLED, LICENSED, HOLD)
_SHOWN = 20
"""Bad rows that one error names."""


@dataclass(frozen=True, slots=True)
class UserTable:
    """A directory's file as read; with problems it must not be used."""

    users: tuple[DirectoryUser, ...]
    problems: tuple[Problem, ...]


class CsvDirectory:
    """A `Directory` in a CSV file, which is read anew each time."""

    def __init__(self, path: UPath) -> None:
        """Take the file's path or URL."""
        self._path = path

    def users(self, groups: Collection[str]) -> list[DirectoryUser]:
        """See `Directory.users`. The file names every group that somebody is in, groups within groups too."""
        try:
            table = read_users(bytes(self._path.read_bytes()))
        except OSError as error:
            raise Fatal(
                f"{self._path}: cannot be read: {error.strerror or error}. Mend the path or its permissions"
            ) from error
        if table.problems:
            more = len(table.problems) - _SHOWN
            rows = [f"{self._path}: {problem}" for problem in table.problems[:_SHOWN]]
            raise Fatal(" | ".join([*rows, *([f"and {more} more"] if more > 0 else [])]))
        asked = {group.casefold(): group for group in groups}
        there = {group.casefold() for user in table.users for group in user.groups}
        if lacking := [group for key, group in asked.items() if key not in there]:
            raise Fatal(
                f"{self._path}: nobody is in the group {', '.join(lacking)}. Mend `mapping.groups`, or the "
                f"column `{GROUPS}`"
            )
        return [replace(user, groups=_among(asked, user.groups)) for user in table.users]


def read_users(content: bytes | str) -> UserTable:
    """Read a directory's file. Never raises: what is wrong is in ``problems``, row by row."""
    frame, problems = read_sheet(content, (MAILBOX,), (ALIASES, *_FLAGS, GROUPS))
    problems += find_problems(frame, _checks(frame))
    held, licensed = (not frame[column].eq("").all() for column in (HOLD, LICENSED))
    bad = {problem.row for problem in problems}
    users = {
        int(str(number)): DirectoryUser(
            mailbox=mailbox.lower(),
            aliases=tuple(sorted({*map(str.lower, _addresses(aliases))} - {mailbox.lower()})),
            enabled=not _true(disabled),
            licensed=_true(sku) or not licensed,
            on_hold=_true(hold) if held else None,
            groups=tuple(sorted(set(_parts(groups)))),
        )
        for number, mailbox, aliases, disabled, sku, hold, groups in frame.itertuples()
        if int(str(number)) not in bad
    }
    problems += _conflicts(users)
    return UserTable(tuple(sorted(users.values())), by_row(problems))


def _checks(frame: pd.DataFrame) -> Iterator[Check]:
    yield from mailbox_checks(frame[MAILBOX])
    yield from text_checks(frame[ALIASES])
    yield (
        where(frame[ALIASES], lambda cell: not all(map(is_mailbox, _addresses(cell)))),
        f"`{ALIASES}` holds something that is no e-mail address; join them with `;`",
    )
    yield from text_checks(frame[GROUPS])
    for column in _FLAGS:
        if not frame[column].eq("").all():
            wrong = ~frame[column].str.lower().isin(["true", "false"])
            yield wrong, f"`{column}` is neither True nor False"


def _addresses(cell: str) -> list[str]:
    """Take the mail addresses of a cell; Exchange lists others beside them (``X500:``, ``SIP:``)."""
    kinds = [part.rpartition(":") for part in _parts(cell)]
    return [address for kind, _, address in kinds if kind.lower() in {"", "smtp"}]


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(";") if part.strip()]


def _among(asked: dict[str, str], groups: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({asked[one] for one in map(str.casefold, groups) if one in asked}))


def _true(cell: str) -> bool:
    return cell.lower() == "true"


def _conflicts(users: dict[int, DirectoryUser]) -> Iterable[Problem]:
    """Find addresses that two rows have: mail to them is mail to whom?"""
    rows: dict[str, int] = {}
    for number, user in users.items():
        others = {rows.setdefault(address, number) for address in (user.mailbox, *user.aliases)}
        if others := others - {number}:
            yield Problem(number, f"has an address that row {min(others)} has, too")
