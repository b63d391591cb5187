"""``profile``: is this file a profile, and what does it make of a sample?"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from include.commsarchive.errors import Fatal, Quarantine
from include.commsarchive.message.visible import one_line
from include.commsarchive.model import Event, Item, Refused
from include.commsarchive.profile import load_profile
from include.commsarchive.sources.base import Options, Stored
from include.commsarchive.sources.own_files import OwnFiles
from include.commsarchive.sources.own_files.profile import Profile
from include.commsarchive.sources.own_files.rows import rows_of
from include.commsarchive.sources.own_files.source import cut_rows

_WIDTH = 72


def add_commands(commands: Any) -> None:
    """Add ``profile check`` and ``profile preview``."""
    profile = commands.add_parser("profile", help="check a profile of your own files, or try it on a sample")
    verbs = profile.add_subparsers(dest="verb", required=True, metavar="WHAT")
    one = verbs.add_parser("check", help="is this YAML file a profile?")
    one.add_argument("files", nargs="+", type=Path, metavar="PROFILE")
    one.set_defaults(run=run_check)
    two = verbs.add_parser("preview", help="show what it makes of the first rows of a file")
    two.add_argument("profile", type=Path, metavar="PROFILE")
    two.add_argument("file", type=Path, metavar="FILE", help="a clear file with rows, not an archive")
    two.add_argument("--rows", type=int, default=5, metavar="N", help="rows to read (default 5)")
    two.add_argument(
        "--attachments", nargs="*", type=Path, default=[], metavar="FILE", help="files, or archives of them"
    )
    two.set_defaults(run=run_preview)


def run_check(arguments: argparse.Namespace) -> int:
    """Check each file; exit code 4 when one is wrong."""
    wrong = 0
    for path in arguments.files:
        try:
            text = load_profile(path.resolve())
        except Fatal as error:
            wrong += 1
            print(f"wrong  {error}")
        else:
            found, told = OwnFiles().described(text), msgspec.json.decode(text, type=Profile)
            fields = ", ".join(dict.fromkeys(told.fields()))
            print(f"good   {path}: {told.name}, {found.item_class}, folder {found.folder}; reads {fields}")
    return 4 if wrong else 0


def run_preview(arguments: argparse.Namespace) -> int:
    """Read the first rows of a file and show them as items; exit code 3 when one does not fit."""
    text = load_profile(arguments.profile.resolve())
    profile, found = msgspec.json.decode(text, type=Profile), OwnFiles().described(text)
    items, problems = 0, list[Refused]()
    attachments = dict(one for path in arguments.attachments for one in _stored(found, path, problems))
    with _opened(arguments.file) as stream:
        try:
            rows = rows_of(profile, arguments.file.name, stream, Options())
            for chunk in cut_rows(profile, arguments.file.name, islice(rows, arguments.rows), Options()):
                for one in (
                    [chunk] if isinstance(chunk, Refused) else found.parse(chunk, attachments, Options())
                ):
                    if isinstance(one, Refused):
                        problems.append(one)
                    else:
                        items += 1
                        _show(one)
        except Quarantine as error:
            print(f"wrong  whole file: {error.reason}: {error}")
            return 3
    for problem in problems:
        print(f"wrong  {problem.place}: {problem.reason}: {problem.detail}")
    print(f"{items} items and {len(problems)} problems in the first {arguments.rows} rows")
    return 3 if problems else 0


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise Fatal(f"{path}: cannot be read: {error.strerror}. Name a readable file") from error


def _stored(found: OwnFiles, path: Path, problems: list[Refused]) -> Iterator[tuple[str, Stored]]:
    """Give the files of an archive, or the one file, as a run finds them."""
    with _opened(path) as stream:
        try:
            for member in found.members(path.name, stream):
                if isinstance(member, Refused):
                    problems.append(member)
                    continue
                name, content = member[0], member[1].read()
                yield name, Stored(hashlib.sha256(content).hexdigest(), len(content))
        except Quarantine as error:
            problems.append(Refused(error.reason, path.name, str(error), b""))


def _show(item: Item) -> None:
    """Print an item as a small table: what the mail would be, then what was said."""
    people = {person.key: person for person in (item.sender, *item.to, *item.cc, *item.bcc) if person}
    print(f"item   {one_line(item.subject)}")
    print(f"       native ids: {', '.join(map(one_line, item.native_ids))}")
    for person in people.values():
        ids = ", ".join(f"{label} {value}" for label, value in person.ids)
        side = {True: "own", False: "not own", None: ""}[person.internal]
        told = filter(None, (person.address, ids, person.company, side))
        role = "from" if person is item.sender else "with"
        print(f"       {role}: {one_line(person.name)} ({'; '.join(told)})")
    for event in item.events:
        print(f"       {_told(event)}")
    for mark in item.marks:
        print(f"       {one_line(mark)}")


def _told(event: Event) -> str:
    when = dt.datetime.fromtimestamp(event.at / 1000, dt.UTC).isoformat(" ", "seconds").removesuffix("+00:00")
    name = one_line(event.who.name) if event.who else ""
    file = event.attachment
    shared = f' "{one_line(file.name)}"{" [missing]" if file.problem else ""}' if file else ""
    text = one_line(event.text)
    text = text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
    more = f"  | also: {one_line(event.residue)[:_WIDTH]}" if event.residue else ""
    return f"{when} UTC  {event.kind}  {name}:{shared} {text}{more}".rstrip()
