from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from include.commsarchive.message.mime import encode
from include.commsarchive.message.visible import header_text
from include.commsarchive.model import Address, Mail, MailPart
from tests.unit.message.parsing import FIELDS, Pairs, Parsed, legacy, modern

ODD = (
    'Pell, Rufus "Ruf" (desk\\10)',
    "=?utf-8?q?x?=",
    "a =?utf-8?q?x?= b",
    "עומר חדד",
    "Zoe\u0301 \U0001f468\u200d\U0001f469\u200d\U0001f467",
    " two  spaces ",
    "Müller, Zoë",
    "a@b.example",
    "x\r\nBcc: victim@example.com",
    "nul\0tab\tend",
    "lone \ud800 surrogate",
    "undisclosed-recipients:;",
    "<oakes@x.example>",
    "O'Brien; Anne: x, y",
    "\u202egnp.exe",
    "'quoted'",
    "...",
    '"',
    "\\",
    "(",
)
texts = st.text(max_size=120) | st.sampled_from(ODD)
plain_names = texts.map(header_text).filter(
    lambda name: len(name.encode()) <= 42 and not re.search(r"\s\s", name)
)  # what the modern parser is known to get wrong is pinned below
bodies = st.text(max_size=300).map(lambda text: re.sub("[\r\ud800-\udfff]", " ", text))


def mail(
    *,
    names: list[str],
    subject: str = "s",
    text: str = "text",
    html: str = "<p>html",
    files: tuple[MailPart, ...] = (),
    headers: tuple[tuple[str, str], ...] = (),
) -> Mail:
    """Spread names over From, To, Cc and Bcc, each with an address of its own."""
    people = [Address(name, f"user.{place}@desk.example") for place, name in enumerate(names)]
    third = (len(people) + 2) // 3
    return Mail(
        message_id="key.revision@commsarchive.invalid",
        sender=people[0],
        to=tuple(people[1 : third + 1]),
        cc=tuple(people[third + 1 : 2 * third + 1]),
        bcc=tuple(people[2 * third + 1 :]),
        subject=subject,
        at=1_710_360_300_250,
        references=("room@commsarchive.invalid",),
        headers=headers,
        text=text,
        html=html,
        attachments=files,
    )


def file(name: str, media_type: str, content: bytes) -> MailPart:
    return MailPart(name, media_type, len(content), partial(io.BytesIO, content))


def written(one: Mail) -> bytes:
    """Encode a mail, and see that its lines are lines of RFC 5322."""
    raw = b"".join(encode(one))
    lines = raw.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(set(line) & set(b"\r\n\0") for line in lines)
    return raw


def shown(name: str) -> str:
    """Give the name that a header shows: a blank one is none."""
    name = header_text(name)
    return "" if name.isspace() else name


def expected(one: Mail) -> dict[str, Pairs]:
    groups = ((one.sender,), one.to, one.cc, one.bcc)
    return {
        field: [(shown(person.name), person.email) for person in group]
        for field, group in zip(FIELDS, groups, strict=True)
    }


@given(names=st.lists(texts, min_size=2, max_size=12), subject=texts)
@example(names=list(ODD), subject="x" * 2000)
@example(names=["Ünï " * 60, "word" * 100, " \xa0", "x"], subject="ä " * 400)
def test_the_legacy_parser_reads_back_every_name_address_and_subject(names: list[str], subject: str) -> None:
    one = mail(names=names, subject=subject)
    parsed = legacy(written(one))
    assert parsed.people == expected(one)
    assert parsed.subject == header_text(subject)
    assert parsed.at == 1_710_360_300
    assert parsed.defects == []


@given(names=st.lists(plain_names, min_size=2, max_size=12), subject=texts)
@example(names=[name for name in ODD if len(name.encode("utf-8", "replace")) < 40], subject="x" * 2000)
@example(names=["a", "b"], subject="ä " * 400)
def test_the_modern_parser_reads_back_the_same_without_defects(names: list[str], subject: str) -> None:
    one = mail(names=names, subject=subject)
    parsed = modern(written(one))
    assert parsed.people == expected(one)
    assert parsed.subject == header_text(subject)
    assert parsed.at == 1_710_360_300
    assert parsed.defects == []


