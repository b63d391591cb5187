"""The JSON of a create says everything that a mail does, within Graph's sizes."""

from __future__ import annotations

import io
import json
from base64 import b64decode
from dataclasses import replace
from typing import Any

import pytest

from include.commsarchive.errors import Retriable
from include.commsarchive.mailbox.graph.letter import (
    DELIVERY_KEY,
    REQUEST_SIZE,
    Wording,
    blocks,
    create_body,
    fits,
    session_body,
)
from include.commsarchive.message.mime import head
from include.commsarchive.message.visible import header_text
from include.commsarchive.model import Address, Mail, MailPart, Retention
from tests.letters import make_mail

WORDING = Wording(head, header_text)


def written(mail: Mail) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(create_body(mail, (DELIVERY_KEY, "k"), mail.attachments, WORDING))
    return found


def properties(mail: Mail) -> dict[str, str]:
    return {one["id"]: one["value"] for one in written(mail)["singleValueExtendedProperties"]}


def part(content: bytes, name: str = "a.bin") -> MailPart:
    return MailPart(name, "application/pdf", len(content), lambda: io.BytesIO(content))


def test_a_mail_is_no_draft_is_read_and_came_when_it_was_said() -> None:
    mail = replace(make_mail("x"), at=1_710_150_123_999, message_class="IPM.NOTE.Slack.Conversation")
    found = properties(mail)
    assert found["Integer 0x0E07"] == "1"
    assert found["SystemTime 0x0E06"] == found["SystemTime 0x0039"] == "2024-03-11T09:42:03Z"
    assert found["String 0x001A"] == "IPM.NOTE.Slack.Conversation"
    assert found["String 0x007D"] == head(mail)
    assert found["String {6a0c52d4-3b1f-4f0e-9d57-c1e7a8b94e26} Name CommsarchiveDeliveryKey"] == "k"
    assert written(mail)["isRead"] is True
    assert written(mail)["internetMessageId"] == f"<{mail.message_id}>"


def test_retention_is_what_exchange_acts_on_where_the_label_is_a_guid() -> None:
    label = Retention("00112233-4455-6677-8899-aabbccddeeff", 2555)
    found = properties(replace(make_mail("x"), retention=label))
    assert b64decode(found["Binary 0x3019"]).hex() == "33221100554477668899aabbccddeeff"
    assert found["Integer 0x301A"] == "2555"
    named = properties(replace(make_mail("x"), retention=Retention("Seven years", 0)))
    assert {"Binary 0x3019", "Integer 0x301A"} & (named.keys() | properties(make_mail("x")).keys()) == set()


def test_people_stand_where_they_stood() -> None:
    ann, bob = Address("Ann", "ann@firm.example"), Address("", "bob@firm.example")
    found = written(replace(make_mail("x"), sender=bob, to=(ann, bob), cc=(bob,), bcc=(ann,)))
    as_ann = {"emailAddress": {"name": "Ann", "address": "ann@firm.example"}}
    as_bob = {"emailAddress": {"address": "bob@firm.example"}}
    assert [found[name] for name in ("from", "sender", "toRecipients", "ccRecipients", "bccRecipients")] == [
        as_bob,
        as_bob,
        [as_ann, as_bob],
        [as_bob],
        [as_ann],
    ]


def test_the_html_is_the_body_and_the_text_where_there_is_none() -> None:
    mail = make_mail("x")
    assert written(mail)["body"] == {"contentType": "text", "content": mail.text}
    assert written(replace(mail, html="<p>x"))["body"] == {"contentType": "html", "content": "<p>x"}


def test_what_no_header_can_carry_is_made_visible_on_one_line() -> None:
    mail = replace(make_mail("x"), subject="a\r\nBcc: b\ud800", attachments=(part(b"", "a\nb.txt"),))
    found = written(mail)
    assert "\n" not in found["subject"] + found["attachments"][0]["name"]
    assert found["subject"].startswith("a Bcc: b")


def test_lone_surrogates_in_bodies_do_not_stop_a_mail() -> None:
    assert written(replace(make_mail("x"), html="<p>\ud800"))["body"]["content"] == "<p>?"


def test_small_files_go_with_the_mail() -> None:
    content = bytes(range(256))
    [file] = written(replace(make_mail("x"), attachments=(part(content),)))["attachments"]
    assert b64decode(file["contentBytes"]) == content
    assert (file["name"], file["contentType"]) == ("a.bin", "application/pdf")


@pytest.mark.parametrize("sizes", [[2_600_000], [1_300_000] * 2, [1] * 5000, [0] * 6000])
def test_what_fits_keeps_the_request_below_its_limit(sizes: list[int]) -> None:
    parts = [part(bytes(size), "ä" * 40) for size in sizes]
    mail = replace(make_mail("x"), attachments=tuple(parts))
    bare = create_body(mail, (DELIVERY_KEY, "k"), (), WORDING)
    whole = create_body(mail, (DELIVERY_KEY, "k"), parts, WORDING)
    assert len(whole) <= REQUEST_SIZE or not fits(bare, parts)
    assert fits(bare, parts) is (len(sizes) < 5000)


def test_a_session_is_opened_with_name_size_and_type() -> None:
    opened = json.loads(session_body(part(bytes(3_000_001), "a.pdf"), WORDING))
    assert opened == {
        "AttachmentItem": {
            "attachmentType": "file",
            "name": "a.pdf",
            "size": 3_000_001,
            "contentType": "application/pdf",
        }
    }


@pytest.mark.parametrize("size", [1, 3, 10, 11])
def test_blocks_are_not_too_large_and_nothing_is_left_out(size: int) -> None:
    class Dribble(io.BytesIO):
        """Gives fewer bytes than were asked for, as any stream may."""

        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(2, size or 0))

    content = b"0123456789"
    found = list(blocks(MailPart("a", "x/y", 10, lambda: Dribble(content)), size))
    assert b"".join(found) == content
    assert max(map(len, found)) <= size


def test_a_file_that_is_not_what_it_was_is_not_sent() -> None:
    short = MailPart("a", "x/y", 10, lambda: io.BytesIO(b"short"))
    with pytest.raises(Retriable, match="shorter than it was"):
        list(blocks(short, 4))

    def gone() -> io.BytesIO:
        raise FileNotFoundError(2, "No such file or directory", "/secret/place")

    with pytest.raises(Retriable, match=r"staging: No such file or directory\. Run") as refused:
        list(blocks(MailPart("a", "x/y", 10, gone), 4))
    assert "secret" not in str(refused.value)
