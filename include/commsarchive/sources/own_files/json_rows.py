"""JSON objects as trees: one a line, or the elements of a list that a path leads to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO

import msgspec

from include.commsarchive.model import Refused
from include.commsarchive.sources.base import Options
from include.commsarchive.sources.json_keys import has_keys_once
from include.commsarchive.sources.own_files.json_walk import JsonWalk
from include.commsarchive.sources.own_files.lines import Lines, is_readable
from include.commsarchive.sources.own_files.profile import Profile
from include.commsarchive.sources.own_files.tree import REPAIRED, Tree

Found = tuple[str, Tree]
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_NO_OBJECT = "it is no JSON object; mend it, or `format` in the profile"


def lines(profile: Profile, name: str, stream: BinaryIO, options: Options) -> Iterator[Found | Refused]:
    """Read JSON Lines: an object a line; blank lines are none.

    Raises:
        Quarantine: the file is empty.
    """
    text = Lines(name, stream, profile.format.encoding, options.max_bytes)
    too_long = 0
    for number, line in text:
        tree = _usual(line) if len(line) < options.max_bytes and number != too_long else None
        if tree is not None:
            yield f"line {number}", tree
            continue
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
        Quarantine: the file is empty or not UTF-8.
    """
    walk = JsonWalk(name, stream, options.max_bytes)
    path = tuple(profile.format.record.split("/")) if profile.format.record else ()
    for number, (start, raw, problem) in enumerate(walk.elements(path), start=1):
        if problem:
            yield Refused(problem, f"{name}, byte {start:,}", f"{_PROBLEMS[problem]}, then replay", raw)
        else:
            yield _object(name, f"record {number}", raw, raw)


_PROBLEMS = {
    "malformed": "this cannot be read as JSON; mend it",
    "wrong-columns": "nothing is there at `format.record`; mend it or the profile",
    "record-too-large": "a single record is larger than items.max_bytes; raise it",
}


def _usual(text: bytes | str) -> Tree | None:
    """Read an object of the usual kind, quickly; None where that is not sure."""
    try:
        raw = text.encode() if isinstance(text, str) else text
        tree = _decode_usual(raw)
    except (ValueError, RecursionError, msgspec.DecodeError):
        return None
    return tree if has_keys_once(raw, tree) else None


def _object(name: str, where: str, text: bytes | str, raw: bytes) -> Found | Refused:
    try:
        tree = _decode(text)
    except (ValueError, RecursionError):
        return Refused("malformed", f"{name}, {where}", _NO_OBJECT, raw)
    if not isinstance(tree, dict):
        return Refused("not-a-record", f"{name}, {where}", _NO_OBJECT, raw)
    if _HALF.search(raw):
        whole = _legible(tree)
        return where, whole if whole == tree else {**whole, REPAIRED: "halves of characters replaced"}
    return where, tree


def _legible(value: Any) -> Any:
    """Replace halves of characters, which JSON can escape but no text can hold."""
    if isinstance(value, dict):
        return {_legible(name): _legible(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_legible(one) for one in value]
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> Tree:
    """Make an object. One that names a field twice says something that would be lost."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a field that is named twice")
    return made


def _no_number(text: str) -> None:
    raise ValueError(text)


def _not_usual(text: str) -> None:
    raise ValueError(text)


_decode_usual = msgspec.json.Decoder(Tree, float_hook=_not_usual).decode
_decode = partial(json.loads, object_pairs_hook=_unique, parse_float=str, parse_constant=_no_number)
"""Numbers with a fraction stay as they are written."""
