"""Whatever a Vantage export holds, it is read or refused: never a crash, never a silent loss."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.commsarchive.errors import Quarantine
from include.commsarchive.sources.base import Options
from include.commsarchive.sources.vantage import Vantage
from tests.unit.sources.vantage_xml import conversation, export, joined, message, read

SMALL_PARTS = Options(max_events=3, max_bytes=2000)
TOKEN = re.compile(rb"word[0-9]{4}")
TAGS = ("Conversation", "Message", "LoginName", "Content", "FileDump", "RoomID", "Invite", "Version")
FRAGMENTS = (
    *("<", ">", "&", "/", '"', "</", "/>", "]]>", "<![CDATA[", "&#0;", "\0", "\n", "<?", "a:"),
    *(f"<{tag}>" for tag in TAGS),
    *(f"</{tag}>" for tag in TAGS),
)
pieces = st.one_of(st.sampled_from(FRAGMENTS).map(str.encode), st.binary(min_size=1, max_size=4))
mutations = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 60), st.one_of(st.just(b""), pieces)), min_size=1, max_size=4
)
WHOLE = export(
    *(
        conversation(
            f"r{room}",
            joined("nina"),
            *(message("nina", n, f"some word{room * 100 + n:04} &amp; more") for n in range(5)),
        )
        for room in range(3)
    )
)


def all_said(raw: bytes, options: Options) -> bytes:
    """Everything that reading gave, as bytes; the export itself where it was set aside whole."""
    try:
        items, refused = read(Vantage(), raw, options)
    except Quarantine:
        return raw
    return repr(items).encode() + b"".join(one.raw for one in refused)


def mutate(raw: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    for where, length, piece in changes:
        at = int(where * len(raw))
        raw = raw[:at] + piece + raw[at + length :]
    return raw


@settings(max_examples=300, deadline=None)
@given(mutations, st.sampled_from([Options(), SMALL_PARTS, Options(per="message")]))
def test_no_word_of_a_damaged_vantage_export_is_lost(
    changes: list[tuple[float, int, bytes]], options: Options
) -> None:
    raw = mutate(WHOLE, changes)
    lost = set(TOKEN.findall(raw)) - set(TOKEN.findall(all_said(raw, options)))
    assert not lost


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(WHOLE)), st.sampled_from([Options(), SMALL_PARTS]))
def test_no_word_of_a_vantage_export_that_was_cut_off_is_lost(length: int, options: Options) -> None:
    raw = WHOLE[:length]
    assert set(TOKEN.findall(raw)) <= set(TOKEN.findall(all_said(raw, options)))


@settings(max_examples=200, deadline=None)
@given(st.lists(pieces, max_size=30))
def test_any_bytes_are_read_by_vantage_or_refused(parts: list[bytes]) -> None:
    all_said(b"".join(parts), SMALL_PARTS)
    all_said(WHOLE[:400] + b"".join(parts), SMALL_PARTS)


@pytest.mark.parametrize(
    "hostile",
    [
        "<!--" * 100_000,
        "<![CDATA[" * 50_000,
        "<a>" * 50_000,
        "<LoginName>" * 50_000,
        "&#x" * 100_000,
        "<a '" * 50_000,
    ],
    ids=lambda hostile: hostile[:12],
)
def test_hostile_repetition_in_a_vantage_export_costs_no_more_than_its_length(hostile: str) -> None:
    room = conversation("r1", joined("nina"), message("nina", 1, "word0000"), message("nina", 2, "@"))
    for raw in (export(room + hostile + room), export(room.replace("@", hostile))):
        assert b"word0000" in all_said(raw, Options())
