"""What is of the usual shape is read a quick way: it must come out as the careful way reads it."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.dumps import DUMPS, make_dump
from bench.parsers import source_for
from include.commsarchive.model import Item, Refused
from include.commsarchive.sources.base import Chunk, Options

NEVER = r"(?!)"
QUICK = {
    "vantage": ("vantage.events.EventReader._usual", lambda *_: None),
    "persistent_chat": ("persistent_chat.events.EventReader._usual", lambda *_: None),
    "dig": ("dig.events.EventReader._usual", lambda *_: None),
    "own_xml": ("own_files.xml_rows._sound", lambda raws, *_: [None] * len(raws)),
    "symphony_events": ("symphony.messageml._is_div", lambda _: False),
}
"""The quick way of a format, and what leaves it out."""
PIECES = (
    *(
        b"<",
        b"</",
        b">",
        b'"',
        b"&",
        b"&amp;",
        b"&#10;",
        b" ",
        b"\n",
        b"x",
        b"]]>",
        b"<!--",
        b"-->",
        b"0",
        b"{",
    ),
    *(b'"room": "x", ', b"<Extra>1</Extra>", b' a="1"', b"UpdatedType", b"<b>", b"</b>", b"true", b"message"),
)
Say = list[Item | Refused]


@pytest.fixture(params=sorted(QUICK))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def dump(kind: str, tmp_path: Path) -> bytes:
    make_dump(kind, 60, tmp_path / "dump")
    return (tmp_path / "dump").read_bytes()


def read(kind: str, raw: bytes, folder: Path) -> Say:
    (folder / "damaged").write_bytes(raw)
    reader = source_for(kind)
    said: Say = []
    with (folder / "damaged").open("rb") as stream:
        for chunk in reader.chunks(DUMPS[kind].name, stream, Options()):
            said += reader.parse(chunk, {}, Options()) if isinstance(chunk, Chunk) else [chunk]
    return said


def damaged(raw: bytes, seed: int) -> bytes:
    """Change a few places behind the head, which tells the format."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(2_000, len(raw))
        raw = raw[:at] + rng.choice(PIECES) + raw[at + rng.choice((0, 0, 1, 7)) :]
    return raw


@contextmanager
def without_quick_way(kind: str) -> Iterator[None]:
    name, instead = QUICK[kind]
    with pytest.MonkeyPatch.context() as patch:
        target = f"include.commsarchive.sources.{name}"
        patch.setattr(target, re.compile(NEVER) if instead is None else instead)
        yield


def test_a_whole_export_is_read_the_same_both_ways(kind: str, dump: bytes, tmp_path: Path) -> None:
    quick = read(kind, dump, tmp_path)
    with without_quick_way(kind):
        assert read(kind, dump, tmp_path) == quick


def test_a_damaged_export_is_read_the_same_both_ways(kind: str, dump: bytes, tmp_path: Path) -> None:
    for seed in range(60):
        raw = damaged(dump, seed)
        quick = read(kind, raw, tmp_path)
        with without_quick_way(kind):
            assert read(kind, raw, tmp_path) == quick, seed
