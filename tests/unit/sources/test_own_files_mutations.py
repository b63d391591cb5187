"""Whatever a file of one's own holds, each row is read or refused: never a crash, never a silent loss."""

from __future__ import annotations

import csv
import io
import json
import re
import tracemalloc

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.commsarchive.errors import Quarantine
from include.commsarchive.message.stage import stage
from include.commsarchive.model import Item, Refused
from include.commsarchive.sources.base import Chunk, Options
from include.commsarchive.sources.own_files import OwnFiles
from include.commsarchive.sources.own_files.groups import Groups
from include.commsarchive.sources.own_files.profile import Files, Format, Profile, Time, Who

TOKEN = re.compile(rb"word[0-9]{4}")
SMALL = Options(max_events=3, max_bytes=2000)
FORMATS = {
    "csv": Format(kind="delimited"),
    "jsonl": Format(kind="json_lines"),
    "json": Format(kind="json", record="export/messages"),
    "xml": Format(kind="xml", record="message"),
}
FRAGMENTS = (
    *(
        '"',
        ",",
        "\n",
        "\r",
        "{",
        "}",
        "[",
        "]",
        ":",
        "\\",
        "<",
        ">",
        "&",
        "</message>",
        "<message>",
        "<!--",
        "]]>",
    ),
    *('""', "null", "1e999", "\\ud800", "\0", "\t", ";", "<room>", "<![CDATA["),
)
pieces = st.one_of(st.sampled_from(FRAGMENTS).map(str.encode), st.binary(min_size=1, max_size=4))
mutations = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 60), st.one_of(st.just(b""), pieces)), min_size=1, max_size=4
)


def reader(kind: Format) -> OwnFiles:
    profile = Profile(
        name="own",
        format=kind,
        conversation="room",
        time=Time(field="at"),
        sender=Who(address="who"),
        to=Who(address="to", separator=";"),
        text="text",
        id="id",
        attachments=Files(path="file"),
    )
    return OwnFiles().described(msgspec.json.encode(profile).decode())


def row(number: int) -> dict[str, str]:
    return {
        "room": f"r{number % 2}",
        "at": f"2024-03-13T10:00:{number % 60:02}Z",
        "who": "nina@quill.example",
        "to": "rufus@halden.example; zoe@quill.example",
        "text": f"say word{number:04}",
        "id": f"m{number}",
        "file": "",
        "mood": f"word{number + 1000:04}",
    }


def written(kind: str, rows: list[dict[str, str]]) -> bytes:
    if kind == "csv":
        lines = [",".join(row(0)), *(",".join(f'"{cell}"' for cell in one.values()) for one in rows)]
        return "\n".join(lines).encode()
    if kind == "jsonl":
        return b"\n".join(json.dumps(one).encode() for one in rows)
    if kind == "json":
        return json.dumps({"export": {"messages": rows}}).encode()
    elements = ("".join(f"<{name}>{text}</{name}>" for name, text in one.items()) for one in rows)
    return f"<export>{''.join(f'<message>{one}</message>' for one in elements)}</export>".encode()


WHOLE = {kind: written(kind, [row(number) for number in range(12)]) for kind in FORMATS}
kinds = st.sampled_from(sorted(FORMATS))


def read(kind: str, raw: bytes, options: Options) -> tuple[list[Item], list[Refused]]:
    source, items, refused = reader(FORMATS[kind]), list[Item](), list[Refused]()
    for chunk in source.chunks("file", io.BytesIO(raw), options):
        for one in source.parse(chunk, {}, options) if isinstance(chunk, Chunk) else [chunk]:
            if isinstance(one, Refused):
                refused.append(one)
            else:
                items.append(one)
    return items, refused


def all_said(kind: str, raw: bytes, options: Options) -> bytes:
    """Everything that reading gave, as bytes; the file itself where it was set aside whole."""
    try:
        items, refused = read(kind, raw, options)
    except Quarantine:
        return raw
    if kind == "xml" and b"\0" in raw[:2]:  # taken for UTF-16, and refused as what that says
        assert refused
        return raw
    staged = [repr(stage(item, reader(FORMATS[kind]))).encode() for item in items]
    header = raw.splitlines()[:1] if kind == "csv" else []  # a row that was glued to it makes columns
    return b"".join([*staged, *(one.raw for one in refused), *header])


