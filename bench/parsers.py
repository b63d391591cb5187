"""Parse an export of `bench.dumps`, whole, in a process of its own, as convert does before it renders.

The files in mails are found and hashed, the export is cut into chunks, and every chunk is read to items.

python bench/parsers.py KIND FILE
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from bench.dumps import DUMPS
from bench.measure import tell
from include.commsarchive.model import Item
from include.commsarchive.sources.base import Chunk, Options, Role, Source, Stored
from include.commsarchive.sources.registry import source

PROFILE = {
    "name": "desk_messages",
    "conversation": "room",
    "id": "id",
    "time": {"field": "sent", "format": "iso", "zone": "UTC"},
    "sender": {"address": "author", "name": "author_name"},
    "to": {"address": "readers", "separator": ";"},
    "text": "body",
    "own_domains": ["quillbrook.example"],
}
_BLOCK = 1024 * 1024


def ours(kind: str, file: Path) -> int:
    """Parse with the source of the format; give the number of items."""
    dump, reader, options = DUMPS[kind], source_for(kind), Options()
    stored: dict[str, Stored] = {}
    claim = reader.claim(dump.name)
    with file.open("rb") as stream:
        for member in reader.members(dump.name, stream) if claim and claim.role is Role.CONTAINER else ():
            assert isinstance(member, tuple), member
            name, content = member
            digest, size = hashlib.sha256(), 0
            while block := content.read(_BLOCK):
                digest.update(block)
                size += len(block)
            stored[name] = Stored(digest.hexdigest(), size)
        stream.seek(0)
        items = 0
        for chunk in reader.chunks(dump.name, stream, options):
            assert isinstance(chunk, Chunk), chunk
            for item in reader.parse(chunk, stored, options):
                assert isinstance(item, Item), item
                items += 1
    return items


def source_for(kind: str) -> Source:
    """Give the source that reads a format's exports."""
    return source(DUMPS[kind].source, _profile(DUMPS[kind].format))


def _profile(kind: str) -> str:
    if not kind:
        return ""
    record = {"record": "message"} if kind == "xml" else {}
    native = {"id": "@id"} if kind == "xml" else {}
    return json.dumps({**PROFILE, **native, "format": {"kind": kind, **record}})


if __name__ == "__main__":
    tell(ours)