@pytest.mark.parametrize(
    ("name", "got"),
    [
        # RFC 2047 6.2: the space between two encoded words is no part of the text.
        ("Александр Константинопольский", "Александр Константино польский"),
        ("Zoë  \xa0M", "Zoë M"),
    ],
)
def test_known_faults_of_the_modern_parser_are_not_the_mails(name: str, got: str) -> None:
    raw = written(mail(names=["S", name]))
    assert legacy(raw).people["To"] == [(name, "user.1@desk.example")]
    if sys.version_info < (3, 12):  # seen in CPython 3.11.7
        assert modern(raw).people["To"] == [(got, "user.1@desk.example")]


@pytest.mark.parametrize("read", [modern, legacy])
def test_hundreds_of_recipients_all_come_back_in_order(read: Callable[[bytes], Parsed]) -> None:
    names = [f"{('Zoë', 'Rufus', 'עומר', 'O, Neill')[n % 4]} {n}" for n in range(900)]
    one = mail(names=names)
    parsed = read(written(one))
    assert parsed.people == expected(one)
    assert parsed.defects == []


@given(text=bodies, html=bodies)
@example(text="", html="")
@example(text="x" * 998, html="y" * 999)
@example(text="line\n\n.\nFrom me\n--=_a\n", html="trailing \n\n")
@example(text="nul\0", html="é" * 2000)
def test_bodies_come_back_exactly(text: str, html: str) -> None:
    raw = written(mail(names=["a", "b"], text=text, html=html))
    for parsed in (modern(raw), legacy(raw)):
        assert parsed.bodies == {"text/plain": text, "text/html": html}
        assert parsed.defects == []


@given(
    files=st.lists(
        st.tuples(texts, st.sampled_from(("application/pdf", "text/plain", "image/png")), st.binary()),
        max_size=4,
    )
)
@example(files=[("", "", b"")])
@example(files=[("n" * 300 + ".pdf", "application/pdf", b"x" * 100), ("é" * 300, "text/plain", b"\r\n.\r\n")])
def test_attachments_come_back_with_name_type_and_bytes(files: list[tuple[str, str, bytes]]) -> None:
    raw = written(mail(names=["a", "b"], files=tuple([file(*one) for one in files])))
    want = [(header_text(name), kind or "application/octet-stream", content) for name, kind, content in files]
    assert modern(raw).files == want
    assert modern(raw).defects == []
    # `get_filename` of the legacy parser takes spaces off the ends.
    assert legacy(raw).files == [(name.strip(), kind, content) for name, kind, content in want]
    assert legacy(raw).defects == []


def test_a_large_attachment_is_streamed_in_pieces_and_comes_back() -> None:
    class Trickle(io.BytesIO):
        """Gives less than it is asked for, as sockets and decompressors do."""

        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 100_003))

    content = bytes(range(256)) * 12_000
    part = MailPart("big.bin", "application/zip", len(content), lambda: Trickle(content))
    pieces = list(encode(mail(names=["a", "b"], files=(part,))))
    assert max(map(len, pieces)) < len(content) / 10
    assert modern(b"".join(pieces)).files == [("big.bin", "application/zip", content)]


@pytest.mark.parametrize(
    "kind", ["message/rfc822", "multipart/mixed", "x", "a/b; name=c", "text/plain\r\nX-A: 1"]
)
def test_a_type_that_cannot_travel_as_base64_becomes_octet_stream(kind: str) -> None:
    raw = written(mail(names=["a", "b"], files=(file("mail.eml", kind, b"Subject: x\r\n\r\ny"),)))
    assert modern(raw).files == [("mail.eml", "application/octet-stream", b"Subject: x\r\n\r\ny")]


@given(names=st.lists(texts, min_size=2, max_size=12), subject=texts, value=texts)
def test_headers_are_ascii_folded_and_none_is_injected(names: list[str], subject: str, value: str) -> None:
    one = mail(names=names, subject=subject, headers=(("X-Commsarchive-Marks", value),))
    head = written(one).split(b"\r\n\r\n")[0].decode("ascii")
    lines = head.split("\r\n")
    fields = [line.split(":")[0] for line in lines if not line.startswith(" ")]
    people = [field for field, group in expected(one).items() if group]
    fixed = ["Subject", "Date", "Message-ID", "References", "MIME-Version", "X-Commsarchive-Marks"]
    assert fields == [*people, *fixed, "Content-Type"]
    assert all(line.strip() and line.isprintable() for line in lines)
    assert all(len(line) <= 76 for line in lines if "=?utf-8?b?" in line)


