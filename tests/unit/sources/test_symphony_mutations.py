"""Whatever a delivery of Symphony's holds, it is read or refused: never a crash, never a silent loss."""

from __future__ import annotations

import io
import json
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from include.commsarchive.errors import Quarantine
from include.commsarchive.model import Refused
from include.commsarchive.sources.base import Options
from include.commsarchive.sources.symphony import Symphony
from include.commsarchive.sources.symphony.messageml import text_of
from tests.unit.sources.symphony_events import lines, mail, sent
from tests.unit.sources.test_vantage_mutations import mutate
from tests.unit.sources.test_zip_members import packed
from tests.unit.sources.vantage_xml import read

SMALL_PARTS = Options(max_events=2, max_bytes=2000)
OPTIONS = st.sampled_from([Options(), SMALL_PARTS, Options(per="message")])
HOW_IT_TRAVELS = re.compile(rb"^(?:Content-|MIME-)[\w-]+:.*(?:\n[ \t].*)*", re.MULTILINE | re.IGNORECASE)
TOKEN = re.compile(rb"word[0-9]{4}")
FRAGMENTS = (
    *('"', "\\", "{", "}", "[", "]", ",", ":", "\n", "null", "\\u0000", "\0", "\x1e", "B{", '{"events":['),
    *(
        '"payload":',
        "<div>",
        "</div>",
        "<a href='x'>",
        "&",
        "--=b",
        "\n\n",
        "Content-Type: ",
        "=?utf-8?b?",
        "/",
    ),
)
pieces = st.one_of(st.sampled_from(FRAGMENTS).map(str.encode), st.binary(min_size=1, max_size=4))
mutations = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 60), st.one_of(st.just(b""), pieces)), min_size=1, max_size=4
)
RECORDS = [sent(n, "nina" if n % 2 else "tobias", f"some word{n:04}", f"room{n % 3}") for n in range(9)]
EVENTS = lines(*RECORDS)
FORMS = {
    "lines": EVENTS,
    "list": json.dumps(RECORDS, indent=1).encode(),
    "compact list": json.dumps(RECORDS).encode(),
    "page": json.dumps({"ackId": "a", "events": RECORDS}, indent=1).encode(),
}
MAIL = mail(1, "word0001 and word0002\nword0003", ("a.txt", b"word0004\nword0005"), ("b.txt", b"word0006"))


def all_said(raw: bytes, options: Options) -> bytes:
    """Everything that reading gave, as bytes; the delivery itself where it was set aside whole."""
    try:
        items, refused = read(Symphony(), raw, options)
    except Quarantine:
        return raw
    return repr(items).encode() + b"".join(one.raw for one in refused)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=150, deadline=None)
@given(changes=mutations, options=OPTIONS)
def test_no_word_of_damaged_events_is_lost(
    form: str, changes: list[tuple[float, int, bytes]], options: Options
) -> None:
    raw = mutate(FORMS[form], changes)
    lost = set(TOKEN.findall(raw)) - set(TOKEN.findall(all_said(raw, options)))
    assert not lost


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=100, deadline=None)
@given(share=st.floats(0, 1), options=OPTIONS)
def test_no_word_of_events_that_were_cut_off_is_lost(form: str, share: float, options: Options) -> None:
    raw = FORMS[form][: int(share * len(FORMS[form]))]
    assert set(TOKEN.findall(raw)) <= set(TOKEN.findall(all_said(raw, options)))


def said_and_attached(raw: bytes) -> bytes:
    """What a packed mail gave, its files included."""
    archive = packed(("one.eml", raw))
    files = b""
    for one in Symphony().members("x", io.BytesIO(archive)):
        files += one.raw if isinstance(one, Refused) else one[0].encode() + one[1].read()
    return all_said(archive, Options()) + files


@settings(max_examples=300, deadline=None)
@given(mutations)
@example([(0.5, 11, b""), (0.375, 48, b""), (0.34375, 0, b'"')])
def test_no_word_of_a_damaged_mail_is_lost(changes: list[tuple[float, int, bytes]]) -> None:
    raw = mutate(MAIL, changes)
    if b"base64" in raw or not raw.strip():
        return
    lost = set(TOKEN.findall(HOW_IT_TRAVELS.sub(b"", raw))) - set(TOKEN.findall(said_and_attached(raw)))
    assert not lost or refused_whole(raw)


