"""Golden exports: `tests/golden/<source>/<case>/export.xml`, or another of `INPUTS`, and `expected.json`.

A case may also hold ``profile.yaml`` (for a source that reads by profiles), ``attachments.json`` (stored
members: name, size and hash), ``options.json`` and, where
the source has such a thing, ``dictionary.xml`` (texts that the export names).
``python -m tests.unit.sources.golden_exports`` writes what is missing and names what differs; it
replaces only when told: ``--replace SOURCE/CASE``. Look at the difference first: expectations are
written by the code that they test, and are worth what the eye that checked them was worth.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Event, Item, Person, Refused
from include.commsarchive.profile import load_profile
from include.commsarchive.sources.base import Chunk, Dictionary, Options, Stored
from include.commsarchive.sources.registry import SOURCES
from include.commsarchive.sources.registry import source as find_source
from tests.unit.sources.golden_inputs import INPUTS, bytes_of, input_of, members_of

FOLDER = Path(__file__).parents[2] / "golden"
EXPECTED = "expected.json"
DICTIONARY = "dictionary.xml"


def names() -> list[str]:
    """Every case, by its input or its expectation: a folder that lacks one of them is a case too."""
    patterns = [f"{source}/*/{name}" for source in SOURCES for name in (*INPUTS, EXPECTED)]
    found = {path.parent for pattern in patterns for path in FOLDER.glob(pattern)}
    return sorted(str(path.relative_to(FOLDER)) for path in found)


def read(name: str) -> bytes:
    """Read a case's export anew, as JSON."""
    folder = FOLDER / name
    told: dict[str, Any] = {"items": [], "refused": []}
    try:
        for result in _results(folder):
            if isinstance(result, Refused):
                raw = result.raw.decode("utf-8", "backslashreplace")
                told["refused"].append([result.reason, result.place, result.detail, raw])
            else:
                told["items"].append(_item(result))
    except Quarantine as error:
        told["stopped"] = [error.reason, str(error)]
    return msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n"


def kept(name: str) -> bytes:
    return (FOLDER / name / EXPECTED).read_bytes()


def _results(folder: Path) -> Iterator[Item | Refused]:
    profile = folder / "profile.yaml"
    source = find_source(folder.parent.name, load_profile(profile) if profile.exists() else "")
    options = _optional(folder / "options.json", Options, Options())
    attachments = _optional(folder / "attachments.json", dict[str, Stored], {})
    path = input_of(folder)
    assert path, "an expectation without an export"
    for member in members_of(source, path):
        if isinstance(member, Refused):
            yield member
        else:
            attachments[member[0]] = member[1]
    export = io.BytesIO(bytes_of(path))
    if isinstance(source, Dictionary):
        options = replace(options, texts=_texts(source, folder))
    for chunk in source.chunks(path.name, export, options):
        if isinstance(chunk, Chunk):
            yield from source.parse(chunk, attachments, options)
        else:
            yield chunk


def _texts(source: Dictionary, folder: Path) -> dict[str, tuple[str, ...]]:
    texts: dict[str, tuple[str, ...]] = {}
    for path in (folder / INPUTS[0], folder / DICTIONARY):
        with suppress(Quarantine, FileNotFoundError):
            for name, text in source.dictionary(path.name, io.BytesIO(path.read_bytes())):
                texts[name] = (*texts.get(name, ()), text)
    return texts


def _optional(path: Path, kind: Any, default: Any) -> Any:
    return msgspec.json.decode(path.read_bytes(), type=kind) if path.exists() else default


def _item(item: Item) -> dict[str, Any]:
    """Tell an item: its people once in full, its events with their keys, nothing that is empty."""
    parties = (item.sender, *item.to, *item.cc, *item.bcc, *(person for _, person in item.others))
    people = [person for person in parties if person]
    told = {name: getattr(item, name) for name in Item.__dataclass_fields__}
    told |= {name: [person.key for person in getattr(item, name)] for name in ("to", "cc", "bcc")}
    told |= {"sender": item.sender and item.sender.key}
    told["others"] = [[role, person.key] for role, person in item.others]
    told["people"] = [_filled(person) for person in dict.fromkeys(people)]
    told["events"] = [_event(event, people) for event in item.events]
    return {name: value for name, value in told.items() if value}


def _event(event: Event, people: list[Person]) -> dict[str, Any]:
    told = _filled(event)
    for name in ("who", "other"):
        if person := getattr(event, name):
            assert person in people, "everybody in an event is a participant"
            told[name] = person.key
    if event.attachment:
        told["attachment"] = _filled(event.attachment)
    return told


def _filled(value: object) -> dict[str, Any]:
    fields = {name: getattr(value, name) for name in getattr(value, "__dataclass_fields__", ())}
    return {name: content for name, content in fields.items() if content or content is False}


def main(arguments: list[str]) -> int:
    """Write what is missing; say what differs and leave it, unless told to replace it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replace", metavar="CASE", nargs="+", default=[], choices=names())
    replace = parser.parse_args(arguments).replace
    differing = 0
    for name in names():
        path = FOLDER / name / EXPECTED
        told = read(name)
        if path.exists() and path.read_bytes() == told:
            continue
        if path.exists() and name not in replace:
            sys.stdout.write(f"{name}: differs, left as it is; after looking: --replace {name}\n")
            differing += 1
        else:
            path.write_bytes(told)
            sys.stdout.write(f"{name}: written\n")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
