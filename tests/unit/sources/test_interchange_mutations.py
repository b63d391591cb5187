"""Whatever a file of Persistent Chat or DIG holds, it is read or refused: never a crash, never a loss."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.commsarchive.errors import Quarantine
from include.commsarchive.sources.base import Options
from include.commsarchive.sources.registry import SOURCES
from tests.unit.sources.test_vantage_mutations import mutate
from tests.unit.sources.vantage_xml import START, read

SMALL_PARTS = Options(max_events=3, max_bytes=2000)
OPTIONS = st.sampled_from([Options(), SMALL_PARTS, Options(per="message")])
TOKEN = re.compile(rb"word[0-9]{4}")


def persistent_chat(rooms: int, messages: int) -> bytes:
    """An export in which everything said has a word of its own."""

    def message(number: int) -> str:
        return (
            f'<Message type="CHAT" content="some word{number:04} &amp; more" id="{number}">'
            '<Sender UserName="Nina" id="7" email="nina@quill.example" uri="nina@quill.example"/>'
            f'<DateTimeUTC since1970="{START + number}"/></Message>\n'
        )

    def room(number: int) -> str:
        said = "".join(message(number * 100 + n) for n in range(messages))
        channel = f'<Channel uri="ma-chan://q/{number}" name="r"/>'
        return f"<Conversation>{channel}<Messages>{said}</Messages></Conversation>\n"

    return f"<Conversations>\n{''.join(room(n) for n in range(rooms))}</Conversations>\n".encode()


def dig(rooms: int, messages: int) -> bytes:
    """The same as a transcript."""
    space = "http://dig.apc.xmlns.commons.platform.actiance.com/itm/interaction/transcript/1.0"

    def event(number: int) -> str:
        return (
            f'<i:text-event text-event-id="e{number}"><i:text-object><i:text-object-id>o{number}'
            "</i:text-object-id><i:text-object-style>normal message</i:text-object-style>"
            '<i:event-time timestamp="2024-03-13T20:05:30.000Z"/><i:participant-id>p1</i:participant-id>'
            f'<i:text-content content-type="text/plain">some word{number:04} &amp; more</i:text-content>'
            "</i:text-object></i:text-event>\n"
        )

    def room(number: int) -> str:
        said = "".join(event(number * 100 + n) for n in range(messages))
        return (
            f'<i:interaction interaction-event-id="{number}"><i:communication-object-id>c{number}'
            '</i:communication-object-id><i:participants><i:participant participant-id="p1"><i:user-info>'
            "<i:email-address>nina@quill.example</i:email-address></i:user-info></i:participant></i:participants>"
            f"<i:text-events>{said}</i:text-events></i:interaction>\n"
        )

    body = "".join(room(n) for n in range(rooms))
    return f'<i:transcript xmlns:i="{space}" id="t1">\n{body}</i:transcript>\n'.encode()


WHOLE = {"persistent_chat": persistent_chat(3, 5), "dig": dig(3, 5)}
TAGS = {
    "persistent_chat": ("Conversation", "Messages", "Message", "Sender", "DateTimeUTC", "Conversations"),
    "dig": (
        "i:interaction",
        "i:text-events",
        "i:text-event",
        "i:text-content",
        "i:participants",
        "i:transcript",
    ),
}
ODD = ("<", ">", "&", "/", '"', "</", "/>", "]]>", "<![CDATA[", "&#0;", "\0", "\n", "<?", "a:")


def pieces(name: str) -> st.SearchStrategy[bytes]:
    tags = [f"{start}{tag}>" for tag in TAGS[name] for start in ("<", "</")]
    return st.one_of(st.sampled_from([*ODD, *tags]).map(str.encode), st.binary(min_size=1, max_size=4))


def mutations(name: str) -> st.SearchStrategy[list[tuple[float, int, bytes]]]:
    change = st.tuples(st.floats(0, 1), st.integers(0, 60), st.one_of(st.just(b""), pieces(name)))
    return st.lists(change, min_size=1, max_size=4)


def all_said(name: str, raw: bytes, options: Options) -> bytes:
    """Everything that reading gave, as bytes; the export itself where it was set aside whole."""
    try:
        items, refused = read(SOURCES[name], raw, options)
    except Quarantine:
        return raw
    return repr(items).encode() + b"".join(one.raw for one in refused)


@pytest.mark.parametrize("name", WHOLE)
@settings(max_examples=250, deadline=None)
@given(data=st.data(), options=OPTIONS)
def test_no_word_of_a_damaged_interchange_file_is_lost(
    name: str, data: st.DataObject, options: Options
) -> None:
    raw = mutate(WHOLE[name], data.draw(mutations(name)))
    lost = set(TOKEN.findall(raw)) - set(TOKEN.findall(all_said(name, raw, options)))
    assert not lost


@pytest.mark.parametrize("name", WHOLE)
@settings(max_examples=150, deadline=None)
@given(share=st.floats(0, 1), options=OPTIONS)
def test_no_word_of_an_interchange_file_that_was_cut_off_is_lost(
    name: str, share: float, options: Options
) -> None:
    raw = WHOLE[name][: int(share * len(WHOLE[name]))]
    assert set(TOKEN.findall(raw)) <= set(TOKEN.findall(all_said(name, raw, options)))


@pytest.mark.parametrize("name", WHOLE)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_bytes_are_read_as_interchange_or_refused(name: str, data: st.DataObject) -> None:
    junk = b"".join(data.draw(st.lists(pieces(name), max_size=30)))
    all_said(name, junk, SMALL_PARTS)
    all_said(name, WHOLE[name][:600] + junk, SMALL_PARTS)


@pytest.mark.parametrize("name", WHOLE)
def test_parts_of_a_long_interchange_record_hold_every_event_once(name: str) -> None:
    makers = {"persistent_chat": persistent_chat, "dig": dig}
    whole, _ = read(SOURCES[name], makers[name](1, 50), Options())
    parts, refused = read(SOURCES[name], makers[name](1, 50), SMALL_PARTS)
    assert len(parts) > 10
    assert refused == []
    assert [event.text for one in parts for event in one.events] == [event.text for event in whole[0].events]
    assert all(one.sender and one.sender.corporate_address == "nina@quill.example" for one in parts)


TEXT = '<i:text-object><i:event-time timestamp=""/><i:participant-id></i:participant-id><i:text-content>'
"""The beginning of a usual text of DIG's."""


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize(
    "hostile",
    [
        "<!--" * 100_000,
        "<![CDATA[" * 50_000,
        "<a>" * 50_000,
        "<Messages>" * 50_000,
        "&#x" * 100_000,
        "<a '" * 50_000,
        "<i:participant >" * 30_000,
        f"<i:text-event>{TEXT}<![CDATA[" * 5_000,
        '<Message type="CHAT" content="' * 30_000,
        '<Message type="CHAT" content="" id="1"><Sender ' * 30_000,
    ],
    ids=lambda hostile: hostile[:18],
)
def test_hostile_repetition_in_an_interchange_file_costs_no_more_than_its_length(
    name: str, hostile: str
) -> None:
    for place in (b"word0001", b"</i:text-events>" if name == "dig" else b"</Messages>"):
        raw = WHOLE[name].replace(place, hostile.encode() + place, 1)
        assert b"word0000" in all_said(name, raw, Options())
