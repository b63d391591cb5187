"""What cannot be mended without loss is refused with its bytes."""

from __future__ import annotations

import pytest

from include.commsarchive.errors import Quarantine
from include.commsarchive.sources.base import Options
from include.commsarchive.sources.xml_reading import read_mended
from tests.unit.sources.ib_xml import START, conversation, export, message, read, user

NINA, RUFUS = user("OAKES7"), user("RPELL2", own=False)
FIRST, SECOND = message(NINA, START, "one"), message(RUFUS, START + 1, "two")

FUSED = FIRST[: FIRST.index("BROOK")] + FIRST[FIRST.index("one") :] + SECOND.replace("<Mess", "<Mess-")


@pytest.mark.parametrize(
    "damaged",
    [
        FIRST.replace("</Message>", ""),
        FIRST[: FIRST.index("</User>")] + FIRST[FIRST.index("one") :],
        FIRST[: FIRST.index("BROOK")] + FIRST[FIRST.index("one") :],
        FIRST[: FIRST.index("BROOK")] + SECOND[SECOND.index("two") :],
        FUSED,
        FIRST.replace("one", f"on{SECOND}e</Content>"),
        FIRST.replace("one", "o</all>ne"),
    ],
    ids=[
        "nested",
        "no end of user",
        "text in a name",
        "two made one",
        "two fused",
        "one in another",
        "text behind the end",
    ],
)
def test_a_conversation_that_would_lose_something_is_refused_whole(damaged: str) -> None:
    room = conversation(damaged, SECOND)
    items, refused = read(export(room, conversation(SECOND)))
    assert [(one.reason, one.raw.decode()) for one in refused] == [("malformed", room)]
    assert [event.text for item in items for event in item.events] == ["two"]


def test_an_element_nested_absurdly_deep_keeps_its_words() -> None:
    deep = "<Deep>" * 5000 + "words" + "</Deep>" * 5000
    items, refused = read(export(conversation(FIRST.replace("</Message>", f"{deep}</Message>"))))
    assert refused == []
    assert items[0].events[0].residue == "words"


def test_what_stands_where_only_text_belongs_is_kept() -> None:
    odd = FIRST.replace("<Content>one", '<Content lang="en"><b>one</b>').replace(
        "<User>", '<User kind="bot">'
    )
    items, refused = read(export(conversation(odd).replace("<RoomID>", '<RoomID kind="x">')))
    assert refused == []
    event = items[0].events[0]
    assert (event.text, event.residue) == ("one", 'kind="bot" <Content lang="en"><b>one</b></Content>')
    assert ("RoomID kind", "x") in items[0].facts


def test_a_parser_that_drops_text_is_not_believed() -> None:
    with pytest.raises(Quarantine, match="without losing some of it"):
        read_mended(b"<a>one</a></all>two", "", {"a", "all"})


@pytest.mark.parametrize("typed", ["a <!-- b & c", "a <![CDATA[ b & c"])
def test_a_section_that_somebody_typed_and_never_ended_is_text(typed: str) -> None:
    items, refused = read(export(conversation(FIRST.replace("one", typed), SECOND)))
    assert refused == []
    assert [event.text for event in items[0].events] == [typed, "two"]
    assert items[0].marks == ("repaired: lone < escaped; lone & escaped",)


def test_a_person_who_had_to_be_mended_is_known_in_later_parts() -> None:
    odd = user("R&D7", own=False)
    events = [message(odd, START, "x"), *(message(NINA, START + n, "y") for n in (1, 2))]
    items, _ = read(export(conversation(*events)), Options(max_events=2))
    assert [[person.name for person in item.to] for item in items] == [["F OAKES7"], ["F R&D7"]]
