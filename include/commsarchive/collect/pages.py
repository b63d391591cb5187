"""Pages as an API answered them, kept as evidence in a tar, and the records in them, one a line.

Each page is a member, ``page-000001.json``, byte for byte; the last member, ``manifest.json``, says what was
asked and lists size and SHA-256 of each page. Records are not rewritten: numbers, spellings and names that
are given twice come through as they are, for the source to judge.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from include.commsarchive.collect.base import Fetched
from include.commsarchive.errors import Quarantine
from include.commsarchive.landing import Landing

MANIFEST = "manifest.json"
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw] | None)


@contextmanager
def pages_into(write: Callable[[bytes], None], asked: Mapping[str, str]) -> Iterator[Callable[[bytes], None]]:
    """Give a verb that writes a page into a tar, whose bytes go to ``write``, and end it well.

    The same pages give the same bytes. ``asked`` goes into the manifest.
    """
    pages: list[dict[str, Any]] = []
    with tarfile.open(fileobj=_Sink(write), mode="w|", format=tarfile.PAX_FORMAT) as tar:

        def add(body: bytes) -> None:
            name = f"page-{len(pages) + 1:06}.json"
            pages.append({"name": name, "size": len(body), "sha256": hashlib.sha256(body).hexdigest()})
            _member(tar, name, body)

        yield add
        told = msgspec.json.encode({"asked": asked, "pages": pages})
        _member(tar, MANIFEST, msgspec.json.format(told))


def _member(tar: tarfile.TarFile, name: str, body: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(body)
    tar.addfile(member, io.BytesIO(body))


class _Sink(io.RawIOBase):
    def __init__(self, write: Callable[[bytes], None]) -> None:
        super().__init__()
        self._write = write

    def writable(self) -> bool:
        return True

    def write(self, block: Any, /) -> int:
        self._write(bytes(block))
        return len(block)


def records_of(body: bytes, path: str) -> list[msgspec.Raw]:
    """Give the elements of the list at a path (``data/messages``; empty: the page itself), as they stand.

    Raises:
        ValueError: the page is no JSON, or there is no list.
    """
    found = value_at(body, path)
    if found is None:
        raise ValueError(f"there is nothing at `{path}`")
    return _LIST.decode(found) or []


def value_at(body: bytes, path: str) -> bytes | None:
    """Give the value at a path as it stands; None where there is none.

    Raises:
        ValueError: the page is no JSON, or something on the way is no object.
    """
    value = body
    for key in path.split("/") if path else ():
        found = _FIELDS.decode(value).get(key)
        if found is None:
            return None
        value = bytes(found)
    return value


def unfold(raw: Path, target: Path, items: str) -> Fetched:
    """Make JSON Lines, ``target``, of the pages in ``raw``; a page at a time is in memory.

    Raises:
        Quarantine: a page cannot be read. What would have followed it is unknown, so the file is stopped.
    """
    with Landing(target) as landing:
        for name, body in _pages(raw):
            try:
                records = records_of(body, items)
            except ValueError as error:
                raise Quarantine(
                    "broken-page",
                    f"{raw.name}, {name}: no list of records: {_place(error)}. When the source answers as it "
                    "should, trigger a new run for the day; if it means to, mend `collect.api.items`, replay",
                ) from error
            for record in records:
                landing.write(_one_line(bytes(record)))
        landing.settle()
        return Fetched(landing.size, landing.sha256)


def _pages(raw: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(raw, "r|") as tar:
            for member in tar:
                content = tar.extractfile(member)
                if member.name != MANIFEST and content:
                    yield member.name, content.read()
    except tarfile.TarError as error:
        raise Quarantine(
            "broken-page", f"{raw.name}: is no tar of pages any more. Run the day anew"
        ) from error


def _one_line(record: bytes) -> bytes:
    """Put a record on a line: JSON has line ends only between its parts, where a blank does as well."""
    return record.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n"


def _place(error: ValueError) -> str:
    """Say what is wrong without the content that msgspec may cite."""
    return str(error) if type(error) is ValueError else type(error).__name__
