"""Pages as an API answered them, kept as evidence in a tar, and the records in them, one a line.

Each page is a member, ``page-000001.json``, byte for byte, and so is each file that its records name,
``file-000001``; the last member, ``manifest.json``, says what was asked, lists size and SHA-256 of each, and
why a file is not there. Records are not rewritten: numbers, spellings and names that are given twice come
through as they are, for the source to judge.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO

import msgspec

from include.commsarchive.collect.base import Fetched
from include.commsarchive.errors import Quarantine
from include.commsarchive.landing import Landing

MANIFEST = "manifest.json"
ROWS = "drawn/records.jsonl"
"""The records in a zip with the files that they name."""
_BLOCK = 1024 * 1024
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw] | None)


class Evidence:
    """What an API answered, as it is written into a tar. ``files`` are the links that were followed."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        """Begin with nothing."""
        self._tar = tar
        self.pages: list[dict[str, Any]] = []
        self.files: dict[str, dict[str, Any]] = {}

    def page(self, body: bytes) -> None:
        """Keep a page."""
        self.pages.append(self._kept(f"page-{len(self.pages) + 1:06}.json", io.BytesIO(body)))

    def file(self, link: str, content: BinaryIO) -> None:
        """Keep a file, whole."""
        content.seek(0)
        self.files[link] = {"link": link, **self._kept(f"file-{len(self.files) + 1:06}", content)}

    def lacks(self, link: str, why: str) -> None:
        """Say why there is no file."""
        self.files[link] = {"link": link, "missing": why}

    def _kept(self, name: str, content: BinaryIO) -> dict[str, Any]:
        hashed, member = hashlib.sha256(), tarfile.TarInfo(name)
        while block := content.read(_BLOCK):
            hashed.update(block)
        member.size = content.tell()
        content.seek(0)
        self._tar.addfile(member, content)
        return {"name": name, "size": member.size, "sha256": hashed.hexdigest()}


@contextmanager
def pages_into(write: Callable[[bytes], None], asked: Mapping[str, str]) -> Iterator[Evidence]:
    """Give evidence to fill: a tar whose bytes go to ``write``; end it well, with its manifest.

    The same answers give the same bytes. ``asked`` goes into the manifest.
    """
    with tarfile.open(fileobj=Sink(write), mode="w|", format=tarfile.PAX_FORMAT) as tar:
        evidence = Evidence(tar)
        yield evidence
        files = {"files": list(evidence.files.values())} if evidence.files else {}
        told = msgspec.json.format(msgspec.json.encode({"asked": asked, "pages": evidence.pages, **files}))
        member = tarfile.TarInfo(MANIFEST)
        member.size = len(told)
        tar.addfile(member, io.BytesIO(told))


class Sink(io.RawIOBase):
    """A stream whose bytes go to a verb, in order."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        """Take the verb."""
        super().__init__()
        self._write = write

    def writable(self) -> bool:
        """It can be written."""
        return True

    def write(self, block: Any, /) -> int:
        """Hand bytes on."""
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


def links_of(body: bytes, items: str, path: str) -> list[str]:
    """Give what the records of a page have at a path, through lists on the way; nothing of a broken page."""
    found: list[Any] = []
    with suppress(ValueError):
        found = [msgspec.json.decode(one) for one in records_of(body, items)]
    for step in path.split("/"):
        found = [value for one in _flat(found) if isinstance(one, dict) and (value := one.get(step))]
    return [str(one) for one in _flat(found) if isinstance(one, (str, int)) and not isinstance(one, bool)]


def _flat(values: list[Any]) -> list[Any]:
    return [one for value in values for one in (_flat(value) if isinstance(value, list) else [value])]


def unfold(raw: Path, target: Path, items: str, *, with_files: bool = False) -> Fetched:
    """Make JSON Lines, ``target``, of the pages in ``raw``; a page at a time is in memory.

    With files it is a zip: the records, ``ROWS``, and each file by the link that led to it. Where there are
    no records it is empty.

    Raises:
        Quarantine: a page cannot be read. What would have followed it is unknown, so the file is stopped.
    """
    with Landing(target) as landing:
        try:
            if not with_files:
                for line in _lines(raw, items):
                    landing.write(line)
            elif next(_lines(raw, items), None) is not None:
                with zipfile.ZipFile(Sink(landing.write), "w") as archive:
                    _pack(archive, raw, items)
        except tarfile.TarError as error:
            raise Quarantine(
                "broken-page", f"{raw.name}: is no tar of pages any more. Run the day anew"
            ) from error
        landing.settle()
        return Fetched(landing.size, landing.sha256)


def _pack(archive: zipfile.ZipFile, raw: Path, items: str) -> None:
    with archive.open(zipfile.ZipInfo(ROWS), "w", force_zip64=True) as sink:
        for line in _lines(raw, items):
            sink.write(line)
    manifest: dict[str, Any] = {}
    for name, content in _members(raw):
        if name == MANIFEST:
            manifest = msgspec.json.decode(content.read())
    links = {one["name"]: one["link"] for one in manifest.get("files", []) if "name" in one}
    taken = {ROWS}
    for name, content in _members(raw):
        if name in links:
            path = links[name].lstrip("/")
            while path in taken:
                path = f"./{path}"
            taken.add(path)
            entry = zipfile.ZipInfo(path)
            with archive.open(entry, "w", force_zip64=True) as sink:
                shutil.copyfileobj(content, sink)


def _lines(raw: Path, items: str) -> Iterator[bytes]:
    for name, content in _members(raw):
        if not name.startswith("page-"):
            continue
        try:
            records = records_of(content.read(), items)
        except ValueError as error:
            raise Quarantine(
                "broken-page",
                f"{raw.name}, {name}: no list of records: {_place(error)}. When the source answers as it "
                "should, trigger a new run for the day; if it means to, mend `collect.api.items`, replay",
            ) from error
        for record in records:
            yield _one_line(bytes(record))


def _members(raw: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(raw, "r|") as tar:
        for member in tar:
            if content := tar.extractfile(member):
                yield member.name, content


def _one_line(record: bytes) -> bytes:
    """Put a record on a line: JSON has line ends only between its parts, where a blank does as well."""
    return record.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n"


def _place(error: ValueError) -> str:
    """Say what is wrong without the content that msgspec may cite."""
    return str(error) if type(error) is ValueError else type(error).__name__
