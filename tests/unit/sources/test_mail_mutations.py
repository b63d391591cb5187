"""Whatever a mail or mailbox file holds, it is read or refused: never a crash, never a silent loss."""

from __future__ import annotations

import hashlib
import io
import re
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.commsarchive.errors import Quarantine
from include.commsarchive.message.stage import stage
from include.commsarchive.model import Item, Refused
from include.commsarchive.sources.base import Chunk, Options, Stored
from include.commsarchive.sources.registry import SOURCES

MAIL = SOURCES["mbox"]
ORDINARY = Options()
TOKEN = re.compile(rb"word[0-9]{4}")
FRAGMENTS = (
    *("\n", "\r\n", "\n\n", "--b1", "--b1--", "From ", ":", ";", "=", "=?", "?=", "<", ">", "@", "\0", " "),
    *("Content-Type: multipart/mixed; boundary=b1\n", "Content-Transfer-Encoding: base64\n", "\n--b1\n"),
    *(
        "Content-Type: message/rfc822\n\n",
        "X-MS-Journal-Report:\n",
        "Date: \n",
        "From x Wed Mar 13 12:00:00 2024\n",
    ),
)
pieces = st.one_of(st.sampled_from(FRAGMENTS).map(str.encode), st.binary(min_size=1, max_size=4))
mutations = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 60), st.one_of(st.just(b""), pieces)), min_size=1, max_size=4
)


def mail(number: int) -> str:
    return f"""From nina Wed Mar 13 12:00:00 2024
From: Nina word{number:02}00 <nina@quill.example>
To: rufus@halden.example, zoe@quill.example
Date: Wed, 13 Mar 2024 12:00:00 +0100
Subject: word{number:02}01
Message-ID: <m{number}@quill.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b1"

--b1
Content-Type: text/plain; charset=utf-8

Hello word{number:02}02
--b1
Content-Type: text/plain; name="note word{number:02}03.txt"
Content-Disposition: attachment; filename="note word{number:02}03.txt"

inside word{number:02}04
--b1--

"""


WHOLE = "".join(mail(number) for number in range(3)).encode()


def all_said(raw: bytes, options: Options = ORDINARY) -> bytes:
    """Everything that reading gave, as bytes: items and their files, what was refused, or all of it."""
    said: list[bytes] = []
    stored: dict[str, Stored] = {}
    for member in MAIL.members("box", io.BytesIO(raw)):
        assert not isinstance(member, Refused)
        content = member[1].read()
        stored[member[0]] = Stored(hashlib.sha256(content).hexdigest(), len(content))
        said.append(content)
    try:
        for chunk in MAIL.chunks("box", io.BytesIO(raw), options):
            for one in MAIL.parse(chunk, stored, options) if isinstance(chunk, Chunk) else [chunk]:
                said.append(one.raw if isinstance(one, Refused) else repr(stage(one, MAIL)).encode())
                events = one.events if isinstance(one, Item) else []
                assert all(event.attachment.blob for event in events if event.attachment)
    except Quarantine:
        return raw
    return b"".join(said)


def mutate(raw: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    for where, length, piece in changes:
        at = int(where * len(raw))
        raw = raw[:at] + piece + raw[at + length :]
    return raw


@settings(max_examples=300, deadline=None)
@given(mutations)
def test_no_word_of_a_damaged_mailbox_is_lost(changes: list[tuple[float, int, bytes]]) -> None:
    raw = mutate(WHOLE, changes)
    assert set(TOKEN.findall(raw)) <= set(TOKEN.findall(all_said(raw)))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(WHOLE)))
def test_no_word_of_a_mailbox_that_was_cut_off_is_lost(length: int) -> None:
    raw = WHOLE[:length]
    assert set(TOKEN.findall(raw)) <= set(TOKEN.findall(all_said(raw)))


@settings(max_examples=200, deadline=None)
@given(st.lists(pieces, max_size=30))
def test_any_bytes_are_read_as_mail_or_refused(parts: list[bytes]) -> None:
    all_said(b"".join(parts))
    all_said(WHOLE[:300] + b"".join(parts), Options(max_bytes=1024))


@pytest.mark.parametrize(
    "hostile",
    [
        "--b1\n" * 20_000,
        "From " * 50_000,
        "=?" * 50_000,
        "<" * 50_000,
        "a@" * 20_000,
        '"' * 50_000,
        "(" * 2_000,
    ],
    ids=lambda hostile: hostile[:6].strip(),
)
def test_hostile_repetition_in_a_mail_costs_no_more_than_its_length(hostile: str) -> None:
    for where in (b"rufus@halden", b"Hello", b"word0001"):
        raw = WHOLE.replace(where, hostile.encode() + where, 1)
        assert b"word0202" in all_said(raw)


def test_a_line_that_only_begins_with_from_ends_no_mail() -> None:
    raw = WHOLE.replace(b"Hello", b"\nFrom now on it is Hello")
    (chunk,) = MAIL.chunks("box", io.BytesIO(raw), Options())
    assert isinstance(chunk, Chunk)
    items = [one for one in MAIL.parse(chunk, {}, Options()) if isinstance(one, Item)]
    assert [item.subject for item in items] == ["word0001", "word0101", "word0201"]


def test_a_large_mail_is_read_with_little_memory() -> None:
    line = b"QUJD" * 19 + b"\n"
    head = WHOLE.partition(b"--b1--")[0]
    attached = b"--b1\nContent-Type: application/zip; name=big.zip\nContent-Transfer-Encoding: base64\n\n"
    raw = head + attached + line * (4 * 1024 * 1024 // len(line)) + b"--b1--\n"
    stream = io.BytesIO(raw)
    tracemalloc.start()
    try:
        for member in MAIL.members("box", stream):
            assert not isinstance(member, Refused)
            while member[1].read(65536):
                pass
        list(MAIL.chunks("box", stream, Options()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1024 * 1024
