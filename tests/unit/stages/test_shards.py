"""What is staged comes back as it was, whole, in part, or from any place."""

from __future__ import annotations

from copy import copy
from pathlib import Path

import pytest

from include.commsarchive.model import Person, StagedItem
from include.commsarchive.stages.shards import ItemReader, decode, heads, line, parted, rows, writing
from include.commsarchive.staging.store import Folder

SHARDS = ("shards/a.jsonl", "shards/b.jsonl")
BODIES = [("", ""), ("grüße ☕\n", "<p>&#9749;</p>"), ("plain", ""), ("", "<p>only\n</p>"), ("日報", "<b>é")]


def staged(number: int, text: str, html: str) -> StagedItem:
    people = Person("login:zoé", "Zoé"), Person(f"login:{number}", "Bob")
    ids = (str(number),)
    classes = "IPM.NOTE.Memo", "ipm.externaldata.memo"
    head = (f"{number:032}", "b" * 32, "memos", ids, "thread", "line one\nline two", 1, *classes)
    return StagedItem(*head, people[0], people[1:], (), (), text, html, (), {"message": 1})


@pytest.fixture
def items() -> list[StagedItem]:
    return [staged(number, *bodies) for number, bodies in enumerate(BODIES)]


@pytest.fixture
def folder(tmp_path: Path, items: list[StagedItem]) -> Folder:
    made = Folder(tmp_path)
    for shard, part in zip(SHARDS, (items[:3], items[3:]), strict=True):
        with writing(made, shard) as add:
            for item in part:
                add(parted(copy(item)))
    return made


def test_items_come_back_in_order(folder: Folder, items: list[StagedItem]) -> None:
    assert list(rows(folder, SHARDS)) == items


def test_an_item_is_read_from_its_place_in_any_order(folder: Folder, items: list[StagedItem]) -> None:
    places = [place for place, _ in heads(folder, SHARDS)]
    with ItemReader(folder) as reader:
        for number in (4, 0, 2, 1, 3, 3):
            assert reader.item(places[number]) == items[number]
            assert decode(reader.raw(places[number])) == items[number]


def test_heads_name_the_people(folder: Folder, items: list[StagedItem]) -> None:
    assert [(head.key, head.people) for _, head in heads(folder, SHARDS)] == [
        (item.key, item.people) for item in items
    ]


def test_a_held_item_is_one_line(items: list[StagedItem]) -> None:
    assert [line(item).count(b"\n") for item in items] == [1] * len(items)
    assert decode(line(items[1])) == items[1]


def broken_off(folder: Folder, item: StagedItem) -> None:
    with writing(folder, SHARDS[0]) as add:
        add(parted(item))
        raise ZeroDivisionError


def test_a_shard_that_was_not_finished_is_not_there(tmp_path: Path, items: list[StagedItem]) -> None:
    folder = Folder(tmp_path)
    with pytest.raises(ZeroDivisionError):
        broken_off(folder, items[0])
    assert folder.names("shards") == []
