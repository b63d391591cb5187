"""The import log to download: whole, readable by pandas, harmless in a spreadsheet."""

from __future__ import annotations

import datetime as dt
import io
import json
from dataclasses import replace

import pandas as pd
import pytest

from include.commsarchive.ledger.base import Failure, ImportRecord
from include.commsarchive.ledger.memory import MemoryLedger
from include.commsarchive.model import Attachment, Outcome
from include.commsarchive.stages.convert import convert
from include.commsarchive.stages.import_log import csv_rows, json_pieces
from include.commsarchive.stages.map_users import map_users
from include.commsarchive.stages.run import Bundle
from include.commsarchive.stages.shards import ItemReader, heads, parted, writing
from tests.letters import DAY, make_delivery, make_run
from tests.unit.stages.small_world import World

RECORD = ImportRecord(
    seq=1,
    run_id="scheduled__2026-03-02",
    connector="chat",
    day=DAY,
    closed_at=dt.datetime(2026, 3, 3, 5, 4, 3, tzinfo=dt.UTC),
    previous="0" * 64,
    hash="f" * 64,
    body={
        "found": 10,
        "archived": 2,
        "duplicate": 2,
        "excluded": 1,
        "quarantined": 5,
        "unmapped": 3,
        "deliveries_planned": 6,
        "deliveries_made": 3,
        "deliveries_partial": 1,
        "deliveries_duplicate": 2,
        "deliveries_failed": 1,
        "delivery_root": "ab" * 32,
        "mapping_version": "v1",
        "software": "1",
    },
)


def closed(failures: list[Failure]) -> MemoryLedger:
    """A ledger whose first record has these failures, of which its run forgot all when it began anew."""
    ledger = MemoryLedger()
    ledger.open_run(make_run(RECORD.run_id))
    ledger.record_failures(RECORD.run_id, failures)
    ledger.close_run(RECORD.run_id, {"delivery_root": ledger.totals(RECORD.run_id).delivery_root})
    ledger.plan_anew(RECORD.run_id)
    return ledger


@pytest.fixture
def ledger() -> MemoryLedger:
    failures = [
        Failure("item 1", "uuid:1", "ann@firm.example", "ingest", "no-such-mailbox"),
        Failure("item 2", "", "", "convert", 'says "no",\r\n at line 1', "field `Time`: is no time"),
    ]
    return closed(failures)


def read(ledger: MemoryLedger) -> pd.DataFrame:
    return pd.read_csv(io.StringIO("".join(csv_rows(RECORD, ledger))), dtype=str, keep_default_na=False)


def test_the_first_row_is_the_run_in_the_columns_that_purview_has(ledger: MemoryLedger) -> None:
    row = read(ledger).iloc[0]
    assert row["Import completion time (UTC)"] == "2026-03-03T05:04:03Z"
    assert row["Items available from source"] == "10"
    parts = ["Items imported", "Items partially imported", "Items skipped (duplicate)", "Items failed"]
    assert [row[name] for name in parts] == ["2", "1", "2", "1"]
    assert int(row["Items available for import"]) == sum(int(row[name]) for name in parts)
    assert [row[f"Source items {name}"] for name in ("excluded", "quarantined", "unmapped")] == [
        "1",
        "5",
        "3",
    ]
    assert row["Record hash"] == RECORD.hash


def test_each_failure_is_a_row_of_its_own(ledger: MemoryLedger) -> None:
    rows = read(ledger).iloc[1:][["Record", "Item id", "Source user id", "User", "Failure reason", "Detail"]]
    assert rows.to_numpy().tolist() == [
        ["1", "item 1", "uuid:1", "ann@firm.example", "no-such-mailbox", ""],
        ["1", "item 2", "", "", 'says "no",   at line 1', "field `Time`: is no time"],
    ]


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1", "\n=1", "\uff1d1", "\x00=1", "\xa0=1"]
)
def test_no_text_is_a_formula_for_a_spreadsheet(text: str) -> None:
    row = read(closed([Failure(text, text, text, "ingest", text, text)])).iloc[1]
    for name in ("Item id", "Source user id", "User", "Failure reason", "Detail"):
        assert row[name].startswith("'")


def test_the_json_says_the_same_and_holds_the_whole_record(ledger: MemoryLedger) -> None:
    log = json.loads("".join(json_pieces(RECORD, ledger)))
    assert log["record"] == RECORD.body
    assert {name: str(value) for name, value in log["summary"].items()} == {
        name: value for name, value in read(ledger).iloc[0].items() if name in log["summary"]
    }
    assert [row["Item id"] for row in log["failures"]] == ["item 1", "item 2"]
    assert log["failures"][1]["Failure reason"] == 'says "no",\r\n at line 1'
    assert [row["Detail"] for row in log["failures"]] == ["", "field `Time`: is no time"]


