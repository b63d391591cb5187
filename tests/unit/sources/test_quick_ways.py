"""What is of the usual shape is read a quick way: it must come out as the careful way reads it."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import pytest

from bench.dumps import DUMPS, make_dump
from bench.parsers import source_for
from include.commsarchive.model import Item, Refused
from include.commsarchive.sources.base import Chunk, Options
from tests.unit.sources.golden_exports import kept, names
from tests.unit.sources.golden_exports import read as golden

NEVER = r"(?!)"
QUICK = {
    "bloomberg_message": ("bloomberg_message.source.usual_mail", lambda *_: None),
    "vantage": ("xml_chats.read_usual", lambda *_: None),
    "persistent_chat": ("xml_chats.read_usual", lambda *_: None),
    "dig": ("xml_chats.read_usual", lambda *_: None),
    "own_csv": ("own_files.delimited._Reader._alone", lambda *_: None),
    "own_jsonl": ("own_files.json_rows._usual", lambda _: None),
    "own_xml": ("own_files.xml_rows._sound", lambda raws, *_: [None] * len(raws)),
    "symphony_events": ("symphony.messageml._is_div", lambda _: False),
}
"""The quick way of a format, and what leaves it out."""
PIECES = (
    *(
        b"<",
        b"</",
        b">",
        b'"',
        b"&",
        b"&amp;",
        b"&#10;",
        b" ",
        b"\n",
        b"x",
        b"]]>",
        b"<!--",
        b"-->",
        b"0",
        b"{",
    ),
    *(
        b"<![CDATA[",
        b"<?",
        b"?>",
        b"\r\n",
        b"\r",
        b"\t",
        b"\0",
        b"\xff",
        b"&#39;",
        b"&#1;",
        b"&nbsp;",
        b"zz:",
        b"itm:",
    ),
    *(b' xmlns="u"', b"CC", b"<Messages>", b"PART", b'<taken-out.7f3a_ from="0" to="1"/>'),
    *(b'"room": "x", ', b"<Extra>1</Extra>", b' a="1"', b"UpdatedType", b"<b>", b"</b>", b"true", b"message"),
)
Say = list[Item | Refused]
TAKEN_OUT = ("bloomberg_message", "dig", "persistent_chat", "vantage")
"""Formats of which `xml_usual` takes out what is usual."""
A_THING = re.compile(
    rb"<(itm:participant|itm:text-event|Message|FirstMessage|Sender|Recipient|ParticipantLeft)[ >].*?</\1>",
    re.DOTALL,
)
AROUND = (
    *(
        (b"<!--", b"-->"),
        (b"<![CDATA[", b"]]>"),
        (b"<?x ", b"?>"),
        (b"<Foo a='", b"'/>"),
        (b"<Foo>", b"</Foo>"),
    ),
    *(
        (b"text", b""),
        (b"", b"<!-- note -->"),
        (b"<Messages>", b"</Messages>"),
        (b"<Message>", b"</Message>"),
    ),
    *(
        (b"<Sender>", b"</Sender>"),
        (b"<zz:a>", b"</zz:a>"),
        (b"<Foo xmlns='u'>", b"</Foo>"),
        (b"<x><![CDATA[", b""),
    ),
)


@pytest.fixture(params=sorted(QUICK))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def dump(kind: str, tmp_path: Path) -> bytes:
    make_dump(kind, 60, tmp_path / "dump")
    return (tmp_path / "dump").read_bytes()


def read(kind: str, raw: bytes, folder: Path) -> Say:
    (folder / "damaged").write_bytes(raw)
    reader = source_for(kind)
    said: Say = []
    with (folder / "damaged").open("rb") as stream:
        for chunk in reader.chunks(DUMPS[kind].name, stream, Options()):
            said += reader.parse(chunk, {}, Options()) if isinstance(chunk, Chunk) else [chunk]
    return said


def damaged(raw: bytes, seed: int) -> bytes:
    """Change a few places behind the head, which tells the format."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(2_000, len(raw))
        raw = raw[:at] + rng.choice(PIECES) + raw[at + rng.choice((0, 0, 1, 7)) :]
    return raw


@contextmanager
def without_quick_way(kind: str) -> Iterator[None]:
    name, instead = QUICK[kind]
    with pytest.MonkeyPatch.context() as patch:
        target = f"include.commsarchive.sources.{name}"
        patch.setattr(target, re.compile(NEVER) if instead is None else instead)
        yield


def test_a_whole_export_is_read_the_same_both_ways(kind: str, dump: bytes, tmp_path: Path) -> None:
    quick = read(kind, dump, tmp_path)
    with without_quick_way(kind):
        assert read(kind, dump, tmp_path) == quick


def test_a_damaged_export_is_read_the_same_both_ways(kind: str, dump: bytes, tmp_path: Path) -> None:
    for seed in range(60):
        raw = damaged(dump, seed)
        quick = read(kind, raw, tmp_path)
        with without_quick_way(kind):
            assert read(kind, raw, tmp_path) == quick, seed


