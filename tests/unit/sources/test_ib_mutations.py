"""Whatever an export holds, it is read or refused: never a crash, never a silent loss."""

from __future__ import annotations

import re
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.commsarchive.errors import Quarantine
from include.commsarchive.sources.base import Options
from include.commsarchive.sources.instant_bloomberg import source as module
from tests.unit.sources.ib_xml import START, conversation, export, message, move, read, user

NINA, RUFUS = user("OAKES7"), user("RPELL2", own=False)
SMALL_PARTS = Options(max_events=3, max_bytes=2000)
TOKEN = re.compile(rb"word[0-9]{4}")
FRAGMENTS = (
    *(
        "<",
        ">",
        "&",
        "/",
        '"',
        "'",
        "</",
        "/>",
        "]]>",
        "<![CDATA[",
        "&#0;",
        "&lt",
        "=",
        "\0",
        "\r",
        "\n",
        "<?",
    ),
    *(
        "<Conversation ",
        "</Conversation>",
        "<Message>",
        "</Message>",
        "<User>",
        "</User>",
        "<Content>",
        "<GO>",
    ),
    *("</FileDump>", "<Version>", "</Content>", "<Conversation/>", "<Message/>", "xmlns:a=", "a:", "<a:b>"),
)
pieces = st.one_of(st.sampled_from(FRAGMENTS).map(str.encode), st.binary(min_size=1, max_size=4))
mutations = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 60), st.one_of(st.just(b""), pieces)), min_size=1, max_size=4
)


def plain_export(conversations: int = 3, messages: int = 5) -> bytes:
    """An export in which every message holds a word of its own."""
    rooms = []
    for room in range(conversations):
        said = [
            message(
                NINA if n % 2 else RUFUS,
                START + n,
                f"some word{room * 100 + n:04} & <more>",
                room=f"CHAT-{room}",
            )
            for n in range(messages)
        ]
        rooms.append(conversation(move(NINA, START, room=f"CHAT-{room}"), *said, room=f"CHAT-{room}"))
    return export(*rooms)


WHOLE = plain_export()


def mutate(raw: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    """Replace stretches: where (as a share of the whole), how many bytes, by what."""
    for where, length, piece in changes:
        at = int(where * len(raw))
        raw = raw[:at] + piece + raw[at + length :]
    return raw


def all_said(raw: bytes, options: Options) -> bytes:
    """Everything that reading an export gave, as bytes; the export itself where it was set aside whole."""
    try:
        items, refused = read(raw, options)
    except Quarantine:
        return raw
    return repr(items).encode() + b"".join(one.raw for one in refused)


@settings(max_examples=300, deadline=None)
@given(mutations, st.sampled_from([Options(), SMALL_PARTS, Options(per="message")]))
def test_no_word_of_a_damaged_export_is_lost(
    changes: list[tuple[float, int, bytes]], options: Options
) -> None:
    raw = mutate(WHOLE, changes)
    lost = set(TOKEN.findall(raw)) - set(TOKEN.findall(all_said(raw, options)))
    assert not lost


def test_a_damaged_instruction_hides_no_records() -> None:
    raw = WHOLE.replace(b"<?xml", b"<?>", 1).replace(b"?>", b"", 1).replace(b"word0101", b"<?>", 1)
    assert len(read(raw, Options())[0]) == 3
    assert set(TOKEN.findall(raw)) <= set(TOKEN.findall(all_said(raw, Options())))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(WHOLE)), st.sampled_from([Options(), SMALL_PARTS]))
def test_no_word_of_an_export_that_was_cut_off_is_lost(length: int, options: Options) -> None:
    raw = WHOLE[:length]
    assert set(TOKEN.findall(raw)) <= set(TOKEN.findall(all_said(raw, options)))


@settings(max_examples=300, deadline=None)
@given(st.lists(pieces, max_size=30))
def test_any_bytes_are_read_or_refused(parts: list[bytes]) -> None:
    all_said(b"".join(parts), SMALL_PARTS)
    all_said(b"<FileDump><Version>1.9</Version><Conversation>" + b"".join(parts), SMALL_PARTS)


@settings(max_examples=300, deadline=None)
@given(mutations, st.sampled_from([Options(), SMALL_PARTS]))
def test_the_fast_reader_never_tells_anything_else(
    changes: list[tuple[float, int, bytes]], options: Options
) -> None:
    raw = mutate(WHOLE, changes)
    assert all_said(raw, options) == slowly(raw, options)


def slowly(raw: bytes, options: Options) -> bytes:
    with mock.patch.object(module, "read_plain", return_value=None):
        return all_said(raw, options)


@pytest.mark.parametrize(
    "hostile",
    [
        *("<!--" * 200_000, "<![CDATA[" * 100_000, "<?" * 200_000, "<a>" * 100_000, "</Message " * 50_000),
        *("<User>" * 50_000, "<a '" * 100_000, "&#x" * 100_000, "<Conversation " * 20_000),
        "".join(f"<p{n}:a>" for n in range(20_000)),
        "<Foo>" * 50_000 + "</Foo>" * 50_000,
    ],
    ids=lambda hostile: hostile[:12],
)
def test_hostile_repetition_costs_no_more_than_its_length(hostile: str) -> None:
    room = conversation(message(NINA, START, "word0000"), message(RUFUS, START, "@"), room="CHAT-1")
    for raw in (
        export(room).replace(b"<Version>", hostile.encode() + b"<Version>"),
        export(room + hostile + room),
        export(room.replace("</Message>", "</Message>" + hostile, 1)),
        export(room.replace("@", hostile)),
    ):
        assert b"word0000" in all_said(raw, Options())