def refused_whole(raw: bytes) -> bool:
    """Say whether the mail was set aside with its bundle, which keeps its bytes."""
    _, refused = read(Symphony(), packed(("one.eml", raw)), Options())
    return any(not one.raw for one in refused)


values: st.SearchStrategy[object] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["1710360300000", "r1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "message",
                    "stream",
                    "streamId",
                    "user",
                    "userId",
                    "email",
                    "attachments",
                    "sharedMessage",
                    "name",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
keys = st.sampled_from(
    ["payload", "type", "messageId", "v2messageType", "streamId", "timestamp", "initiator", "user"]
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(keys, values, max_size=6), values)
@example({"v2messageType": "{"}, None)
def test_records_of_any_shape_are_read_or_refused(record: dict[str, object], inner: object) -> None:
    odd = {"type": "MESSAGESENT", "payload": {"messageSent": {"message": inner, "stream": {"streamId": "r"}}}}
    for one in (record, odd, {**record, "streamId": "r1", "fromUserId": 7}):
        items, refused = read(Symphony(), lines(one), Options())
        assert len(items) + len(refused) == 1 or not any(one.values())


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(["<div>", "</a>", "<a href='h'>", "<pre>", "<", "word0001 ", "&lt;", "<li/>"]),
            st.text(max_size=4),
        )
    )
)
def test_no_word_of_bad_markup_is_lost(parts: list[str]) -> None:
    markup = "".join(parts)
    assert text_of(markup).count("word0001") == markup.count("word0001")


@pytest.mark.parametrize(
    "hostile",
    [
        *(
            "{" * 100_000,
            "[" * 100_000,
            '{"a":' * 20_000,
            '"' * 100_000,
            '{"events":[' * 10_000,
            "\\" * 100_000,
        ),
        *("{}" * 50_000, '{"a":1}\n' * 5_000, "{\n" * 50_000, '{"' * 50_000),
    ],
    ids=lambda hostile: hostile[:11].strip(),
)
def test_hostile_repetition_in_events_costs_no_more_than_its_length(hostile: str) -> None:
    raw = lines(sent(1, "nina", "word0000")) + hostile.encode() + b"\n" + lines(sent(2, "nina", "word0001"))
    assert set(TOKEN.findall(all_said(raw, Options()))) == {b"word0000", b"word0001"}


@pytest.mark.parametrize(
    "hostile", ["<a>", "<i>", "<a href='", "<pre>", "</div>", "<", "&", "<!--", "<br/>", "<li>", " "]
)
def test_hostile_repetition_in_markup_costs_no_more_than_its_length(hostile: str) -> None:
    assert "word0000" in text_of("<div>" + hostile * 100_000 + "word0000")


def test_deep_nesting_is_refused_and_what_is_around_it_read() -> None:
    deep = b'{"payload":' + b"[" * 5000 + b"]" * 5000 + b"}\n"
    items, refused = read(
        Symphony(), lines(sent(1, "nina", "a")) + deep + lines(sent(2, "nina", "b")), Options()
    )
    assert [event.text for event in items[0].events] == ["a", "b"]
    assert [one.reason for one in refused] == ["not-a-record"]


def test_a_record_beyond_all_limits_is_refused_in_pieces_and_the_others_read() -> None:
    huge = json.dumps(sent(2, "nina", "x" * 5_000_000), indent=1).encode()
    raw = lines(sent(1, "nina", "a")) + huge + b"\n" + lines(sent(3, "nina", "b"))
    items, refused = read(Symphony(), raw, Options(max_bytes=4000))
    assert [event.text for event in items[0].events] == ["a", "b"]
    assert {one.reason for one in refused} <= {"event-too-large", "not-a-record"}
    assert sum(len(one.raw) for one in refused) >= 5_000_000


@pytest.mark.parametrize("field", [b"From", b"To", b"Cc", b"Date"])
def test_a_field_that_nests_absurdly_deep_does_not_stop_its_export(field: bytes) -> None:
    hostile = field + b": " + b"(" * 20_000 + b"zoe@quill.example\n"
    raw = b"".join(
        [hostile, *(line for line in MAIL.splitlines(keepends=True) if not line.startswith(field))]
    )
    said = said_and_attached(raw)
    assert b"zoe@quill.example" in said
    assert b"word0001" in said
