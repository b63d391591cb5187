"""Opening a ledger: private, migrated once, and with errors that say what to do."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.ids import digest, root_hash
from include.commsarchive.ledger import chain, database, migration
from include.commsarchive.ledger.base import Failure, ImportRecord, Run
from include.commsarchive.ledger.sql import connect
from include.commsarchive.model import Outcome
from tests.letters import make_delivery, make_run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rooms" / "ledger.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


def test_the_file_and_its_logs_are_private_to_their_owner(path: Path, url: str) -> None:
    with connect(url) as ledger:
        ledger.open_run(make_run())
        files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert files == {"ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_every_commit_waits_for_the_disk(url: str) -> None:
    opened = database.Database(url)
    with opened.write() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    opened.close()


def test_what_was_committed_is_there_when_it_is_opened_again(url: str) -> None:
    with connect(url) as ledger:
        ledger.keep_mapping("chat", "custom", "v1", "rows")
    with connect(url) as ledger:
        assert ledger.mapping("chat", "custom") == "rows"


def test_a_ledger_is_migrated_step_by_step_and_each_step_is_taken_once(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(url) as ledger:
        ledger.keep_mapping("chat", "custom", "v1", "rows")
    taken: list[str] = []

    def add_a_column(connection: sa.Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE run ADD COLUMN note TEXT")
        taken.append("step 3")

    monkeypatch.setattr(migration, "STEPS", (*migration.STEPS, add_a_column))
    for _ in range(2):
        with connect(url) as ledger:
            assert ledger.mapping("chat", "custom") == "rows"
    assert taken == ["step 3"]


def test_a_ledger_of_before_failures_were_sealed_keeps_them_with_their_last_records(
    path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [Failure(name, "", "", "ingest", "no-such-mailbox") for name in "ab"]
    next_record = chain.next_record

    def without_failure_root(head: chain.Head, run: Run, body: dict[str, Any], root: str) -> ImportRecord:
        return next_record(head, run, {"found": body["found"], "delivery_root": root}, root)

    with monkeypatch.context() as before, connect(url) as ledger:
        before.setattr(chain, "next_record", without_failure_root)
        for run_id in ("one", "two"):
            ledger.open_run(make_run(run_id))
            ledger.record_failures(run_id, failures[:1])
            for found in (1, 2):
                body = {"found": found, "delivery_root": ledger.totals(run_id).delivery_root}
                ledger.close_run(run_id, body)
            ledger.record_failures(run_id, failures[1:])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE sealed_failure")
        connection.execute("ALTER TABLE failure DROP COLUMN detail")
        connection.execute("UPDATE version SET version = 1")
    with connect(url) as ledger:
        assert [list(ledger.failures_of(seq)) for seq in (1, 2, 3, 4)] == [[], failures, [], failures]
        assert list(ledger.verify()) == []


def test_deliveries_of_before_servers_were_quoted_stay_proven(path: Path, url: str) -> None:
    x = make_delivery("x")
    with connect(url) as ledger:
        ledger.open_run(make_run())
        ledger.intend("one", [x])
        ledger.settle("one", [Outcome(x.delivery_key, "id", "c" * 64)])
        ledger.close_run("one", {"delivery_root": ledger.totals("one").delivery_root})
    with closing(sqlite3.connect(path)) as connection, connection:
        for column in ("request_id", "stored_hash"):
            connection.execute(f"ALTER TABLE delivery DROP COLUMN {column}")
        connection.execute("UPDATE version SET version = 2")
    with connect(url) as ledger:
        assert list(ledger.verify()) == []
        [receipt] = ledger.receipts_of(1)
        assert (receipt.server_id, receipt.request_id) == ("id", "")


def test_failures_of_before_they_had_details_stay_proven(path: Path, url: str) -> None:
    row = Failure("x", "", "", "convert", "row-does-not-fit")
    with connect(url) as ledger:
        ledger.open_run(make_run())
        ledger.record_failures("one", [row])
        record = ledger.close_run("one", {"delivery_root": ledger.totals("one").delivery_root})
    five = digest("x", "", "", "convert", "row-does-not-fit")
    assert record.body["failure_root"] == root_hash([five])  # as it was computed then
    with closing(sqlite3.connect(path)) as connection, connection:
        for table in ("failure", "sealed_failure"):
            connection.execute(f"ALTER TABLE {table} DROP COLUMN detail")
        connection.execute("UPDATE version SET version = 7")
    with connect(url) as ledger:
        assert list(ledger.verify()) == []
        assert list(ledger.failures_of(1)) == list(ledger.failures("one")) == [row]


def test_a_ledger_of_a_newer_version_is_left_alone(path: Path, url: str) -> None:
    with connect(url):
        pass
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE version SET version = 99")
    known = len(migration.STEPS)
    with pytest.raises(Fatal, match=rf"version 99, this program knows {known}\. Install"), connect(url):
        pass


@pytest.mark.parametrize("bad", ["", "ledger.db", "sqlite://", "sqlite:///:memory:", "mysql://u:secret@h/d"])
def test_a_url_of_no_ledger_is_refused_with_an_example_and_without_its_password(bad: str) -> None:
    with pytest.raises(Fatal, match="sqlite:////absolute/path") as raised, connect(bad):
        pass
    assert "secret" not in str(raised.value)


def test_a_file_that_is_no_ledger_is_refused(path: Path, url: str) -> None:
    path.parent.mkdir()
    path.write_text("a letter to my aunt, " * 100)
    with pytest.raises(Fatal, match=r"not a database\. Restore the ledger from its backup"), connect(url):
        pass


def test_a_folder_that_cannot_be_made_may_be_mended(tmp_path: Path) -> None:
    (tmp_path / "rooms").write_text("in the way")
    with (
        pytest.raises(Retriable, match="Make its folder writable"),
        connect(f"sqlite:///{tmp_path}/rooms/x/ledger.db"),
    ):
        pass


def test_a_ledger_that_stays_locked_is_tried_again_later(
    path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    with connect(url) as ledger, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Retriable, match="locked"):
            ledger.open_run(make_run())
        assert ledger.mapping("chat", "custom") == ""


def test_a_server_that_does_not_answer_is_tried_again_later_and_its_password_kept() -> None:
    url = "postgresql://archive:secret@127.0.0.1:1/ledger"
    with pytest.raises(Retriable, match="Connection refused") as raised, connect(url):
        pass
    assert "secret" not in str(raised.value)
