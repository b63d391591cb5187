"""Whatever an export of Bloomberg mail holds, it is read or refused: no crash, no silent loss."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.commsarchive.errors import Quarantine
from include.commsarchive.message.stage import stage
from include.commsarchive.sources.base import Options
from tests.unit.sources.bloomberg_message_xml import (
    MEG,
    NINA,
    RUFUS,
    SOURCE,
    WEN,
    disclaimer,
    dump,
    message,
    read,
    to,
)

SMALL = Options(max_bytes=2000)
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
        "<!--",
        "&#0;",
        "&lt",
        "\0",
        "\r",
        "\n",
        "<?",
    ),
    *("<Message>", "</Message>", "<UserInfo>", "</UserInfo>", "<MsgBody>", "</MsgBody>", "<GO>", "<Sender/>"),
    *(
        "</FileDump>",
        "<Version>",
        "</Subject>",
        "<Message/>",
        "<Disclaimer>",
        "<WebLog>",
        "xmlns:a=",
        "<a:b>",
    ),
)
pieces = st.one_of(st.sampled_from(FRAGMENTS).map(str.encode), st.binary(min_size=1, max_size=4))
mutations = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 60), st.one_of(st.just(b""), pieces)), min_size=1, max_size=4
)
blog = (
    "<WebLog AccessType='P'><LogID>4711</LogID><CreateTimeUTC>1710360900</CreateTimeUTC>"
    f"<Publisher>{NINA}</Publisher><Subject>word0090</Subject><Posting><EntryID>1</EntryID>"
    f"<DateTimeUTC>1710360960</DateTimeUTC><Publisher>{WEN}</Publisher><Content>word0091</Content></Posting>"
    "<AccessControl><Changed><PreviousAccessType>word0092</PreviousAccessType></Changed></AccessControl></WebLog>\n"
)
WHOLE = dump(
    message("word0001 & <more>", recipients=to(NINA) + to(WEN, "BCC"), subject="word0002"),
    message("word0003", number=2, sender=NINA, recipients=to(MEG), head=f"<OnBehalfOf>{WEN}</OnBehalfOf>"),
    message(
        "word0004\n  word0005",
        number=3,
        sender=MEG,
        recipients=to(NINA, more="<ForwardedBy>word0006</ForwardedBy>"),
        files="<Attachment><FileName>word0007.pdf</FileName><FileID>x</FileID></Attachment>"
        "<Attachment><Reference>word0008</Reference></Attachment>",
        tail="<DisclaimerReference>12</DisclaimerReference><Greeting>word0009</Greeting>",
    ),
    disclaimer("12", "Terms"),
    blog,
)


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
    for item in items:
        stage(item, SOURCE)
    return repr(items).encode() + b"".join(one.raw for one in refused)


def test_the_export_that_is_damaged_below_is_read_whole() -> None:
    items, refused = read(WHOLE)
    assert (len(items), refused) == (4, [])
    assert set(TOKEN.findall(WHOLE)) <= set(TOKEN.findall(all_said(WHOLE, Options())))


@settings(max_examples=300, deadline=None)
@given(mutations, st.sampled_from([Options(), SMALL]))
def test_no_word_of_a_damaged_export_of_mail_is_lost(
    changes: list[tuple[float, int, bytes]], options: Options
) -> None:
    raw = mutate(WHOLE, changes)
    assert set(TOKEN.findall(raw)) <= set(TOKEN.findall(all_said(raw, options)))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(WHOLE)), st.sampled_from([Options(), SMALL]))
def test_no_word_of_an_export_of_mail_that_was_cut_off_is_lost(length: int, options: Options) -> None:
    raw = WHOLE[:length]
    assert set(TOKEN.findall(raw)) <= set(TOKEN.findall(all_said(raw, options)))


@settings(max_examples=300, deadline=None)
@given(st.lists(pieces, max_size=30))
def test_any_bytes_are_read_or_refused_as_mail(parts: list[bytes]) -> None:
    raw = b"".join(parts)
    for start in (
        b"",
        b"<FileDump><Version>MSGXML 1.6</Version><Message>",
        b"<FileDump><Version>BLOGXML 0.2</Version><WebLog>",
    ):
        all_said(start + raw, SMALL)


@settings(max_examples=200, deadline=None)
@given(mutations)
def test_a_damaged_dictionary_gives_texts_or_nothing(changes: list[tuple[float, int, bytes]]) -> None:
    raw = mutate(dump(disclaimer("1", "one"), disclaimer("2", "two"), disclaimer("3", "three")), changes)
    try:
        texts = list(SOURCE.dictionary("a.dscl.240314.xml", io.BytesIO(raw)))
    except Quarantine:
        return
    assert all(name and text for name, text in texts)


@pytest.mark.parametrize(
    "hostile",
    [
        *("<!--" * 200_000, "<![CDATA[" * 100_000, "<?" * 200_000, "<a>" * 100_000, "</Message " * 50_000),
        *("<UserInfo>" * 50_000, "<a '" * 100_000, "&#x" * 100_000, "<Message " * 20_000, "Re:" * 100_000),
        "".join(f"<p{n}:a>" for n in range(20_000)),
        "<Foo>" * 50_000 + "</Foo>" * 50_000,
        "<Recipient>" * 2_000 + "</Recipient>" * 2_000,
        "<Recipient><UserInfo>" * 50_000,
    ],
    ids=lambda hostile: hostile[:12],
)
def test_hostile_repetition_in_mail_costs_no_more_than_its_length(hostile: str) -> None:
    mail = message("word0000", sender=RUFUS, subject="@")
    for raw in (
        dump(mail).replace(b"<Version>", hostile.encode() + b"<Version>"),
        dump(mail + hostile + mail),
        dump(mail.replace("</Message>", hostile + "</Message>", 1)),
        dump(mail.replace("@", hostile)),
        dump(mail.replace("word0000", f"word0000{hostile}")),
    ):
        assert b"word0000" in all_said(raw, Options())