@pytest.mark.parametrize("kind", TAKEN_OUT)
def test_a_thing_in_a_strange_place_is_read_the_same_both_ways(
    kind: str, dump: bytes, tmp_path: Path
) -> None:
    things = [found.span() for found in A_THING.finditer(dump) if found.start() > 2_000]
    for (before, after), (start, end) in product(AROUND, things[:: len(things) // 8]):
        for raw in (
            dump[:start] + before + dump[start:end] + after + dump[end:],
            dump[:start] + before + dump[slice(*things[0])] + after + dump[start:],
        ):
            quick = read(kind, raw, tmp_path)
            with without_quick_way(kind):
                assert read(kind, raw, tmp_path) == quick, (before, start)


@pytest.mark.parametrize(
    ("kind", "usual", "odd"),
    [
        ("vantage", rb"(</Message>)", rb"\1<taken-out.7f3a_/>"),
        ("vantage", rb"(<Content>)", rb"<ConversationID>elsewhere</ConversationID>\1"),
        ("vantage", rb"(<LoginName>)", rb"<LoginName>twice</LoginName>\1"),
        ("bloomberg_message", rb"(?s)(<Sender>.*?</Sender>)", rb"\1\1"),
        ("bloomberg_message", rb"(?s)(<Sender)(>.*?</Sender>)", rb"\1 a='1'\2\1\2"),
        ("bloomberg_message", rb"(?s)<UserInfo>.*?</UserInfo>", rb"<UserInfo>\n</UserInfo>"),
        ("bloomberg_message", rb"</UserInfo>", rb"<Desk>1</Desk></UserInfo>"),
        ("bloomberg_message", rb"(<MsgBody>)", rb"<Attachment><FileID>1</FileID></Attachment>\n\1"),
        ("bloomberg_message", rb"(<MsgBody>)", rb"<Attachment/>text\1"),
        ("bloomberg_message", rb"(?s)(<Sender>)(.*?)(</Sender>)", rb"<OnBehalfOf>\2</OnBehalfOf>\1\2\3"),
        ("bloomberg_message", rb"(?s)(<MsgTimeUTC>.*?</MsgTimeUTC>)(.*?)(<Subject>)", rb"\2\1\3"),
        ("bloomberg_message", rb"(?s)(<DisclaimerRef.*?)(<Greeting.*?)(</Message>)", rb"\2\1\3"),
        ("bloomberg_message", rb"(?s)(<Subject>.*?</Subject>)(.*?)(</Message>)", rb"\2\1\3"),
        ("bloomberg_message", rb"(?s)(<Greeting>.*?</Greeting>)", rb"\1\1"),
        ("bloomberg_message", rb"<Subject>", rb"<Subject><b/>"),
        ("persistent_chat", rb"(?s)(<FirstMessage.*?</FirstMessage>)(\s*<Messages>)", rb"\1\2\1"),
        (
            "persistent_chat",
            rb"(?s)<(FirstMessage)(.*?</)\1(>\s*<Messages>)",
            rb"<\1\2\1\3<Message\2Message>",
        ),
        ("persistent_chat", rb"(?s)<(FirstMessage)(.*?)( uri=)", rb"<\1\2 desk='1'\3"),
        ("persistent_chat", rb"<Sender ", rb"<Senders "),
        ("persistent_chat", rb"(<Sender )", rb"\1desk='1' "),
        ("persistent_chat", rb'since1970="1', rb'since1970="2'),
        ("dig", rb"text-content content", rb"text-contents content"),
        ("dig", rb"(participant-id>p)[0-9]+<", rb"\g<1>x<"),
        ("dig", rb"(?s)(<itm:participant .*?</itm:participant>)(.*?<itm:text-events>)", rb"\2\1"),
        ("dig", rb"itm:text-object-style", rb"zz:text-object-style"),
        ("own_csv", rb"\n(1-1),", rb'\n"\1",'),
        ("own_csv", rb"\n(1-1),", rb'\n\1"",'),
        ("own_csv", rb"\n(1-1,)", rb'\n"\1'),
        ("own_csv", rb"\n(1-1,)", rb"\r\1\r\n\n,,,,,,\n"),
        ("own_jsonl", rb'("body": )', rb'\1"first", \1'),
        ("own_jsonl", rb'("body": )', rb'"\\u0062ody": "first", \1'),
        ("own_jsonl", rb'("body": ")', rb"\1\\ud800"),
        ("own_jsonl", rb'("body": )', rb'"price": 1.50, "size": -0, "far": 1e999, \1'),
        ("own_jsonl", rb'("body": )', rb'"inner": {"a": [1.0, {"b": true}], "a": 2}, \1'),
        ("own_jsonl", rb'("body": )', rb'"inner": %b%b, \1' % (b"[" * 600, b"]" * 600)),
        ("own_jsonl", rb'("body": )', rb'"number": %b, \1' % (b"7" * 5000)),
    ],
)
def test_what_only_looks_usual_is_read_the_same_both_ways(
    kind: str, usual: bytes, odd: bytes, dump: bytes, tmp_path: Path
) -> None:
    raw = re.sub(usual, odd, dump, count=1)
    assert raw != dump
    quick = read(kind, raw, tmp_path)
    with without_quick_way(kind):
        assert read(kind, raw, tmp_path) == quick


@pytest.mark.parametrize("name", [name for name in names() if name.startswith(TAKEN_OUT)])
def test_the_careful_way_alone_reads_goldens_as_expected(name: str) -> None:
    with without_quick_way(name.partition("/")[0]):
        assert golden(name) == kept(name)


@pytest.mark.parametrize("kind", TAKEN_OUT)
def test_what_a_program_writes_is_read_the_quick_way(kind: str, dump: bytes, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("include.commsarchive.sources.bloomberg_message.source.read_records", None)
        patch.setattr("include.commsarchive.sources.xml_chats._chats", None)
        assert read(kind, dump, tmp_path)
