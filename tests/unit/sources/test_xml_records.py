from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.commsarchive.sources import xml_records, xml_window
from include.commsarchive.sources.base import Chunk, Options
from tests.unit.sources.ib_xml import SOURCE, START, conversation, export, message, move, read, user

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

NINA = user("OAKES7")
HELLO = message(NINA, START, "hello")
RECORDS = [
    conversation(HELLO),
    conversation(HELLO, attributes=""),
    conversation(HELLO, attributes=' Perspective="a > b"'),
    conversation(HELLO, "<!-- </Conversation> -->", HELLO),
    conversation(message(NINA, START, "x").replace(">x<", "><![CDATA[</Conversation> <Conversation >]]><")),
    conversation(HELLO).replace("</Conversation>", "</Conversation >"),
    conversation(HELLO).replace("Conversation>", "CONVERSATION>").replace("<Conversation ", "<CONVERSATION "),
    conversation(message(NINA, START, "wow!" * 40)),
]
EMPTY = conversation(room="CHAT-1")
HARMLESS = ["", "\n \n", "<!-- <Conversation> -->", "<?pi <Conversation ?>", "<NextFile>a.xml1</NextFile>"]
STRANGERS = ["words", "<Summary><Count>1</Count></Summary>", "\0\0", "</Conversation>", "<Conversations/>"]
layouts = st.lists(
    st.tuples(st.sampled_from(RECORDS), st.sampled_from(HARMLESS), st.sampled_from(["", *STRANGERS])),
    max_size=8,
)


@pytest.fixture(scope="module", autouse=True)
def _small_window() -> Iterator[None]:
    """Read little at a time, so that every cut of the input between two reads occurs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xml_window, "BLOCK", 700)
        patch.setattr(xml_records, "BLOCK", 1500)
        patch.setattr(xml_window, "_HEAD", 300)
        patch.setattr(xml_records, "_ENOUGH", 300)
        yield


@settings(max_examples=150, deadline=None)
@given(layouts)
def test_every_record_is_cut_out_once_and_every_stranger_refused_with_its_bytes(
    layout: list[tuple[str, str, str]],
) -> None:
    items, refused = read(export(*(record + harmless + stranger for record, harmless, stranger in layout)))
    assert len(items) == len(layout)
    assert not [item.marks for item in items if item.marks]
    expected = "".join(stranger for _, _, stranger in layout)
    assert b"".join(one.raw for one in refused).decode().replace("\n", "") == expected
    assert {one.reason for one in refused} <= {"not-a-record"}


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=4),
    st.integers(1, 5),
    st.sampled_from([900, 2500, 9000]),
)
def test_parts_hold_every_event_once_in_order_within_the_limits(
    sizes: list[int], most: int, max_bytes: int
) -> None:
    rooms = []
    for room, size in enumerate(sizes):
        said = [message(NINA, START + n, f"said {n}", room=f"CHAT-{room}") for n in range(size)]
        rooms.append(conversation(move(NINA, START, room=f"CHAT-{room}"), *said, room=f"CHAT-{room}"))
    items, refused = read(export(*rooms), Options(max_events=most, max_bytes=max_bytes))
    assert refused == []
    for room, size in enumerate(sizes):
        parts = [item for item in items if item.thread == f"CHAT-{room}"]
        texts = [event.text for item in parts for event in item.events]
        assert texts == ["", *(f"said {n}" for n in range(size))]
        assert [item.part for item in parts] == ([0] if len(parts) == 1 else list(range(1, len(parts) + 1)))
        assert all(len(item.events) <= most for item in parts)


def test_a_later_part_knows_who_was_there_before() -> None:
    events = [message(user(f"P{n}", own=False), START + n, "x") for n in range(6)]
    items, _ = read(export(conversation(*events)), Options(max_events=2))
    assert [sorted(p.name for p in (item.sender, *item.to) if p) for item in items] == [
        [f"F P{n}" for n in range(most)] for most in (2, 4, 6)
    ]


class _Endless(io.RawIOBase):
    """One conversation of so many events, made as it is read."""

    def __init__(self, events: int, text: str) -> None:
        head, _, self._tail = conversation("@").encode().partition(b"@")
        self._ready = b"<FileDump><Version>1.9</Version>" + head
        self._event = (message(NINA, START, text) + "\n").encode()
        self._left = events

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        while len(self._ready) < len(view) and self._left:
            self._ready += self._event
            self._left -= 1
            if not self._left:
                self._ready += self._tail + b"</FileDump>"
        block, self._ready = self._ready[: len(view)], self._ready[len(view) :]
        view[: len(block)] = block
        return len(block)


def test_a_conversation_of_any_length_takes_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_window, "BLOCK", 1 << 16)
    stream = cast(BinaryIO, io.BufferedReader(_Endless(20_000, "x" * 200)))
    tracemalloc.start()
    events = 0
    for chunk in SOURCE.chunks("a.xml", stream, Options(max_events=500)):
        assert isinstance(chunk, Chunk)
        events += chunk.raw.count(b"<Message")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert events == 20_000
    assert peak < 2 << 20


def test_an_event_beyond_all_limits_is_refused_in_pieces_and_the_others_read() -> None:
    small = [message(NINA, START + n, f"said {n}") for n in range(4)]
    huge = message(NINA, START + 2, "x" * 100_000)
    options = Options(max_bytes=5000)
    items, refused = read(export(conversation(*small[:2], huge, *small[2:]), conversation(HELLO)), options)
    assert [event.text for item in items for event in item.events] == [
        *(f"said {n}" for n in range(4)),
        "hello",
    ]
    assert {one.reason for one in refused} == {"event-too-large"}
    assert max(len(one.raw) for one in refused) < 10_000
    assert b"".join(one.raw for one in refused).decode().strip() == huge


def test_a_record_that_swallows_the_next_one_costs_neither() -> None:
    items, refused = read(export(conversation(HELLO).replace("</Conversation>", ""), conversation(HELLO)))
    assert [len(item.events) for item in items] == [1, 1]
    assert refused == []
    assert items[0].marks[0].startswith("repaired: ")
    assert not items[1].marks


def test_places_are_offsets_of_the_clear_text() -> None:
    raw = export(conversation(HELLO), "strange\n", EMPTY)
    _, refused = read(raw)
    places = [f"byte {raw.index(what):,}" for what in (b"strange", EMPTY.encode())]
    assert [one.place[one.place.index("byte") :] for one in refused] == places
