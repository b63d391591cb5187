"""A file lies under its name whole, or not at all."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import pytest

from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.landing import Landing, storage_error


def test_nothing_bears_the_name_before_it_is_settled(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.xml"
    with Landing(target) as landing:
        landing.write(b"one ")
        landing.write(b"two")
        assert not target.exists()
        landing.settle()
        assert target.read_bytes() == b"one two"
    assert (landing.size, landing.sha256) == (7, hashlib.sha256(b"one two").hexdigest())
    assert list(target.parent.iterdir()) == [target]


def test_what_is_not_settled_leaves_no_trace(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(b"old")
    with Landing(tmp_path / "a.xml") as landing:
        landing.write(b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.xml": b"old"}


def test_only_leftovers_of_the_same_target_are_removed(tmp_path: Path) -> None:
    for name in (".a[1].xml.x.part", ".a1.xml.x.part", ".b.xml.x.part"):
        (tmp_path / name).touch()
    with Landing(tmp_path / "a[1].xml") as landing:
        landing.settle()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a1.xml.x.part", ".b.xml.x.part", "a[1].xml"]


def test_what_lands_is_for_its_owner_only(tmp_path: Path) -> None:
    with Landing(tmp_path / "a.xml") as landing:
        landing.settle()
    assert (tmp_path / "a.xml").stat().st_mode & 0o777 == 0o600


def test_a_try_that_was_overtaken_by_another_says_so(tmp_path: Path) -> None:
    with Landing(tmp_path / "a.xml") as slow:
        slow.write(b"slow")
        with Landing(tmp_path / "a.xml") as fast:
            fast.write(b"fast")
            fast.settle()
        with pytest.raises(Retriable, match="other try"):
            slow.settle()
    assert (tmp_path / "a.xml").read_bytes() == b"fast"


def test_a_folder_that_cannot_be_is_for_a_person_to_mend(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Fatal, match="cannot be written"), Landing(tmp_path / "file" / "a.xml"):
        pass


@pytest.mark.parametrize(
    ("number", "kind", "remedy"),
    [
        (errno.ENOSPC, Retriable, "Free space"),
        (errno.EDQUOT, Retriable, "Free space"),
        (errno.EIO, Retriable, "Check the disk"),
        (errno.EACCES, Fatal, "Let this user write"),
    ],
)
def test_storage_errors_say_who_must_act(number: int, kind: type[Exception], remedy: str) -> None:
    error = storage_error(OSError(number, "why"), Path("/stage/a.xml"))
    assert type(error) is kind
    assert remedy in str(error)
    assert "/stage/a.xml" in str(error)
