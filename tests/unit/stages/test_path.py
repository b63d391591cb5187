"""The path from clear files to mailboxes, and back in after something was mended."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec
import pytest

from include.commsarchive.errors import Fatal
from include.commsarchive.ledger.base import HeldStage, ItemState
from include.commsarchive.mailbox.memory import MemoryMailbox
from include.commsarchive.mapping.resolve import Resolver
from include.commsarchive.message.mime import encode
from include.commsarchive.model import Letter, Outcome
from include.commsarchive.stages import map_users as stage
from include.commsarchive.stages.convert import convert
from include.commsarchive.stages.deliver import deliver
from include.commsarchive.stages.ingest import IngestReceipt
from include.commsarchive.stages.map_users import Planned, destination_of, map_users
from include.commsarchive.stages.mapping import mapping_in_force
from include.commsarchive.stages.replay import reopen, resolve
from include.commsarchive.stages.run import Bundle, ConvertReceipt, MapReceipt, Scope
from tests.unit.stages.small_world import DAY, World

BUNDLE = Bundle("day", ("day.txt",))
DAYS = (dt.date(2024, 3, 1), dt.date(2024, 3, 31))


def archive(world: World, scope: Scope, content: bytes, rules: Resolver) -> tuple[MapReceipt, IngestReceipt]:
    """Take one file all the way."""
    done = convert(scope, BUNDLE, [world.put(scope, "day.txt", content)])
    return file_shards(world, scope, done.shards, rules)


def file_shards(
    world: World, scope: Scope, shards: list[str], rules: Resolver
) -> tuple[MapReceipt, IngestReceipt]:
    mapped = map_users(scope, shards, rules, {"archive": world.mailbox})
    filed = IngestReceipt()
    for plan in mapped.plans:
        filed += deliver(scope, plan, world.mailbox)
    return mapped, filed


def test_everybody_who_is_mapped_gets_one_copy(world: World) -> None:
    mapped, filed = archive(
        world, world.scope(), b"a|ann|bob|hi\nb|ann|EXT|yo\n", world.resolver("ann", "bob")
    )
    assert world.filed() == {"ann@bank.example/Memos": 2, "bob@bank.example/Memos": 1}
    assert (mapped.planned, mapped.deliveries, filed.made) == (2, 3, 3)


def test_a_second_run_makes_no_copy(world: World) -> None:
    rules = world.resolver("ann", "bob")
    archive(world, world.scope("memos/1"), b"a|ann|bob|hi\n", rules)
    mapped, filed = archive(world, world.scope("memos/2"), b"a|ann|bob|hi\n", rules)
    assert (mapped.planned, mapped.duplicate, filed.planned) == (0, 1, 0)
    assert world.filed() == {"ann@bank.example/Memos": 1, "bob@bank.example/Memos": 1}


def test_a_changed_conversation_is_a_new_revision_beside_the_first(world: World) -> None:
    rules = world.resolver("ann")
    archive(world, world.scope("memos/1"), b"a|ann|bob|hi\n", rules)
    mapped, _ = archive(world, world.scope("memos/2"), b"a|ann|bob|hi there\n", rules)
    assert mapped.planned == 1
    assert world.filed() == {"ann@bank.example/Memos": 2}


def test_an_item_that_comes_twice_in_one_run_is_its_own_duplicate(world: World) -> None:
    scope = world.scope()
    mapped, _ = archive(world, scope, b"a|ann|bob|hi\na|ann|bob|hi\n", world.resolver("ann"))
    assert (mapped.items, mapped.planned, mapped.duplicate) == (2, 1, 1)
    assert world.filed() == {"ann@bank.example/Memos": 1}
    assert sum(world.ledger.totals(scope.run.run_id).items.values()) == 2


def test_what_maps_to_nobody_goes_to_the_third_party_mailbox_and_is_held(world: World) -> None:
    mapped, _ = archive(world, world.scope(), b"a|ann|EXT|hi\n", world.resolver("zoe"))
    assert world.filed() == {"third-party@bank.example/": 1}
    assert (mapped.unmapped, mapped.unmapped_people) == (1, 1)
    (held,) = world.ledger.held("memos", DAY, DAY)
    assert (held.stage, held.reason, held.people) == (HeldStage.MAP_USERS, "nobody-mapped", ("login:ann",))


def test_nobody_in_scope_means_excluded(world: World) -> None:
    rules = world.resolver("ann", scope=("zoe@bank.example",))
    scope = world.scope()
    mapped, _ = archive(world, scope, b"a|ann|EXT|hi\n", rules)
    assert (mapped.excluded, mapped.plans, world.filed()) == (1, [], {})
    assert world.ledger.totals(scope.run.run_id).items[ItemState.EXCLUDED] == 1


def test_replay_files_for_a_person_who_was_mapped_since(world: World) -> None:
    archive(world, world.scope("memos/1"), b"a|ann|bob|hi\n", world.resolver("ann"))
    scope = world.scope("replay/1", "replay")
    back = reopen(scope, DAYS, "unmapped", None)
    file_shards(world, scope, back.receipt.shards, world.resolver("ann", "bob"))
    assert resolve(scope, [], back.held_ids) == 1
    assert world.filed() == {"ann@bank.example/Memos": 1, "bob@bank.example/Memos": 1}
    assert list(world.ledger.held("memos", *DAYS)) == []


def test_replay_leaves_open_what_is_set_aside_again(world: World) -> None:
    archive(world, world.scope("memos/1"), b"a|ann|bob|hi\n", world.resolver("ann"))
    scope = world.scope("replay/1", "replay")
    back = reopen(scope, DAYS, "unmapped", None)
    file_shards(world, scope, back.receipt.shards, world.resolver("ann"))
    assert resolve(scope, [], back.held_ids) == 0
    assert len(list(world.ledger.held("memos", *DAYS))) == 1


class Closing(MemoryMailbox):
    """Mailboxes that were open when they were looked up and closed when they got mail."""

    def missing(self, mailboxes: Collection[str]) -> dict[str, str]:
        del mailboxes
        return {}

    def append(self, letters: Sequence[Letter]) -> list[Outcome]:
        refused = MemoryMailbox.missing(self, [one.mailbox for one in letters])
        return [
            Outcome(one.delivery_key, reason=refused[one.mailbox])
            if one.mailbox in refused
            else MemoryMailbox.append(self, [one])[0]
            for one in letters
        ]


@pytest.mark.parametrize("gets_it", ["third_party", "quarantine"])
def test_a_mailbox_that_is_not_there_is_reported_and_its_copy_is_not_lost(world: World, gets_it: str) -> None:
    world.map_as(missing_mailbox=gets_it)
    rules = world.resolver("ann", "bob")
    world.mailbox = MemoryMailbox(encode, only=["ann@bank.example", "third-party@bank.example"])
    scope = world.scope("memos/1")
    mapped, filed = archive(world, scope, b"a|ann|bob|hi\nb|bob|EXT|hi\n", rules)
    assert (mapped.mailboxes_missing, mapped.unmapped, filed.failed) == (1, 0, 0)
    third_party = {"third-party@bank.example/": 2} if gets_it == "third_party" else {}
    assert world.filed() == {"ann@bank.example/Memos": 1, **third_party}
    failures = [(one.source_user, one.mailbox, one.reason) for one in world.ledger.failures("memos/1")]
    assert failures == [("login:bob", "bob@bank.example", "no-such-mailbox")] * 2
    items = world.ledger.totals("memos/1").items
    assert (items["quarantined"], items["open"]) == (0 if third_party else 1, 0)

    world.mailbox = replace_mailboxes(world.mailbox)
    scope = world.scope("replay/1", "replay")
    back = reopen(scope, DAYS, "all", None)
    _, filed = file_shards(world, scope, back.receipt.shards, rules)
    assert (filed.made, resolve(scope, [], back.held_ids)) == (2, 2)
    assert world.filed()["bob@bank.example/Memos"] == 2


def replace_mailboxes(before: MemoryMailbox) -> MemoryMailbox:
    """Open every mailbox; what was filed stays."""
    after = MemoryMailbox(encode)
    after.mails = before.mails
    return after


def test_a_third_party_mailbox_that_is_not_there_stops_the_run(world: World) -> None:
    world.mailbox = MemoryMailbox(encode, only=["ann@bank.example"])
    with pytest.raises(Fatal, match=r"third-party mailbox .* of archive: no-such-mailbox\. .* make it"):
        archive(world, world.scope(), b"a|EXT|EXT2|hi\n", world.resolver("ann"))


def test_a_third_party_mailbox_that_is_to_stand_in_for_another_is_asked_for_once_and_must_be_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "BATCH", 1)
    content, rules = b"a|ann|bob|hi\nb|bob|ann|ho\nc|bob|eve|hm\n", world.resolver("ann", "bob", "eve")
    world.mailbox = MemoryMailbox(encode, only=["ann@bank.example"])
    with pytest.raises(Fatal, match=r"third-party mailbox .* of archive: no-such-mailbox\. .* make it"):
        archive(world, world.scope("memos/1"), content, rules)
    assert world.filed() == {}

    asked: Counter[str] = Counter()
    world.mailbox = MemoryMailbox(encode, only=["ann@bank.example", "third-party@bank.example"])
    missing = world.mailbox.missing

    def noting(mailboxes: Collection[str]) -> dict[str, str]:
        asked.update(mailboxes)
        return missing(mailboxes)

    world.mailbox.missing = noting  # type: ignore[method-assign]
    scope = world.scope("memos/2")
    done = convert(scope, BUNDLE, [world.put(scope, "day.txt", content)])
    mapped = map_users(scope, done.shards, rules, {"archive": world.mailbox})
    assert mapped.mailboxes_missing == 2
    people = [f"{name}@bank.example" for name in ("ann", "bob", "eve", "third-party")]
    assert asked == dict.fromkeys(people, 1)


def test_without_a_stand_in_nobody_asks_for_the_third_party_mailbox(world: World) -> None:
    world.map_as(missing_mailbox="quarantine")
    world.mailbox = MemoryMailbox(encode, only=["ann@bank.example"])
    mapped, _ = archive(world, world.scope(), b"a|ann|bob|hi\n", world.resolver("ann", "bob"))
    assert mapped.mailboxes_missing == 1
    assert world.filed() == {"ann@bank.example/Memos": 1}


def test_a_mailbox_that_is_gone_is_not_missed_by_what_it_got_before(world: World) -> None:
    rules = world.resolver("ann", "bob")
    archive(world, world.scope("memos/1"), b"a|ann|bob|hi\n", rules)
    world.mailbox = MemoryMailbox(encode, only=["ann@bank.example"])
    mapped, _ = archive(world, world.scope("memos/2"), b"a|ann|bob|hi\n", rules)
    assert (mapped.duplicate, mapped.mailboxes_missing) == (1, 0)


def test_every_destination_gets_its_copies_and_has_its_own_rows(world: World) -> None:
    second = world.connector.deliver[0].model_copy(update={"connection": "second", "folder": "Other"})
    world.connector = world.connector.model_copy(update={"deliver": (*world.connector.deliver, second)})
    scope = world.scope()
    mapped, filed = archive(world, scope, b"a|ann|bob|hi\n", world.resolver("ann", "bob"))
    assert (mapped.deliveries, filed.made) == (4, 4)
    assert {destination_of(plan) for plan in mapped.plans} == {"archive", "second"}
    assert set(world.filed().values()) == {1}
    assert world.filed().keys() == {
        f"{name}@bank.example/{folder}" for name in ("ann", "bob") for folder in ("Memos", "Other")
    }
    mapped, _ = archive(world, world.scope("memos/2"), b"a|ann|bob|hi\n", world.resolver("ann", "bob"))
    assert (mapped.duplicate, mapped.plans) == (1, [])


def test_a_mailbox_that_refuses_holds_the_item_and_the_others_get_theirs(world: World) -> None:
    rules = world.resolver("ann", "bob")
    world.mailbox = Closing(encode, only=["ann@bank.example"])
    scope = world.scope("memos/1")
    _, filed = archive(world, scope, b"a|ann|bob|hi\n", rules)
    assert (filed.planned, filed.made, filed.failed) == (2, 1, 1)
    (failure,) = world.ledger.failures(scope.run.run_id)
    assert (failure.mailbox, failure.stage) == ("bob@bank.example", "ingest")

    world.mailbox = MemoryMailbox(encode)
    scope = world.scope("replay/1", "replay")
    back = reopen(scope, DAYS, "quarantined", None)
    _, filed = file_shards(world, scope, back.receipt.shards, rules)
    assert (filed.made, resolve(scope, [], back.held_ids)) == (1, 1)
    assert world.filed() == {"bob@bank.example/Memos": 1}


def test_staging_is_not_needed_for_replay_once_it_is_purged(world: World) -> None:
    scope = world.scope("memos/1")
    archive(world, scope, b"a|ann|bob|hi\n", world.resolver("ann"))
    scope.folder.remove()
    scope = world.scope("replay/1", "replay")
    back = reopen(scope, DAYS, "all", None)
    file_shards(world, scope, back.receipt.shards, world.resolver("ann", "bob"))
    assert world.filed()["bob@bank.example/Memos"] == 1


@pytest.mark.parametrize("partitions", [1, 2, 7])
def test_partitions_divide_the_copies_and_lose_none(world: World, partitions: int) -> None:
    world.deliver_to(partitions=partitions)
    names = [f"p{number}" for number in range(20)]
    content = "".join(f"r{name}|{name}|p0|hi\n" for name in names).encode()
    _, filed = archive(world, world.scope(), content, world.resolver(*names))
    assert filed.made == 39
    assert world.filed()["p0@bank.example/Memos"] == 20


@pytest.mark.parametrize(("keyed", "alone"), [(True, "key"), (False, "mailbox")])
def test_a_server_s_mailbox_is_one_task_s_alone_and_on_a_disk_an_item_is(
    world: World, monkeypatch: pytest.MonkeyPatch, keyed: bool, alone: str
) -> None:
    monkeypatch.setattr(world.mailbox, "keyed", keyed)
    world.deliver_to(partitions=3)
    names = [f"p{number}" for number in range(20)]
    content = "".join(f"r{name}|{name}|p0|hi\n" for name in names).encode()
    scope = world.scope()
    mapped, _ = archive(world, scope, content, world.resolver(*names))
    plans = [read_plan(scope, plan) for plan in mapped.plans]
    in_plans = [{row[alone] for row in plan} for plan in plans]
    assert len(plans) == 3
    assert sum(map(len, in_plans)) == len(set().union(*in_plans)) == 20


def read_plan(scope: Scope, plan: str) -> list[dict[str, str]]:
    """Give item and mailbox of each copy of a plan."""
    with scope.folder.open(plan) as stream:
        rows = [msgspec.json.decode(line, type=Planned) for line in stream]
    return [{"key": row.key, "mailbox": copy.mailbox} for row in rows for copy in row.copies]


def test_a_run_that_is_cleared_after_mending_closes_what_its_first_try_set_aside(world: World) -> None:
    scope = world.scope()
    first = convert(scope, BUNDLE, [world.put(scope, "day.txt", b"a|ann|bob|hi\n", problem="no-key")])
    assert len(first.held) == 1
    second = convert(scope, BUNDLE, [world.put(scope, "day.txt", b"a|ann|bob|hi\n")])
    assert resolve(scope, [second], []) == 1
    assert list(world.ledger.held("memos", *DAYS)) == []


def test_what_a_replay_took_care_of_meanwhile_stays_its_own(world: World) -> None:
    scope = world.scope("memos/1")
    done = convert(scope, BUNDLE, [world.put(scope, "day.txt", b"a|ann|bob|hi\n", problem="damaged")])
    again = ConvertReceipt("day", items=1, made_up_for=done.held)
    world.ledger.resolve(done.held, "replay/1")
    assert resolve(world.scope("memos/2"), [again], []) == 0


def test_what_this_try_set_aside_stays_open(world: World) -> None:
    scope = world.scope()
    done = convert(scope, BUNDLE, [world.put(scope, "day.txt", b"!broken\n")])
    assert resolve(scope, [done], []) == 0
    assert [held.held_id for held in world.ledger.held("memos", *DAYS)] == done.held


def test_a_mapping_file_that_is_not_there_is_named_as_such(world: World) -> None:
    rules = world.connector.mapping.model_copy(update={"custom": "gone/mapping.csv"})
    connector = world.connector.model_copy(update={"mapping": rules})
    with pytest.raises(Fatal, match=r"gone/mapping.csv: cannot be read: No such file"):
        mapping_in_force(connector, world.ledger)


def test_a_mapping_file_that_vanishes_leaves_the_last_good_version_in_force(
    world: World, tmp_path: Path
) -> None:
    path = tmp_path / "mapping.csv"
    path.write_text("External User ID,Microsoft 365 User Mailbox\nann,ann@bank.example\n", encoding="utf-8")
    rules = world.connector.mapping.model_copy(update={"custom": str(path)})
    connector = world.connector.model_copy(update={"mapping": rules})
    before = mapping_in_force(connector, world.ledger)
    path.unlink()
    after = mapping_in_force(connector, world.ledger)
    assert (before.problems, after.resolver.version) == ((), before.resolver.version)
    assert len(after.problems) == 1
