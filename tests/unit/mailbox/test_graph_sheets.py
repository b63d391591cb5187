"""A mail of any size becomes messages that are not too large, and nothing of it is lost."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from include.commsarchive.mailbox.graph.letter import BODY_HEADER
from include.commsarchive.mailbox.graph.sheets import split, with_body_attached
from include.commsarchive.model import Mail, MailPart
from tests.letters import make_mail


def part(number: int, size: int) -> MailPart:
    content = hashlib.shake_256(bytes([number])).digest(size)
    return MailPart(f"f{number}.bin", "application/octet-stream", size, lambda: io.BytesIO(content))


def content(one: MailPart) -> bytes:
    with one.open() as stream:
        read = stream.read()
    assert len(read) == one.size
    return read


def files(mail: Mail) -> dict[str, MailPart]:
    return {one.name: one for one in mail.attachments}


@settings(deadline=None)
@given(st.lists(st.integers(0, 350), max_size=8), st.integers(1, 100))
def test_every_byte_of_every_file_is_in_some_message_and_no_message_has_too_many(
    sizes: list[int], room: int
) -> None:
    parts = tuple(part(number, size) for number, size in enumerate(sizes))
    first, *others = split(replace(make_mail("x"), attachments=parts), room)
    assert len(first.attachments) == len(parts)
    whole = {name: one for name, one in files(first).items() if not name.endswith(".where.txt")}
    assert sum(one.size for one in whole.values()) <= room
    further: dict[str, tuple[MailPart, str]] = {}
    for mail in others:
        assert 0 < sum(one.size for one in mail.attachments) <= room
        further |= {name: (one, mail.message_id) for name, one in files(mail).items()}
    for one in parts:
        if one.name in whole:
            assert content(whole[one.name]) == content(one)
            continue
        note = content(files(first)[f"{one.name}.where.txt"]).decode()
        named = re.findall(r"^(\S+)  (\d+) bytes  in message <(.+)>$", note, re.MULTILINE)
        assert b"".join([content(further[name][0]) for name, _, _ in named]) == content(one)
        assert [identifier for _, _, identifier in named] == [further[name][1] for name, _, _ in named]
        assert hashlib.sha256(content(one)).hexdigest() in note
        assert ("join the parts" in note) is (len(named) > 1)
        for name, _, _ in named:
            del further[name]
    assert further == {}


@settings(deadline=None)
@given(st.lists(st.integers(0, 350), max_size=6), st.integers(1, 100))
def test_further_messages_are_told_apart_and_belong_to_the_first(sizes: list[int], room: int) -> None:
    mail = replace(make_mail("x"), attachments=tuple(part(n, size) for n, size in enumerate(sizes)))
    first, *others = split(mail, room)
    assert first.message_id == mail.message_id
    assert len({one.message_id for one in (first, *others)}) == len(others) + 1
    assert all(one.references[-1] == mail.message_id for one in others)
    assert all((one.at, one.sender, one.to) == (mail.at, mail.sender, mail.to) for one in others)
    assert split(mail, room)[0].text == mail.text


def test_a_mail_that_fits_stays_as_it_is() -> None:
    mail = replace(make_mail("x"), attachments=(part(0, 60), part(1, 40)))
    assert split(mail, 100) == [mail]


def test_a_body_becomes_the_first_file_and_a_header_says_so() -> None:
    mail = replace(make_mail("x"), html="<p>ü", attachments=(part(0, 5),))
    moved = with_body_attached(mail)
    assert content(moved.attachments[0]) == "<p>ü".encode()
    assert moved.attachments[1:] == mail.attachments
    assert moved.html == ""
    assert "attached file" in moved.text
    plain = with_body_attached(make_mail("x"))
    assert content(plain.attachments[0]) == make_mail("x").text.encode()
    headers = [dict(one.headers)[BODY_HEADER] for one in (moved, plain)]
    assert headers == [moved.attachments[0].name, plain.attachments[0].name]
