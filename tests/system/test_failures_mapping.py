"""A mapping that is wrong or gone: nobody is mapped by half a file, and nobody's copies are lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.commsarchive.errors import Fatal
from include.commsarchive.pgp.base import Decryptor
from tests.servers.vendor import Vendor
from tests.system.whole_path import CHATS, CONNECTOR, Archive, chat, export, numbers, send

pytestmark = pytest.mark.system

HEAD = "External User ID,Microsoft 365 User Mailbox\n"
GOOD = f"{HEAD}ann@vendor.example,ann@firm.example\n"
BETTER = f"{GOOD}bob@vendor.example,bob@firm.example\n"
BAD = f"{HEAD}ann@vendor.example,somebody-else@firm.example\nbob@vendor.example,no address\n"


@pytest.fixture
def table(archive: Archive) -> Path:
    """The mapping file of an archive that maps by nothing else."""
    path = archive.root.with_name("mapping.csv")
    rules = CONNECTOR.mapping.model_copy(update={"custom": str(path), "automatic": False})
    archive.connector = CONNECTOR.model_copy(update={"mapping": rules})
    return path


def owners(archive: Archive) -> list[str]:
    """Whose mailboxes hold how many copies: one name for each."""
    return sorted(path.partition("@")[0] for path in archive.mails())


def test_a_run_without_any_good_mapping_stops_and_goes_on_once_it_is_mended(
    archive: Archive, vendor: Vendor, table: Path
) -> None:
    send(archive, vendor, {CHATS: export(chat("A", "ann: hello", "bob: hi"))})
    for content in (None, BAD):
        if content:
            table.write_text(content)
        with pytest.raises(Fatal, match=r"mapping\.csv.*mend this first"):
            archive.archive()
    table.write_text(BETTER)
    assert numbers(archive.archive()) == {"archived": 1, "made": 2}
    assert owners(archive) == ["ann", "bob"]


@pytest.mark.parametrize("content", [BAD, "", None], ids=["a bad row", "empty", "gone"])
def test_while_the_mapping_is_bad_the_last_good_one_stays_in_force(
    archive: Archive, vendor: Vendor, table: Path, keys: Decryptor, content: str | None
) -> None:
    table.write_text(GOOD)
    send(archive, vendor, {CHATS: export(chat("A", "ann: hello"))})
    first = archive.archive("one")
    table.unlink()
    if content is not None:
        table.write_text(content)
    send(archive, vendor, {CHATS: export(chat("B", "ann: hello again"))})
    second = archive.archive("two")
    assert numbers(second) == {"archived": 1, "made": 1}
    assert second.body["mapping_version"] == first.body["mapping_version"]
    assert owners(archive) == ["ann", "ann"]


def test_who_had_no_mailbox_gets_the_copies_by_replay_once_mapped(
    archive: Archive, vendor: Vendor, table: Path
) -> None:
    table.write_text(GOOD)
    send(archive, vendor, {CHATS: export(chat("A", "ann: hello", "bob: hi"), chat("B", "bob: alone"))})
    assert numbers(archive.archive()) == {"archived": 2, "unmapped": 1, "made": 2}
    assert owners(archive) == ["ann", "third"]
    assert archive.reasons() == ["person-unmapped", "nobody-mapped"]

    table.write_text(BETTER)
    assert numbers(archive.replay(which="unmapped")) == {"archived": 2, "made": 2, "known": 1}
    assert owners(archive) == ["ann", "bob", "bob", "third"]
    assert archive.reasons() == []


def test_a_run_cleared_after_the_mapping_was_mended_answers_for_the_new_plan_alone(
    archive: Archive, vendor: Vendor, table: Path
) -> None:
    table.write_text(BETTER.replace("bob@firm", "misspelled@firm"))
    archive.create = archive.looks_up = False
    for name in ("ann", "bob"):
        (archive.mail / f"{name}@firm.example").mkdir(parents=True)
    send(archive, vendor, {CHATS: export(chat("A", "ann: hello", "bob: hi"))})
    assert numbers(archive.archive()) == {"quarantined": 1, "made": 1, "failed": 1}

    table.write_text(BETTER)
    archive.clear("one", "map_users")
    assert numbers(archive.archive()) == {"archived": 1, "made": 2}
    assert owners(archive) == ["ann", "bob"]
    with archive.ledger() as ledger:
        assert list(ledger.failures("one")) == []
