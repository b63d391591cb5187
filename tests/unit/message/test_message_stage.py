from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import msgspec
import pytest

from include.commsarchive import ids
from include.commsarchive.errors import Quarantine
from include.commsarchive.message import stage as stage_module
from include.commsarchive.message.stage import revision, stage
from include.commsarchive.model import Attachment, Event, Item, Kind, StagedItem
from tests.unit.message.people import GONE, NINA, OMAR, PDF, RUFUS, SHORT, START, ZOE, Source, conversation


def test_identity_class_counts_and_files_are_those_of_the_item() -> None:
    item = conversation()
    staged = stage(item, Source())
    assert staged.key == ids.item_key("instant_bloomberg", item.native_ids)
    assert staged.message_class == "IPM.NOTE.InstantBloomberg.Conversation"
    assert staged.item_class == "ipm.externaldata.instantbloomberg"
    assert staged.attachments == (PDF, GONE, SHORT)
    assert staged.counts["message"] == 8
    assert sum(staged.counts.values()) == len(item.events)
    assert set(staged.counts) == {kind.value for kind in Kind}
    assert staged.people == (NINA, RUFUS, item.to[1], OMAR)


def test_who_is_neither_sender_nor_recipient_takes_part_all_the_same() -> None:
    staged = stage(replace(conversation(), to=(RUFUS,), others=(("Original sender", ZOE),)), Source())
    assert staged.people == (NINA, RUFUS, OMAR, ZOE)
    assert "ZOË MÜLLER | QUILL BROOK CAPITAL" in staged.text
    assert "| internal | Original sender" in staged.text


def test_somebody_in_two_capacities_is_shown_with_both() -> None:
    staged = stage(replace(conversation(), others=(("On behalf of", RUFUS),)), Source())
    assert "| external | To, On behalf of" in staged.text


def test_blind_copies_alone_are_recipients_enough() -> None:
    item = replace(conversation(), to=(), cc=(), bcc=(RUFUS,))
    assert stage(item, Source()).bcc == (RUFUS,)
    with pytest.raises(Quarantine, match="recipient"):
        stage(replace(item, cc=(), bcc=()), Source())


def test_a_staged_item_survives_a_line_of_a_shard() -> None:
    staged = stage(conversation(), Source())
    assert msgspec.json.decode(msgspec.json.encode(staged), type=StagedItem) == staged


def test_the_revision_is_known_so_that_a_release_cannot_change_it_by_accident() -> None:
    # A changed revision files every item of a repeated day a second time.
    assert revision(conversation()) == "591f5138d62ba1e99ab58ef2d74094d6"


def test_the_revision_knows_nothing_of_looks_and_remarks(monkeypatch: pytest.MonkeyPatch) -> None:
    before = stage(conversation(), Source()).revision
    monkeypatch.setattr(stage_module, "render", lambda item, source: ("other", "looks"))
    assert stage(replace(conversation(), marks=("repaired: in other words",)), Source()).revision == before


def test_people_made_anew_for_every_event_give_the_same_revision() -> None:
    item = conversation()
    copied = [replace(e, who=replace(e.who) if e.who else None) for e in item.events]
    assert revision(replace(item, events=copied)) == revision(item)


CHANGES: dict[str, Any] = {
    "thread": "another",
    "subject": "another",
    "event_class": "Message",
    "at": START + 1,
    "sender": OMAR,
    "to": (RUFUS,),
    "cc": (),
    "bcc": (RUFUS,),
    "events": [],
    "part": 3,
    "facts": (),
    "others": (("On behalf of", RUFUS),),
}


@pytest.mark.parametrize("name", CHANGES)
def test_any_change_of_an_item_is_another_revision(name: str) -> None:
    item = conversation()
    assert revision(replace(item, **{name: CHANGES[name]})) != revision(item)


def test_every_field_of_an_item_is_accounted_for() -> None:
    elsewhere = {"source", "native_ids", "marks", "references"}  # in the key, ours, or made of the rest
    assert {one.name for one in fields(Item)} == set(CHANGES) | elsewhere


@pytest.mark.parametrize(
    "other",
    [
        Event(Kind.EDIT, START, RUFUS, "hello"),
        Event(Kind.MESSAGE, START + 1, RUFUS, "hello"),
        Event(Kind.MESSAGE, START, NINA, "hello"),
        Event(Kind.MESSAGE, START, None, "hello"),
        Event(Kind.MESSAGE, START, RUFUS, "hello "),
        Event(Kind.MESSAGE, START, RUFUS, "hello", other=NINA),
        Event(Kind.MESSAGE, START, RUFUS, "hello", attachment=PDF),
        Event(Kind.MESSAGE, START, RUFUS, "hello", window=(1, 2)),
        Event(Kind.MESSAGE, START, RUFUS, "hello", marks=("mobile",)),
        Event(Kind.MESSAGE, START, RUFUS, "hello", residue="<x/>"),
    ],
)
def test_any_change_of_an_event_is_another_revision(other: Event) -> None:
    item = replace(conversation(), events=[Event(Kind.MESSAGE, START, RUFUS, "hello")])
    assert revision(replace(item, events=[other])) != revision(item)


@pytest.mark.parametrize("name", [one.name for one in fields(Attachment)])
def test_any_change_of_a_file_is_another_revision(name: str) -> None:
    change: dict[str, Any] = {name: 7 if "size" in name else "changed"}
    first, second = (
        replace(conversation(), events=[Event(Kind.FILE, START, RUFUS, attachment=file)])
        for file in (PDF, replace(PDF, **change))
    )
    assert revision(first) != revision(second)


def test_text_that_moves_from_one_event_to_the_next_is_another_revision() -> None:
    def said(*texts: str) -> str:
        return revision(
            replace(conversation(), events=[Event(Kind.MESSAGE, START, RUFUS, one) for one in texts])
        )

    assert len({said("ab", "c"), said("a", "bc"), said("abc", ""), said('a","b', "c"), said("abc")}) == 5


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sender": None}, "missing-from"),
        ({"to": (), "cc": ()}, "missing-to"),
        ({"at": None}, "missing-date"),
        ({"at": 10**15}, "missing-date"),
        ({"at": -(10**14)}, "missing-date"),
        ({"event_class": ""}, "missing-messageclass"),
    ],
)
def test_an_item_that_lacks_a_mandatory_property_is_quarantined_by_name(
    change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Quarantine) as caught:
        stage(replace(conversation(), **change), Source())
    assert caught.value.reason == reason
    assert "NINA" not in str(caught.value)


def test_a_source_without_a_message_class_is_quarantined() -> None:
    class Nameless(Source):
        message_class = ""

    with pytest.raises(Quarantine) as caught:
        stage(conversation(), Nameless())
    assert caught.value.reason == "missing-messageclass"


def test_an_item_without_events_is_staged() -> None:
    staged = stage(replace(conversation(), events=[]), Source())
    assert staged.counts == {}
    assert "NINA OAKES" in staged.text
