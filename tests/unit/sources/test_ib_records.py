"""What cannot be mended without loss is refused with its bytes."""

from __future__ import annotations

import pytest

from tests.unit.sources.ib_xml import START, conversation, export, message, read, user

NINA, RUFUS = user("OAKES7"), user("RPELL2", own=False)
FIRST, SECOND = message(NINA, START, "one"), message(RUFUS, START + 1, "two")


@pytest.mark.parametrize(
    "damaged",
    [
        FIRST.replace("</Message>", ""),
        FIRST[: FIRST.index("</User>")] + FIRST[FIRST.index("one") :],
        FIRST[: FIRST.index("BROOK")] + FIRST[FIRST.index("one") :],
        FIRST[: FIRST.index("BROOK")] + SECOND[SECOND.index("two") :],
        FIRST.replace("one", "o</all>ne"),
    ],
    ids=["nested", "no end of user", "text in a name", "two made one", "text behind the end"],
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
