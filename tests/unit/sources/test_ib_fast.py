"""The fast reader tells the same as the ordinary one, and is used for what is ordinary."""

from __future__ import annotations

from unittest import mock
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.commsarchive.model import Item, Refused
from include.commsarchive.sources.instant_bloomberg import source as module
from include.commsarchive.sources.instant_bloomberg.fast import read_plain
from include.commsarchive.sources.instant_bloomberg.files import Files
from tests.unit.sources.ib_xml import ROOM, START, conversation, export, message, move, read, times, user

NINA, RUFUS = user("OAKES7"), user("RPELL2", own=False)
OTHERS = [
    f"<Invite>{user('OAKES7', tag='Inviter')}{user('MTAN9', tag='Invitee')}{times(START + 5)}</Invite>",
    f"<History>{NINA}{times(START + 6)}<StartTimeUTC>1</StartTimeUTC><EndTimeUTC>2</EndTimeUTC></History>",
    f"<Attachment>{NINA}{times(START + 7)}<FileName>a.pdf</FileName><FileID>1</FileID></Attachment>",
    f"<SwitchRoomMode><ModeType>Private</ModeType>{user('OAKES7', tag='Initiator')}</SwitchRoomMode>",
    f"<SystemMessage>{NINA}{times(START + 8)}<Content>note</Content></SystemMessage>",
    message(NINA, START + 9, "x").replace("</Message>", "<New>1</New></Message>"),
    message(NINA, START + 9, "x", attributes=' New="1"'),
    message(user("OAKES7", more="<Desk>RATES</Desk>"), START, "desk"),
    message(NINA, START + 9, "elsewhere", room="CHAT-2"),
]
NAMESAKE = NINA.replace("oakes7@quillbrook", "others@quillbrook")
STRANGE = [
    message(NAMESAKE, START, "the same first letters, another person"),
    message(NINA, START, "x").replace("</Message>", "</ParticipantLeft>"),
    "<RoomName>Rates</RoomName>",
    "stray",
    message(NINA, START, "x").replace(">x<", "><![CDATA[</Message>]]><"),
    message(NINA, START, "x").replace(">x<", ">a ]]> b<"),
    message(NINA, START, "x").replace(">x<", ">a & b<"),
    message(NINA, START, "x").replace(">x<", ">a \0 b<"),
    message(NINA, START, "x").replace(">x<", ">a \r\n b<"),
    message(NINA, START, "x").replace(">x<", ">&#65;&#x42;<"),
    message(NINA, START, "x").replace(str(START), "soon"),
    message(NINA, START, "x").replace("20:05:00", "16:05:00"),
    message(NINA, START, "x").replace("03/13/2024", "99/99/2024"),
    message(NINA, START, "x").replace("03/13/2024", "03/1392024"),
    message(NINA.replace("</User>", "<!-- </User> --></User>"), START, "x"),
    "<Message/>",
    "<!-- a comment -->",
]
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.sampled_from(
        ["*** QUILL (1) Disclaimer: no", "[Bloomberg created note: Remains logged in.]", "\n two\n", ""]
    ),
)
said = st.builds(
    lambda who, at, text, attributes: message(who, START + at, "@", attributes=attributes).replace(
        "@<", escape(text) + "<"
    ),
    st.sampled_from([NINA, RUFUS]),
    st.integers(0, 90_000),
    texts,
    st.sampled_from(
        ["", ' InteractionType="N"', ' InteractionType = "NH" DeviceType="M"', ' DeviceType="T"']
    ),
)
moved = st.builds(
    move,
    st.sampled_from([NINA, RUFUS]),
    st.integers(START, START + 99),
    st.sampled_from(["ParticipantEntered", "ParticipantLeft"]),
)
events = st.lists(st.one_of(said, moved, st.sampled_from(OTHERS), st.sampled_from(STRANGE)), max_size=8)


def slowly(raw: bytes) -> tuple[list[Item], list[Refused]]:
    with mock.patch.object(module, "read_plain", return_value=None):
        return read(raw)


@settings(max_examples=300, deadline=None)
@given(events, st.booleans())
def test_both_readers_tell_the_same(happened: list[str], pretty: bool) -> None:
    room = conversation(*happened)
    raw = export(room.replace("><", ">\n<") if pretty else room)
    assert read(raw) == slowly(raw)


@pytest.mark.parametrize(
    "happened", [*OTHERS, message(NINA, START, "<GO> & so on ½ 東京"), move(RUFUS, START)]
)
def test_what_is_ordinary_or_nearly_so_is_read_fast(happened: str) -> None:
    raw = conversation(message(RUFUS, START, "before"), happened, message(NINA, START + 60, "after")).encode()
    fast = read_plain(raw, {}, Files({}))
    assert fast is not None
    assert len(fast.events) == 3
    assert fast.room == ROOM


@pytest.mark.parametrize("happened", STRANGE)
def test_what_is_strange_is_left_to_the_ordinary_reader_or_told_the_same(happened: str) -> None:
    raw = export(conversation(message(RUFUS, START, "before"), happened, message(NINA, START + 60, "after")))
    assert read(raw) == slowly(raw)
    assert b"before" in raw


def test_unindenting_is_the_same_in_both() -> None:
    text = "\n      one\n        two\n    "
    raw = export(conversation(message(NINA, START, text)))
    pretty = (
        raw.replace(b"<Conv", b"  <Conv")
        .replace(b"<RoomID", b"\n    <RoomID")
        .replace(b"<LoginName", b"\n      <LoginName")
    )
    items, _ = read(pretty)
    assert items == slowly(pretty)[0]
    assert items[0].events[0].text == "one\n  two"
    assert read(raw)[0][0].events[0].text == text