def mutate(raw: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    for where, length, piece in changes:
        at = int(where * len(raw))
        raw = raw[:at] + piece + raw[at + length :]
    return raw


@pytest.mark.parametrize("kind", FORMATS)
def test_undamaged_rows_are_all_archived(kind: str) -> None:
    items, refused = read(kind, WHOLE[kind], Options())
    assert (len(items), sum(len(item.events) for item in items), refused) == (2, 12, [])


@settings(max_examples=400, deadline=None)
@given(kinds, mutations, st.sampled_from([Options(), SMALL, Options(per="message")]))
def test_no_word_of_damaged_rows_is_lost(
    kind: str, changes: list[tuple[float, int, bytes]], options: Options
) -> None:
    raw = mutate(WHOLE[kind], changes)
    assert set(TOKEN.findall(raw)) <= set(TOKEN.findall(all_said(kind, raw, options)))


@settings(max_examples=200, deadline=None)
@given(kinds, st.floats(0, 1), st.sampled_from([Options(), SMALL]))
def test_no_word_of_rows_that_were_cut_off_is_lost(kind: str, part: float, options: Options) -> None:
    raw = WHOLE[kind][: int(part * len(WHOLE[kind]))]
    assert set(TOKEN.findall(raw)) <= set(TOKEN.findall(all_said(kind, raw, options)))


@settings(max_examples=300, deadline=None)
@given(kinds, st.lists(pieces, max_size=30))
def test_any_bytes_are_read_by_a_profile_or_refused(kind: str, parts: list[bytes]) -> None:
    all_said(kind, b"".join(parts), SMALL)
    all_said(kind, WHOLE[kind][:200] + b"".join(parts), SMALL)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 40)), max_size=60), st.integers(10, 200))
def test_groups_hold_little_and_lose_no_row(rows: list[tuple[int, int]], held: int) -> None:
    groups, given_back = Groups(Options(max_events=4), held), list[bytes]()
    for key, size in rows:
        given_back += groups.add(key, b'"%b"' % (b"x" * size))
        assert groups._size <= held + 4 * 42
    given_back += groups.rest()
    parts = [msgspec.json.decode(one) for one in given_back]
    assert sorted(len(text) for _, texts in parts for text in texts) == sorted(size for _, size in rows)


@pytest.mark.parametrize(
    "hostile",
    [
        '"' * 50_001,
        '"\n' * 20_000,
        "," * 50_000,
        "{" * 50_000,
        "[" * 50_000,
        '{"a":' * 20_000,
        "<a>" * 20_000,
        "\\" * 50_001,
    ],
    ids=lambda hostile: hostile[:6].strip(),
)
@pytest.mark.parametrize("kind", FORMATS)
def test_hostile_repetition_in_a_row_costs_no_more_than_its_length(kind: str, hostile: str) -> None:
    raw = WHOLE[kind].replace(b"word0005", hostile.encode() + b"word0005", 1)
    assert set(TOKEN.findall(raw)) <= set(TOKEN.findall(all_said(kind, raw, Options())))


@pytest.mark.parametrize("kind", FORMATS)
def test_a_large_file_is_read_with_little_memory(kind: str) -> None:
    rows = [{**row(number), "room": f"r{number}", "text": "x" * 2000} for number in range(3000)]
    source, stream = reader(FORMATS[kind]), io.BytesIO(written(kind, rows))
    del rows
    options = Options()
    tracemalloc.start()
    try:
        total = sum(
            len(chunk.starts)
            for chunk in _by_row(source).chunks("file", stream, options)
            if isinstance(chunk, Chunk)
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 3000
    assert peak < 24 * 1024 * 1024


def _by_row(source: OwnFiles) -> OwnFiles:
    told = json.loads(source.profile)
    return OwnFiles().described(json.dumps({**told, "item": "row"}))


def test_a_long_cell_is_read_and_the_bound_of_others_is_left_alone() -> None:
    before = csv.field_size_limit()
    items, refused = read("csv", written("csv", [{**row(0), "text": "x" * 200_000}]), Options())
    assert (len(items[0].events[0].text), refused) == (200_000, [])
    assert csv.field_size_limit() == before
