"""Texts that items name are joined from the day's files, and remembered for the days to come."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

from include.commsarchive.connector import Items
from include.commsarchive.sources.bloomberg_message import BloombergMessage
from include.commsarchive.stages.convert import convert, convert_bundle
from include.commsarchive.stages.run import Bundle, Scope
from include.commsarchive.stages.shards import rows
from tests.unit.sources.bloomberg_message_xml import disclaimer, dump, message
from tests.unit.stages.small_world import World, small_world

MAIL, TERMS = "f1.msg.240313.xml", "f1.dscl.240313.xml"
BUNDLE = Bundle("f1.msg.240313", (TERMS, MAIL))
NAMED = dump(message("hello", tail="<DisclaimerReference>07</DisclaimerReference>"))


def mailed(world: World, day: int, *terms: tuple[str, str]) -> str:
    """Convert a day with one mail that names disclaimer 07; give the mail's text."""
    scope = a_day(world, day)
    files = [
        world.put(scope, MAIL, NAMED),
        world.put(scope, TERMS, dump(*[disclaimer(*one) for one in terms])),
    ]
    done = convert(scope, BUNDLE, files)
    assert (done.items, done.quarantined) == (1, {})
    (item,) = rows(scope.folder, done.shards)
    return item.text


def a_day(world: World, day: int) -> Scope:
    scope = world.scope(f"memos/{day}")
    return replace(scope, source=BloombergMessage(), run=replace(scope.run, day=dt.date(2024, 3, day)))


def remembered(world: World) -> list[str]:
    return a_day(world, 1).held.names("dictionary")


def test_a_text_is_joined_from_the_days_dictionary(tmp_path: Path) -> None:
    world = small_world(tmp_path)
    assert "disclaimer: Terms." in mailed(world, 13, ("07", "Terms."), ("08", "Others."))


def test_a_text_is_remembered_for_later_days_and_never_for_earlier_ones(tmp_path: Path) -> None:
    world = small_world(tmp_path)
    mailed(world, 13, ("07", "Terms."))
    assert "disclaimer: Terms." in mailed(world, 14)
    before = mailed(world, 12)
    assert "Terms." not in before
    assert "NOTICE: warning: disclaimer 07 is in no dictionary" in before


def test_the_latest_word_counts_and_the_days_own_above_all(tmp_path: Path) -> None:
    world = small_world(tmp_path)
    mailed(world, 11, ("07", "First."))
    mailed(world, 13, ("07", "Second."))
    assert "disclaimer: First." in mailed(world, 12)
    assert "disclaimer: Second." in mailed(world, 14)
    assert "disclaimer: Own." in mailed(world, 14, ("07", "Own."))


def test_two_texts_of_one_name_are_both_kept(tmp_path: Path) -> None:
    world = small_world(tmp_path)
    for text in (mailed(world, 13, ("07", "One."), ("07", "Two.")), mailed(world, 14)):
        assert "disclaimer: One." in text
        assert "disclaimer: Two." in text


def test_what_is_known_is_not_written_down_again(tmp_path: Path) -> None:
    world = small_world(tmp_path)
    mailed(world, 13, ("07", "Terms."))
    once = remembered(world)
    mailed(world, 13, ("07", "Terms."))
    mailed(world, 14, ("07", "Terms."))
    assert remembered(world) == once
    assert len(once) == 1


def test_a_bundle_that_is_converted_alone_has_its_own_texts(tmp_path: Path) -> None:
    world = small_world(tmp_path)
    scope = a_day(world, 13)
    world.put(
        scope, MAIL, NAMED.replace(b"</FileDump>", disclaimer("07", "Inline.").encode() + b"</FileDump>")
    )
    done = convert_bundle(BloombergMessage(), Bundle("f1", (MAIL,)), scope.folder, Items())
    (item,) = rows(scope.folder, done.receipt.shards)
    assert "disclaimer: Inline." in item.text


def test_a_dictionary_that_cannot_be_read_is_set_aside_and_the_mails_are_converted(tmp_path: Path) -> None:
    world = small_world(tmp_path)
    scope = a_day(world, 13)
    files = [world.put(scope, MAIL, NAMED), world.put(scope, TERMS, b"no XML at all")]
    done = convert(scope, BUNDLE, files)
    assert (done.items, done.quarantined) == (1, {"not-bloomberg-message": 1})
