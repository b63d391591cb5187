"""JSON objects as trees: one a line, or the elements of a list that a path leads to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Refused
from include.commsarchive.sources.base import Options
from include.commsarchive.sources.own_files.json_walk import JsonWalk
from include.commsarchive.sources.own_files.lines import Lines, is_readable
from include.commsarchive.sources.own_files.profile import Profile
from include.commsarchive.sources.own_files.tree import Tree

Found = tuple[str, Tree]
_NO_OBJECT = "it is no JSON object; mend it, or `format` in the profile"


def lines(profile: Profile, name: str, stream: BinaryIO, options: Options) -> Iterator[Found | Refused]:
    """Read JSON Lines: an object a line; blank lines are none.

    Raises:
        Quarantine: the file is empty.
    """
    text = Lines(name, stream, profile.format.encoding, options.max_bytes)
    too_long = 0
    for number, line in text:
        if not line.strip():
            continue
        where, raw = f"line {number}", text.raw(line)
        if len(line) >= options.max_bytes or number == too_long:
            too_long = number
            yield Refused(
                "record-too-large", f"{name}, {where}", f"{_PROBLEMS['record-too-large']}, then replay", raw
            )
        elif not is_readable(line):
            why = "holds bytes that its encoding has not; state `format.encoding`"
            yield Refused("unknown-encoding", f"{name}, {where}", why, raw)
        else:
            yield _object(name, where, line, raw)


def records(profile: Profile, name: str, stream: BinaryIO, options: Options) -> Iterator[Found | Refused]:
    """Read the elements of the list at ``format.record``, or of the file's own list.

    Raises:
        Quarantine: the file is empty or not UTF-8, or the path leads to no list.
    """
    walk = JsonWalk(name, stream, options.max_bytes)
    path = tuple(profile.format.record.split("/")) if profile.format.record else ()
    number = 0
    for number, (start, raw, problem) in enumerate(walk.elements(path), start=1):
        if problem:
            yield Refused(problem, f"{name}, byte {start:,}", f"{_PROBLEMS[problem]}, then replay", raw)
        else:
            yield _object(name, f"record {number}", raw, raw)
    if not number and path and not walk.met:
        raise Quarantine("wrong-columns", f"{name}: nothing is at {'/'.join(path)!r}. Mend `format.record`")


_PROBLEMS = {
    "malformed": "this cannot be read as JSON; mend it",
    "record-too-large": "a single record is larger than items.max_bytes; raise it",
}


def _object(name: str, where: str, text: bytes | str, raw: bytes) -> Found | Refused:
    try:
        tree = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return Refused("malformed", f"{name}, {where}", _NO_OBJECT, raw)
    if not isinstance(tree, dict):
        return Refused("not-a-record", f"{name}, {where}", _NO_OBJECT, raw)
    return where, tree
