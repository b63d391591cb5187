"""The numbers in the samples' README, recounted from the shipped files."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from include.commsarchive.connector import Items
from include.commsarchive.mapping.resolve import Resolver
from include.commsarchive.mapping.table import read_mapping
from include.commsarchive.model import StagedItem
from include.commsarchive.sources.registry import source
from include.commsarchive.stages.bundles import bundles_of
from include.commsarchive.stages.convert import convert_bundle
from include.commsarchive.stages.shards import rows
from include.commsarchive.staging.store import Folder
from include.samples.make_samples import HERE

THIRD = "third-party@quillbrook.example"
DELIVERIES = {path.name: path for path in sorted(HERE.glob("instant_bloomberg/*"))} | {
    "2024-03-14 issued again": HERE / "instant_bloomberg_reissued" / "2024-03-14"
}


def promised() -> dict[str, dict[str, int]]:
    lines = re.findall(r"^\| (.+) \|$", (HERE / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    table = [line.split(" | ") for line in lines]
    start = next(number for number, row in enumerate(table) if row[0] == "delivery")
    names = table[start][1:]
    return {row[0]: dict(zip(names, map(int, row[1:]), strict=True)) for row in table[start + 1 :]}


def convert(delivery: Path, scratch: Path) -> tuple[list[StagedItem], int, int]:
    """Items, records set aside, items repaired."""
    kind, folder = source("instant_bloomberg"), Folder(scratch)
    (scratch / "clear").mkdir(parents=True)
    names = [path.name for path in delivery.iterdir() if kind.claim(path.name)]
    for name in names:
        (scratch / "clear" / name).symlink_to(delivery / name)
    done = [convert_bundle(kind, bundle, folder, Items()) for bundle in bundles_of(kind, names)]
    items = [item for one in done for item in rows(folder, one.receipt.shards)]
    return items, sum(len(one.units) for one in done), sum(one.receipt.repaired for one in done)


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[StagedItem], int, int]]:
    return {
        name: convert(path, tmp_path_factory.mktemp("convert") / "run") for name, path in DELIVERIES.items()
    }


@pytest.fixture(scope="module")
def resolver() -> Resolver:
    table = read_mapping((HERE / "mapping.csv").read_bytes())
    assert table.problems == ()
    return Resolver(table.snapshot, automatic=True, domains=(), scope=None, third_party_mailbox=THIRD)


def test_the_numbers_are_those_that_the_readme_promises(
    converted: dict[str, tuple[list[StagedItem], int, int]], resolver: Resolver
) -> None:
    there: set[tuple[str, str, str]] = set()
    counted = {}
    for name, (items, refused, repaired) in converted.items():
        count = Counter(dict.fromkeys(promised()[name], 0))
        count.update(found=len(items) + refused, quarantined=refused, repaired=repaired)
        for item in items:
            resolution = resolver.custodians(item)
            copies = {(item.key, item.revision, mailbox) for mailbox in resolution.mailboxes}
            known = copies & there
            count.update(planned=len(copies), known=len(known), made=len(copies - there))
            count["duplicate" if known == copies else "archived"] += 1
            count["unmapped"] += resolution.unmapped
            count["partial"] += any(attachment.problem for attachment in item.attachments)
            there |= copies
        counted[name] = dict(count)
    assert counted == promised()


def test_one_conversation_of_friday_is_a_new_revision_of_thursdays(
    converted: dict[str, tuple[list[StagedItem], int, int]],
) -> None:
    thursday, friday = (
        {item.key: item.revision for item in converted[day][0]} for day in ("2024-03-14", "2024-03-15")
    )
    assert [thursday[key] == friday[key] for key in thursday.keys() & friday.keys()] == [False]


def test_everybody_finds_the_mailbox_that_the_readme_names(
    converted: dict[str, tuple[list[StagedItem], int, int]], resolver: Resolver
) -> None:
    found: dict[str, set[str]] = {}
    for items, _, _ in converted.values():
        for item in items:
            resolution = resolver.custodians(item)
            for person in item.people:
                if person.internal:
                    mailbox = resolution.addresses.get(person.key, "none")
                    found.setdefault(person.name, set()).add(mailbox)
    text = (HERE / "README.md").read_text(encoding="utf-8")
    for name, _, mailbox in re.findall(r"^\| ([\w ]+) \| [^|]+ \| (7\d+) \| (\S+) \|", text, re.MULTILINE):
        assert found.pop(name.upper()) == {mailbox}
    assert found == {
        "FX SALES DESK": {"zoe.lindqvist@quillbrook.example", "marcus.adeyemi@quillbrook.example"}
    }


def test_the_repaired_conversation_lost_nothing_that_was_typed(
    converted: dict[str, tuple[list[StagedItem], int, int]],
) -> None:
    (repaired,) = [
        item for item in converted["2024-03-13"][0] if any(mark.startswith("repaired") for mark in item.marks)
    ]
    for text in ("S&P futures up 4, vol", "bonds unchanged & dull", "P&L? ours is fine", "bid for R&D :)"):
        assert text in repaired.text
