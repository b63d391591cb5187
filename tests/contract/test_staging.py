"""What every staging root promises, on a local disk and on an object store (fsspec's in-memory one)."""

from __future__ import annotations

import errno
import hashlib
import io
import os
from pathlib import Path

import pytest

from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.staging.store import Folder, Staging


class StagingContract:
    """Inherited by each kind of root."""

    @pytest.fixture
    def folder(self, staging: Staging) -> Folder:
        return staging.run("bloomberg", "scheduled__2024-03-13T05:00:00+00:00")

    def test_what_was_written_is_read_back(self, folder: Folder) -> None:
        with folder.write("shards/a.jsonl") as sink:
            sink.write(b"one\n")
        with folder.open("shards/a.jsonl") as stream:
            assert stream.read() == b"one\n"
        assert folder.size("shards/a.jsonl") == 4
        assert folder.names("shards") == ["shards/a.jsonl"]

    def test_what_is_gone_is_for_a_person_to_bring_back(self, folder: Folder) -> None:
        with pytest.raises(Fatal, match=r"shards/a\.jsonl: is not there any more"):
            folder.open("shards/a.jsonl")
        with pytest.raises(Fatal, match=r"shards/a\.jsonl: is not there any more"):
            folder.size("shards/a.jsonl")

    def test_a_write_that_fails_leaves_what_was_there_before(self, folder: Folder) -> None:
        with folder.write("d/a") as sink:
            sink.write(b"first")

        def broken() -> None:
            with folder.write("d/a") as sink:
                sink.write(b"second")
                raise ValueError

        with pytest.raises(ValueError):  # noqa: PT011 - our own, just above
            broken()
        with folder.open("d/a") as stream:
            assert stream.read() == b"first"
        assert folder.names("d") == ["d/a"]

    def test_kept_bytes_are_named_by_their_content_and_kept_once(self, folder: Folder) -> None:
        kept = {folder.keep(io.BytesIO(b"x" * 3_000_000), 3_000_000) for _ in range(2)}
        assert kept == {(hashlib.sha256(b"x" * 3_000_000).hexdigest(), 3_000_000)}
        assert len(folder.names("blobs")) == 1

    def test_more_bytes_than_allowed_are_not_kept(self, folder: Folder) -> None:
        with pytest.raises(ValueError, match="10"):
            folder.keep(io.BytesIO(b"x" * 11), 10)
        assert folder.names("blobs") == []

    def test_a_program_sees_a_local_file_and_leaves_one(self, folder: Folder) -> None:
        with folder.create("clear/x") as made:
            Path(made).write_bytes(b"made by a program")
        with folder.local("clear/x") as path:
            assert path.read_bytes() == b"made by a program"

    def test_purge_takes_a_run_and_nothing_else(self, staging: Staging, folder: Folder) -> None:
        other, held = staging.run("bloomberg", "manual"), staging.held("bloomberg")
        for place in (folder, other, held):
            with place.write("deep/file") as sink:
                sink.write(b"x")
        assert staging.purge("bloomberg", "scheduled__2024-03-13T05:00:00+00:00")
        assert not staging.purge("bloomberg", "scheduled__2024-03-13T05:00:00+00:00")
        assert [place.exists("deep/file") for place in (folder, other, held)] == [False, True, True]

    def test_a_copy_is_the_same_bytes_in_another_folder(self, staging: Staging, folder: Folder) -> None:
        held = staging.held("bloomberg")
        with folder.write("raw/x.gpg") as sink:
            sink.write(b"cipher")
        folder.copy("raw/x.gpg", held, "bundles/1/raw/x.gpg")
        with held.open("bundles/1/raw/x.gpg") as stream:
            assert stream.read() == b"cipher"

    def test_runs_with_like_names_have_folders_of_their_own(self, staging: Staging) -> None:
        names = ["manual__2024-03-13", "manual__2024_03_13", "MANUAL__2024-03-13", "m" * 300]
        assert len({str(staging.run("c", name).root) for name in names}) == len(names)


class TestLocalStaging(StagingContract):
    @pytest.fixture
    def staging(self, tmp_path: Path) -> Staging:
        return Staging(tmp_path / "staging")

    def test_files_are_for_the_owner_alone_whatever_the_umask(self, folder: Folder) -> None:
        before = os.umask(0)
        try:
            with folder.write("shards/a") as sink:
                sink.write(b"x")
        finally:
            os.umask(before)
        root = Path(str(folder.root))
        assert [oct(p.stat().st_mode & 0o777) for p in (root / "shards/a", root / "shards", root)] == [
            "0o600",
            "0o700",
            "0o700",
        ]

    def test_what_a_killed_write_left_is_not_listed(self, folder: Folder) -> None:
        with folder.write("shards/a") as sink:
            sink.write(b"x")
            assert folder.names("shards") == []
        assert folder.names("shards") == ["shards/a"]

    def test_a_full_disk_is_worth_another_try(self, folder: Folder) -> None:
        def full() -> None:
            with folder.write("a"):
                raise OSError(errno.ENOSPC, "No space left on device")

        with pytest.raises(Retriable, match="No space left"):
            full()

    def test_a_file_url_is_a_local_folder(self, tmp_path: Path) -> None:
        with Staging(f"file://{tmp_path}/s").run("c", "r").write("a") as sink:
            sink.write(b"x")
        assert list((tmp_path / "s").rglob("a"))


class TestObjectStaging(StagingContract):
    @pytest.fixture
    def staging(self, tmp_path: Path) -> Staging:
        return Staging(f"memory://{tmp_path.name}/staging")
