"""Mails that are chats: FX Connect's, and Global Relay's style."""

from __future__ import annotations

import hashlib
import io
import random
from pathlib import Path

import pytest

from include.commsarchive.message.stage import revision
from include.commsarchive.model import Item, Kind
from include.commsarchive.sources.base import Chunk, Options, Stored
from include.commsarchive.sources.registry import SOURCES

GOLDEN = Path(__file__).parents[2] / "golden"
CHAT = (GOLDEN / "eml" / "global-relay-chat" / "export.eml").read_bytes()


def read(source: str, raw: bytes) -> Item:
    reader, stored = SOURCES[source], dict[str, Stored]()
    for member in reader.members("x.eml", io.BytesIO(raw)):
        assert isinstance(member, tuple)
        content = member[1].read()
        stored[member[0]] = Stored(hashlib.sha256(content).hexdigest(), len(content))
    (chunk,) = reader.chunks("x.eml", io.BytesIO(raw), Options())
    assert isinstance(chunk, Chunk)
    (item,) = reader.parse(chunk, stored, Options())
    assert isinstance(item, Item), item
    return item


def test_a_retention_mail_and_its_journalled_copy_are_one_item_in_one_revision() -> None:
    plain, journalled = (
        read("fx_connect", (GOLDEN / "fx_connect" / case / "export.eml").read_bytes())
        for case in ("retention-mail", "journalled")
    )
    assert plain.native_ids == journalled.native_ids
    assert revision(plain) == revision(journalled)


def test_whoever_only_the_journal_names_makes_a_revision() -> None:
    raw = (GOLDEN / "fx_connect" / "journalled" / "export.eml").read_bytes()
    more = raw.replace(
        b"To: nina@quill.example\n--outer", b"To: nina@quill.example\nBcc: zoe@quill.example\n--outer"
    )
    assert more != raw
    one, other = read("fx_connect", raw), read("fx_connect", more)
    assert one.native_ids == other.native_ids
    assert revision(one) != revision(other)
    assert [person.address for person in other.bcc] == ["zoe@quill.example"]


def test_a_chat_in_a_mail_has_what_was_said_when_it_was_said_by_whom() -> None:
    item = read("eml", CHAT)
    assert item.event_class == "Conversation"
    said = [(event.at, event.who and event.who.name, event.text) for event in item.events]
    assert (1_710_360_030_000, "nina", "bid 99-16 & offered <GO>\n  for 5mm") in said
    assert [event.at for event in item.events] == sorted(event.at for event in item.events)


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_chat_is_a_chat_or_a_mail_and_loses_nothing(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    at = rng.randrange(CHAT.index(b"<h2>Conversation"), CHAT.index(b"Exported on"))
    piece = rng.choice([b"", b"<", b"<b>", b"</span>", b'<li class="message">', b"</li>", b"&", b'"', b"\n"])
    raw = CHAT[:at] + piece + CHAT[at + rng.choice([0, 1, 8]) :]
    item = read("eml", raw)
    kept = [event.attachment.blob for event in item.events if event.attachment]
    assert hashlib.sha256(raw).hexdigest() in kept
    messages = sum(event.kind not in {Kind.JOIN, Kind.LEAVE} and bool(event.text) for event in item.events)
    if item.event_class == "Conversation":
        assert messages == 9
    else:
        assert "bid 99-16" in item.events[0].text
        assert any("kept as a mail" in mark for mark in item.marks)
