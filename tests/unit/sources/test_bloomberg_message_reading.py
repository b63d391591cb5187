from __future__ import annotations

import io

import pytest

from include.commsarchive.errors import Quarantine
from include.commsarchive.message.stage import stage
from include.commsarchive.model import Kind
from include.commsarchive.sources.base import Chunk, Options
from tests.unit.sources.bloomberg_message_xml import (
    MEG,
    NINA,
    RUFUS,
    SOURCE,
    chunks,
    disclaimer,
    dump,
    message,
    read,
    to,
    user,
)


def test_a_mail_to_thousands_is_one_item_with_everybody() -> None:
    crowd = "".join(to(user("F", f"L{n}", f"F{n}@Bloomberg.net"), "BCC") for n in range(6000))
    raw = dump(message("run", recipients=crowd), message("next", number=2))
    items, refused = read(raw, Options(max_events=10))
    assert refused == []
    assert [len(item.bcc) for item in items] == [6000, 0]


def test_a_mail_beyond_the_limit_is_refused_in_pieces_with_all_its_bytes_and_the_others_read() -> None:
    big = message("lost? " * 1000, number=2)
    items, refused = read(dump(message("one"), big, message("three", number=3)), Options(max_bytes=3000))
    assert [item.native_ids[0][-1] for item in items] == ["1", "3"]
    assert {one.reason for one in refused} <= {"message-too-large", "event-too-large"}
    assert b"".join(one.raw for one in refused).count(b"lost? ") == 1000


def test_chunks_are_read_alone_as_in_another_process() -> None:
    raw = dump(*(message(f"{n} " + "x" * 4000, number=n) for n in range(2500)))
    pieces = chunks(raw)
    assert len(pieces) > 1
    found = [
        item
        for piece in reversed(pieces)
        if isinstance(piece, Chunk)
        for item in SOURCE.parse(piece, {}, Options())
    ]
    assert len(found) == 2500


def test_columns_of_a_body_stay_below_each_other_in_text_and_markup() -> None:
    (item,), _ = read(dump(message("BOND        BID\nT 4 34     99-16")))
    staged = stage(item, SOURCE)
    first, second = (line for line in staged.text.splitlines() if "BOND" in line or "99-16" in line)
    assert first.index("BOND") == second.index("T 4 34")
    assert "BOND" + " &#160;" * 4 + "BID" in staged.html.replace("\n", "")
    assert "<td class=g>" in staged.html


def test_a_reference_is_named_as_such_and_is_no_missing_file() -> None:
    raw = dump(message("x", files="<Attachment><Reference>RUNZ READONLY 1</Reference></Attachment>"))
    (item,), _ = read(raw)
    staged = stage(item, SOURCE)
    assert "RUFUS PELL shared (reference, no file): RUNZ READONLY 1" in staged.text
    assert staged.attachments == ()


def test_a_disclaimer_is_joined_from_what_is_known_and_counted_as_no_item() -> None:
    raw = dump(message("x", tail="<DisclaimerReference>07</DisclaimerReference>"), disclaimer("07", "Terms."))
    texts = {name: (text,) for name, text in SOURCE.dictionary("a.xml", io.BytesIO(raw))}
    (item,), refused = read(raw, Options(texts=texts))
    assert [event.text for event in item.events if event.kind is Kind.DISCLAIMER] == ["Terms."]
    assert refused == []


def test_a_dictionary_in_another_format_is_refused() -> None:
    with pytest.raises(Quarantine, match="no export of Bloomberg mail"):
        list(SOURCE.dictionary("a.xml", io.BytesIO(b"<FileDump><Version>IBXML 1.3</Version></FileDump>")))


def test_the_same_mail_has_the_same_identity_whoever_received_it() -> None:
    (one,), _ = read(dump(message("x", sender=RUFUS, recipients=to(NINA))))
    (other,), _ = read(dump(message("x", sender=RUFUS, recipients=to(NINA) + to(MEG))))
    assert one.native_ids == other.native_ids
    assert stage(one, SOURCE).revision != stage(other, SOURCE).revision
