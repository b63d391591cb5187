"""A day that is issued again under the same names: both versions stay apart, also on their way back in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Self

from include.commsarchive.connector import Pgp
from include.commsarchive.ledger.settlement import settled_by
from include.commsarchive.pgp.base import Bounds, Decrypted, KeyInfo
from include.commsarchive.stages.convert import convert
from include.commsarchive.stages.replay import reopen, resolve
from include.commsarchive.stages.run import Bundle
from include.commsarchive.stages.shards import rows
from tests.unit.stages.small_world import DAY, World

FIRST, AGAIN = b"a|ann|bob|first\n", b"b|ann|bob|issued again\n"


class Unsealer:
    """Opens what `World.put` sealed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def keys(self) -> list[KeyInfo]:
        return []

    def decrypt(self, encrypted: Path, target: Path, _signature: Path | None, _bounds: Bounds) -> Decrypted:
        clear = encrypted.read_bytes().removeprefix(b"sealed ")
        target.write_bytes(clear)
        return Decrypted(len(clear), "", "")


def test_each_version_goes_back_in_with_its_own_bytes(world: World) -> None:
    world.connector = world.connector.model_copy(update={"pgp": Pgp(connection="keys")})
    for number, content in enumerate((FIRST, AGAIN)):
        scope = world.scope(f"memos/{number}")
        convert(scope, Bundle("day", ("day.txt",)), [world.put(scope, "day.txt", content, "no-key")])
    scope = world.scope("replay/1", "replay")
    back = reopen(scope, (DAY, DAY), "all", Unsealer())
    assert sorted(item.thread for item in rows(scope.folder, back.receipt.shards)) == ["a", "b"]


def test_each_version_that_is_refused_for_the_same_reason_is_held(world: World) -> None:
    for number, content in enumerate((FIRST, AGAIN)):
        scope = world.scope(f"memos/{number}")
        convert(scope, Bundle("alien", ("alien.txt",)), [world.put(scope, "alien.txt", content)])
    assert len({held.path for held in world.ledger.held("memos", DAY, DAY)}) == 2


def test_a_stopped_file_is_held_with_each_version_of_the_file_beside_it(world: World) -> None:
    for number, content in enumerate((FIRST, AGAIN)):
        scope = world.scope(f"memos/{number}")
        good, bad = world.put(scope, "day.txt", content), world.put(scope, "day.files", b"tar", "no-key")
        convert(scope, Bundle("day", ("day.txt",), ("day.files",)), [good, bad])
    assert len({held.path for held in world.ledger.held("memos", DAY, DAY)}) == 2


def test_a_signature_that_is_issued_again_alone_is_held_beside_the_first(world: World) -> None:
    for number, signature in enumerate((b"wrong", b"right")):
        scope = world.scope(f"memos/{number}")
        file = replace(world.put(scope, "day.txt", FIRST, "bad-signature"), signature="day.txt.gpg.sig")
        with scope.folder.write(f"raw/{file.signature}") as sink:
            sink.write(signature)
        convert(scope, Bundle("day", ("day.txt",)), [file])
    signatures = set()
    for held in world.ledger.held("memos", DAY, DAY):
        with scope.held.open(f"{held.path}/raw/day.txt.gpg.sig") as stream:
            signatures.add(stream.read())
    assert signatures == {b"wrong", b"right"}


def test_only_what_is_asked_for_goes_back_in_and_what_is_kept_with_it(world: World) -> None:
    world.connector = world.connector.model_copy(update={"pgp": Pgp(connection="keys")})
    for number, content in enumerate((b"!x\n!y\na|ann|bob|hi\n", b"!z\nb|ann|bob|hi\n")):
        scope = world.scope(f"memos/{number}")
        convert(scope, Bundle("day", ("day.txt",)), [world.put(scope, "day.txt", content)])
    first, second, other = world.ledger.held("memos", DAY, DAY)
    scope = world.scope("replay/1", "replay")
    back = reopen(scope, (DAY, DAY), "all", Unsealer(), [second.held_id])
    assert set(back.held_ids) == {first.held_id, second.held_id}
    assert other.held_id not in back.held_ids
    assert [item.thread for item in rows(scope.folder, back.receipt.shards)] == ["a"]


def test_what_a_person_settled_does_not_go_back_in(world: World) -> None:
    world.connector = world.connector.model_copy(update={"pgp": Pgp(connection="keys")})
    for number, content in enumerate((FIRST, AGAIN)):
        scope = world.scope(f"memos/{number}")
        convert(scope, Bundle("day", ("day.txt",)), [world.put(scope, "day.txt", content, "no-key")])
    settled, waiting = world.ledger.held("memos", DAY, DAY)
    world.ledger.resolve([settled.held_id], settled_by("ann", "the key is lost"))
    for only in ([], [settled.held_id, waiting.held_id]):
        scope = world.scope(f"replay/{len(only)}", "replay")
        back = reopen(scope, (DAY, DAY), "all", Unsealer(), only)
        assert back.held_ids == (waiting.held_id,)
        assert [item.thread for item in rows(scope.folder, back.receipt.shards)] == ["b"]


def test_what_a_person_settled_while_its_replay_failed_again_stays_theirs(world: World) -> None:
    world.connector = world.connector.model_copy(update={"pgp": Pgp(connection="keys")})
    scope = world.scope("memos/1")
    done = convert(scope, Bundle("day", ("day.txt",)), [world.put(scope, "day.txt", b"!broken\n")])
    scope = world.scope("replay/1", "replay")
    back = reopen(scope, (DAY, DAY), "all", Unsealer())
    mark = settled_by("ann", "beyond repair")
    world.ledger.resolve(done.held, mark)
    assert resolve(scope, [back.receipt], back.held_ids) == 0
    assert list(world.ledger.held("memos", DAY, DAY)) == []
