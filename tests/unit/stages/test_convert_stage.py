"""Convert sets aside what it cannot read, with its bytes, and goes on."""

from __future__ import annotations

from include.commsarchive.ledger.base import HeldStage
from include.commsarchive.stages.bundles import bundles_of
from include.commsarchive.stages.convert import convert
from include.commsarchive.stages.run import Bundle, Scope
from include.commsarchive.stages.shards import rows
from tests.unit.stages.small_world import DAY, Memos, World

BUNDLE = Bundle("day", ("day.txt",), ("day.files",))


def test_each_record_becomes_an_item_or_a_quarantined_unit(world: World) -> None:
    scope = world.scope()
    file = world.put(scope, "day.txt", b"a|ann|bob|hi\n!broken\nb|bob|ann|yo\n#fault\n")
    done = convert(scope, Bundle("day", ("day.txt",)), [file])
    assert (done.items, done.quarantined, done.found) == (2, {"unreadable": 1, "parser-fault": 1}, 4)
    assert [item.thread for item in rows(scope.folder, done.shards)] == ["a", "b"]


def test_what_is_refused_is_held_with_its_bytes_and_its_bundle(world: World) -> None:
    scope = world.scope()
    file = world.put(scope, "day.txt", b"!broken\n")
    convert(scope, Bundle("day", ("day.txt",)), [file])
    (held,) = world.ledger.held("memos", DAY, DAY)
    assert (held.stage, held.reason, held.place) == (HeldStage.CONVERT, "unreadable", "day.txt: line 0")
    with scope.held.open(f"{held.path}/refused/{held.sha256}") as stream:
        assert stream.read() == b"!broken\n"
    assert scope.held.exists(f"{held.path}/raw/day.txt.gpg")


def test_a_stopped_file_counts_as_one_unit_and_the_others_go_on(world: World) -> None:
    scope = world.scope()
    good = world.put(scope, "day.txt", b"a|ann|bob|see the file|note.txt\n")
    bad = world.put(scope, "day.files", b"tar", problem="bad-signature")
    done = convert(scope, BUNDLE, [good, bad])
    assert (done.items, done.attachments_missing, done.quarantined) == (1, 1, {"bad-signature": 1})
    assert [held.stage for held in world.ledger.held("memos", DAY, DAY)] == [HeldStage.DECRYPT]


def test_a_file_of_another_format_is_one_quarantined_unit(world: World) -> None:
    scope = world.scope()
    file = world.put(scope, "alien.txt", b"a|ann|bob|hi\n")
    done = convert(scope, Bundle("alien", ("alien.txt",)), [file])
    assert (done.items, done.quarantined) == (0, {"not-memos": 1})


def test_attachments_are_set_aside_by_content_and_found_by_name(world: World) -> None:
    scope = world.scope()
    files = [
        world.put(scope, "day.txt", b"a|ann|bob|here|note.txt\n"),
        world.put(scope, "day.files", b"the note"),
    ]
    done = convert(scope, BUNDLE, files)
    (item,) = rows(scope.folder, done.shards)
    with scope.folder.open(f"blobs/{item.attachments[0].blob}") as stream:
        assert stream.read() == b"the note"


def test_an_attachment_beyond_the_bound_is_refused_by_name(world: World) -> None:
    items = world.connector.items.model_copy(update={"max_attachment_mib": 0})
    world.connector = world.connector.model_copy(update={"items": items})
    scope = world.scope()
    files = [
        world.put(scope, "day.txt", b"a|ann|bob|here|note.txt\n"),
        world.put(scope, "day.files", b"the note"),
    ]
    done = convert(scope, BUNDLE, files)
    assert done.quarantined == {"attachment-too-large": 1}
    assert done.items == 1


def test_converting_again_writes_the_same_shards(world: World) -> None:
    scope = world.scope()
    file = world.put(scope, "day.txt", b"a|ann|bob|hi\nb|bob|ann|yo\n")
    first = convert(scope, Bundle("day", ("day.txt",)), [file])
    written = {name: content(scope, name) for name in scope.folder.names("shards")}
    assert convert(scope, Bundle("day", ("day.txt",)), [file]) == first
    assert {name: content(scope, name) for name in scope.folder.names("shards")} == written
    assert written.keys() >= set(first.shards)


def content(scope: Scope, name: str) -> bytes:
    with scope.folder.open(name) as stream:
        return stream.read()


def test_names_that_no_source_claims_form_one_bundle() -> None:
    assert bundles_of(Memos(), ["day.txt", "x.xml", "day.files", "y.tar.gz"]) == [
        Bundle("day", ("day.txt",), ("day.files",)),
        Bundle("files", ("x.xml",), ("y.tar.gz",)),
    ]


def test_attachments_that_came_without_their_conversations_are_set_aside(world: World) -> None:
    scope = world.scope()
    alone = Bundle("day", (), ("day.files",))
    done = convert(scope, alone, [world.put(scope, "day.files", b"tar")])
    assert (done.found, done.quarantined) == (1, {"attachments-alone": 1})
    assert [held.place for held in world.ledger.held("memos", DAY, DAY)] == ["day.files"]


def test_attachments_that_no_conversation_names_are_counted(world: World) -> None:
    scope = world.scope()
    files = [world.put(scope, "day.txt", b"a|ann|bob|hi\n"), world.put(scope, "day.files", b"the note")]
    assert convert(scope, BUNDLE, files).attachments_unclaimed == 1