def test_a_list_of_addresses_is_written_plainly() -> None:
    head = written(mail(names=["Pell, Rufus", "Ana Reis", "Zoë", ""]))
    assert head.startswith(
        b'From: "Pell, Rufus" <user.0@desk.example>\r\n'
        b'To: "Ana Reis" <user.1@desk.example>, =?utf-8?b?Wm/Dqw==?=\r\n <user.2@desk.example>\r\n'
        b"Cc: user.3@desk.example\r\n"
        b"Subject: s\r\n"
    )


def test_recipients_that_are_all_blind_copies_are_undisclosed_to_the_reader_of_to() -> None:
    blind = replace(mail(names=["a"]), bcc=(Address("Zoe", "zoe@desk.example"),))
    head = written(blind)
    assert b'To: undisclosed-recipients:;\r\nBcc: "Zoe" <zoe@desk.example>\r\n' in head
    assert b"To:" not in written(replace(blind, bcc=()))
    assert modern(head).people["Bcc"] == [("Zoe", "zoe@desk.example")]


@given(value=texts)
def test_our_own_headers_come_back(value: str) -> None:
    raw = written(mail(names=["a", "b"], headers=(("X-Commsarchive-Marks", value),) * 2))
    for parsed in (modern(raw), legacy(raw)):
        assert parsed.headers == [("X-Commsarchive-Marks", header_text(value))] * 2


def test_encoded_words_never_cut_a_character() -> None:
    raw = written(mail(names=["\U0001f600" * 40, "b"]))
    words = re.findall(rb"=\?utf-8\?b\?[^?]+\?=", raw)
    assert len(words) > 3
    alone = [
        legacy(b"Subject: " + word + b"\r\nDate: 1 Jan 2024 00:00:00 +0000\r\n\r\n").subject for word in words
    ]
    assert "".join(alone) == "\U0001f600" * 40


@pytest.mark.parametrize(
    "bad", ["no at", "a@b\r\nBcc: x@y.example", "ä@b.example", "a b@c.example", "", "a@b, c@d"]
)
def test_an_unusable_address_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="address"):
        written(Mail("m@x", Address("a", bad), (), (), (), "", 0, (), (), "", "", ()))


@pytest.mark.parametrize("bad", ["m", "m@x>\r\nX: y", "a b@x", "<m@x>"])
def test_an_unusable_message_id_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="message id"):
        written(Mail(bad, Address("a", "a@b.example"), (), (), (), "", 0, (), (), "", "", ()))


def test_an_unusable_header_name_is_refused() -> None:
    with pytest.raises(ValueError, match="field name"):
        written(mail(names=["a", "b"], headers=(("X: y\r\nZ", "v"),)))


def test_a_body_that_holds_the_boundary_gets_another_one() -> None:
    plain = mail(names=["a", "b"])
    boundary = re.search(rb'boundary="=_a(\w+)"', written(plain))
    assert boundary
    text = f"--=_a{boundary[1].decode()}--\nafter"
    assert modern(written(mail(names=["a", "b"], text=text))).bodies["text/plain"] == text


def test_the_same_mail_always_gives_the_same_bytes() -> None:
    parts = (file("a.txt", "text/plain", b"x"),)
    assert written(mail(names=["a", "b"], files=parts)) == written(mail(names=["a", "b"], files=parts))


@pytest.mark.parametrize(
    ("at", "date"),
    [
        (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
        (-1, "Wed, 31 Dec 1969 23:59:59 +0000"),
        (951_782_400_000, "Tue, 29 Feb 2000 00:00:00 +0000"),
        (253_402_300_799_999, "Fri, 31 Dec 9999 23:59:59 +0000"),
    ],
)
def test_the_date_is_in_utc_and_english(at: int, date: str) -> None:
    one = Mail("m@x", Address("", "a@b.example"), (), (), (), "", at, (), (), "", "", ())
    assert f"\r\nDate: {date}\r\n".encode() in written(one)
