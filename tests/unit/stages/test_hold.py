"""What is set aside lasts before the ledger says that it is there."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from pathlib import Path

import pytest

from include.commsarchive.errors import Retriable
from include.commsarchive.ledger.base import Held
from include.commsarchive.mailbox.memory import MemoryMailbox
from include.commsarchive.message.mime import encode
from include.commsarchive.stages import hold
from include.commsarchive.stages.convert import convert
from include.commsarchive.stages.deliver import deliver
from include.commsarchive.stages.map_users import map_users
from include.commsarchive.stages.run import Bundle
from tests.unit.stages.small_world import DAY, World

BUNDLE = Bundle("day", ("day.txt",))


def files(root: Path) -> set[Path]:
    return {path for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def flushed(world: World, monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """The files that were flushed so far, of which the world's ledger needs those of what it holds."""
    done: set[Path] = set()

    def flush(root: Path, written: Iterable[str | Path]) -> None:
        done.update(map(Path, written))

    record = world.ledger.hold

    def hold_flushed(things: list[Held]) -> None:
        for thing in things:
            there = files(world.root / "memos" / "held" / thing.path)
            assert there
            assert there <= done
        record(things)

    monkeypatch.setattr(hold, "flush", flush)
    monkeypatch.setattr(world.ledger, "hold", hold_flushed)
    return done


@pytest.mark.usefixtures("flushed")
def test_the_bytes_of_a_bundle_last_before_the_ledger_holds_it(world: World) -> None:
    scope = world.scope()
    convert(scope, BUNDLE, [world.put(scope, "day.txt", b"!broken\n")])
    assert len(list(world.ledger.held("memos", DAY, DAY))) == 1


@pytest.mark.usefixtures("flushed")
def test_the_bytes_of_items_last_before_the_ledger_holds_them(world: World) -> None:
    scope = world.scope()
    world.mailbox = MemoryMailbox(encode, only=["ann@bank.example"])
    done = convert(scope, BUNDLE, [world.put(scope, "day.txt", b"a|ann|eve|hi\nb|bob|EXT|hi\n")])
    for plan in map_users(scope, done.shards, world.resolver("ann", "bob"), {}).plans:
        deliver(scope, plan, world.mailbox)
    reasons = {held.reason for held in world.ledger.held("memos", DAY, DAY)}
    assert reasons == {"person-unmapped", "no-such-mailbox"}


def test_an_item_whose_bytes_a_power_cut_took_is_written_again(world: World) -> None:
    scope = world.scope()
    done = convert(scope, BUNDLE, [world.put(scope, "day.txt", b"a|ann|eve|hi\n")])
    map_users(scope, done.shards, world.resolver("ann"), {})
    (kept,) = (path for path in files(world.root / "memos" / "held") if path.name == "item.jsonl")
    before = kept.read_bytes()
    kept.write_bytes(b"")
    map_users(scope, done.shards, world.resolver("ann"), {})
    assert kept.read_bytes() == before != b""


def test_nothing_is_held_that_the_disk_did_not_take(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(root: Path, written: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(hold, "flush", fail)
    scope = world.scope()
    with pytest.raises(Retriable, match=r"No space left on device\. Free space"):
        convert(scope, BUNDLE, [world.put(scope, "day.txt", b"!broken\n")])
    assert list(world.ledger.held("memos", DAY, DAY)) == []