def test_a_run_without_failures_is_whole_too() -> None:
    assert json.loads("".join(json_pieces(RECORD, MemoryLedger())))["failures"] == []
    assert len(read(MemoryLedger())) == 1


def test_each_person_without_a_mailbox_is_a_row_of_their_own(world: World) -> None:
    scope = world.scope()
    content = b"a|ann|bob|hi\nb|eve|bob|hi\nc|ZOE|EXT|hi\nd|ann|EXT|hi\n"
    done = convert(scope, Bundle("day", ("day.txt",)), [world.put(scope, "day.txt", content)])
    mapped = map_users(scope, done.shards, world.resolver("ann"), {})
    assert (mapped.unmapped, mapped.unmapped_people) == (2, 2)
    names = {head.key: name for (_, head), name in zip(heads(scope.folder, done.shards), "abcd", strict=True)}
    rows = [
        (names[row.item_id], row.source_user, row.mailbox, row.stage, row.reason)
        for row in world.ledger.failures(scope.run.run_id)
    ]
    assert sorted(rows) == [
        ("a", "login:bob", "", "map_users", "person-unmapped"),
        ("b", "login:bob", "", "map_users", "nobody-mapped"),
        ("b", "login:eve", "", "map_users", "nobody-mapped"),
        ("c", "", "", "map_users", "nobody-mapped"),
    ]


def test_each_item_that_lacks_attachments_is_a_row_that_names_them(world: World) -> None:
    scope = world.scope()
    content = b"a|ann|bob|hi|plan.xlsx\nb|ann|bob|hi|\x07.doc\nc|ann|bob|hi|\nd|bob|EXT|hi|no custodian.pdf\n"
    done = convert(scope, Bundle("day", ("day.txt",)), [world.put(scope, "day.txt", content)])
    map_users(scope, done.shards, world.resolver("ann", "bob", scope=("ann@bank.example",)), {})
    names = {head.key: name for (_, head), name in zip(heads(scope.folder, done.shards), "abcd", strict=True)}
    rows = {
        (names[row.item_id], row.stage, row.reason, row.detail)
        for row in world.ledger.failures(scope.run.run_id)
    }
    assert rows == {
        ("a", "convert", "attachment-missing", "plan.xlsx"),
        ("b", "convert", "attachment-missing", "\u2407.doc"),
    }


def test_attachments_of_an_item_are_named_once_each_by_what_is_wrong_with_them(world: World) -> None:
    scope = world.scope()
    done = convert(scope, Bundle("day", ("day.txt",)), [world.put(scope, "day.txt", b"a|ann|bob|hi\n")])
    files = [("b", "missing"), ("a", "missing"), ("", "size-mismatch"), ("c", ""), ("b", "missing")]
    [(place, _)] = heads(scope.folder, done.shards)
    with ItemReader(scope.folder) as reader, writing(scope.folder, "shards/other.jsonl") as add:
        attachments = tuple(Attachment(name, problem=problem) for name, problem in files)
        add(parted(replace(reader.item(place), attachments=attachments)))
    map_users(scope, ["shards/other.jsonl"], world.resolver("ann", "bob"), {})
    rows = [(row.reason, row.detail) for row in world.ledger.failures(scope.run.run_id)]
    assert rows == [("attachment-missing", "b; a"), ("attachment-size-mismatch", "attachment")]


def test_each_copy_is_a_row_with_what_its_server_and_the_request_were_called() -> None:
    ledger = MemoryLedger()
    ledger.open_run(make_run(RECORD.run_id))
    copy = make_delivery("x")
    ledger.intend(RECORD.run_id, [copy])
    filed = Outcome(copy.delivery_key, "AAMk=", "a" * 64, request_id="7e1f", stored_hash="b" * 64)
    ledger.settle(RECORD.run_id, [filed])
    ledger.close_run(RECORD.run_id, {"delivery_root": ledger.totals(RECORD.run_id).delivery_root})
    expected = {
        "Item id": copy.key,
        "User": copy.mailbox,
        "Folder": copy.folder,
        "Server id": "AAMk=",
        "Correlation id": "7e1f",
        "SHA-256 as kept": "b" * 64,
    }
    [listed] = json.loads("".join(json_pieces(RECORD, ledger)))["copies"]
    row = read(ledger).iloc[1]
    assert {name: listed[name] for name in expected} == {name: row[name] for name in expected} == expected
