"""Messages of the usual shape are read a quick way: it must come out as the careful way reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.commsarchive.model import Item, Kind, Refused
from include.commsarchive.sources.base import Options
from include.commsarchive.sources.symphony import Symphony, usual
from tests.unit.sources.symphony_events import START, lines, sent, user
from tests.unit.sources.vantage_xml import read

INITIATOR = {"initiator": {"user": user("nina")}}
SHAPE = {
    "data": "{}",
    "userAgent": "DESKTOP-40",
    "externalRecipients": False,
    "originalFormat": "com.symphony.messageml.v2",
    "sid": "sid-1",
    "silent": None,
    "disclaimer": "Not <b>advice</b>",
}
RECORDS = [
    INITIATOR | sent(n, "nina" if n % 2 else "tobias", f"some  <b>word</b> {n}", f"room{n % 3}", **SHAPE)
    for n in range(6)
]
FIELDS = (
    *("id", "messageId", "timestamp", "type", "initiator", "payload", "message", "user", "stream", "members"),
    *("userId", "email", "username", "company", "own", "streamId", "streamType", "roomName", "crossPod"),
    *("external", "recipientTenantIds", "replacing", "parentMessageId", "attachments", "diagnostic", "x"),
    *("replacedBy", "initialMessageId", "initialTimestamp"),
    *SHAPE,
)
VALUES: tuple[Any, ...] = (
    *(None, "", "x", " {} ", '":', "\u00fc", "\x1e", "<div>a\tb</div>", "<div>  a  b</div> ", "iPhone"),
    *("a/b+c==", "a%2Fb", "room1", "room1-1", "*@x", "a*b@quill.example", "Nina@quill.example"),
    *(True, False, 0, 7, -1, 1.5, 10**20, START, START * 1000, str(START), START + 0.0),
    *([], {}, [user("zoe")], user("zoe", 7), [{"id": "f1", "name": "a.txt", "size": 3, "images": []}]),
)
_MESSAGE = "payload messageSent message"
PLACES = (
    *("", "initiator", "initiator user", "payload", "payload messageSent", _MESSAGE),
    *(f"{_MESSAGE} user", f"{_MESSAGE} stream"),
)
separators = st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :")])
ends = st.sampled_from(["\n", "\r\n", "\n\n", " \n ", ",\n", "\n{}\n", ""])
changes = st.tuples(st.sampled_from(PLACES), st.sampled_from(FIELDS), st.sampled_from(VALUES))
FITS_MOST = Options(max_bytes=len(json.dumps(RECORDS[1])))
OPTIONS = st.sampled_from(
    [Options(), Options(max_events=2, max_bytes=2000), Options(per="message"), FITS_MOST]
)


def changed(number: int, place: str, field: str, value: object) -> dict[str, Any]:
    """Set a field of a record to what it seldom is."""
    record: dict[str, Any] = json.loads(json.dumps(RECORDS[number]))
    inner = record
    for key in place.split():
        inner = inner[key]
    inner[field] = value
    return record


@contextmanager
def nothing_usual() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(usual, "_stream", lambda _: None)
        yield


def same_both_ways(raw: bytes, options: Options) -> tuple[list[Item], list[Refused]]:
    quick = read(Symphony(), raw, options)
    with nothing_usual():
        assert read(Symphony(), raw, options) == quick
    return quick


@pytest.mark.parametrize("place", PLACES)
def test_a_field_of_any_kind_is_read_the_same_both_ways(place: str) -> None:
    for field in FIELDS:
        odd = [changed(number % 3, place, field, value) for number, value in enumerate(VALUES)]
        records = [record for one in odd for record in (one, RECORDS[5])]
        same_both_ways(lines(*records, *odd), Options())


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 5) | changes, max_size=12), separators, st.booleans(), ends, OPTIONS)
def test_files_of_any_form_are_read_the_same_both_ways(
    order: list[int | tuple[str, str, Any]],
    marks: tuple[str, str],
    as_ascii: bool,
    end: str,
    options: Options,
) -> None:
    records = [RECORDS[one] if isinstance(one, int) else changed(1, *one) for one in (0, *order)]
    told = [json.dumps(one, separators=marks, ensure_ascii=as_ascii) for one in records]
    same_both_ways(end.join(told).encode() + b"\n", options)


def test_plain_messages_take_the_quick_way() -> None:
    assert all(usual.usual(json.dumps(one).encode()) for one in RECORDS)


@pytest.mark.parametrize(
    "twice",
    [
        b'"id": "e1", ',
        b'"sid": "sid-1", ',
        b'"messageId": "room1-1", ',
        b'"displayName": "Nina", ',
        b'"streamType": "ROOM", ',
        b'"diagnostic": "x", "diagnostic": "\\u0022\\u0022\\u0022\\u0022", ',
    ],
)
def test_a_usual_message_with_a_key_twice_is_refused_alone(twice: bytes) -> None:
    plain = lines(*RECORDS)
    at = plain.index(twice[: twice.index(b":")].replace(b"diagnostic", b"sid"), plain.index(b"\n"))
    raw = plain[:at] + twice + plain[at:]
    items, refused = same_both_ways(raw, Options())
    assert [one.raw for one in refused] == [raw.splitlines()[1]]
    said = [event for item in items for event in item.events if event.kind is Kind.MESSAGE]
    assert len(said) == len(RECORDS) - 1


def test_the_masked_address_that_came_last_counts_both_ways() -> None:
    place = f"{_MESSAGE} user"
    masked = [changed(1, place, "email", f"{letter}***@quill.example") for letter in "aba"]
    same_both_ways(lines(*masked), Options())


def test_a_message_that_came_twice_is_told_whichever_way_it_was_read() -> None:
    one = RECORDS[1]
    odd = {**one, "extra": 1}
    (item,), _ = same_both_ways(lines(one, odd, {**odd, "extra": 2}, one), Options())
    assert item.marks == ("delivered more than once (records: 3)",)
