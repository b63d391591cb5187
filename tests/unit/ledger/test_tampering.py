"""Whoever changes, removes or inserts a row of the evidence is found out."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from include.commsarchive.ids import digest
from include.commsarchive.ledger import chain
from include.commsarchive.ledger.base import Failure, FileRecord, ImportRecord
from include.commsarchive.ledger.control import Act
from include.commsarchive.ledger.schema import (
    METADATA,
    audit,
    audit_head,
    delivery,
    head,
    import_record,
    item,
    mapping,
    run,
    sealed_failure,
    sealed_file,
)
from include.commsarchive.ledger.sql import connect
from include.commsarchive.model import Outcome
from tests.letters import DAY, make_delivery, make_item, make_run

ITEMS = "abcde"
VERSION = digest("mapping", "people")


def archive(url: str, run_id: str, *items: str) -> None:
    with connect(url) as ledger:
        run = ledger.open_run(make_run(run_id))
        ledger.plan_anew(run_id)
        ledger.keep_mapping("chat", "custom", VERSION, "people")
        ledger.record_file(run_id, FileRecord(f"{run_id}.xml", 1, "a" * 64, 2, "c" * 64, "SIGNER", "no-key"))
        ledger.record_items(run_id, [make_item(item) for item in items])
        deliveries = [make_delivery(item) for item in items]
        ledger.intend(run_id, deliveries)
        ledger.record_failures(run_id, [Failure(item, "", "", "ingest", "full") for item in items])
        ledger.settle(run_id, [Outcome(one.delivery_key, "id", "c" * 64) for one in deliveries])
        body = {
            "found": len(items),
            "kind": run.kind,
            "window_end": run.window_end.isoformat(),
            "versions": {"custom": VERSION},
            "delivery_root": ledger.totals(run_id).delivery_root,
        }
        ledger.close_run(run_id, body)
        ledger.note(Act("olga", "replay", "chat", run_id, detail={"items": len(items)}))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four records of three runs; the second run was closed twice."""
    path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    url = f"sqlite:///{path}"
    archive(url, "one", "a", "b")
    archive(url, "two", "c")
    archive(url, "three", "d")
    archive(url, "two", "c", "e")
    return path


@pytest.fixture
def path(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(original, tmp_path))


@contextmanager
def opened(path: Path) -> Iterator[sa.Connection]:
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def verify(path: Path) -> list[str]:
    with connect(f"sqlite:///{path}") as ledger:
        return list(ledger.verify())


def of_item(item: str) -> sa.ColumnElement[bool]:
    return delivery.c.delivery_key == make_delivery(item).delivery_key


WHILE_OPEN = {"doubts", "worker"}
"""Columns of deliveries that say nothing of a copy once it is made."""


def change(path: Path, table: sa.Table, where: sa.ColumnElement[bool], column: str) -> None:
    """Change one column of one row to another value of its kind."""
    with opened(path) as connection:
        value: Any = connection.execute(sa.select(table.c[column]).where(where)).scalar_one()
        if isinstance(value, bool):
            changed: object = not value
        elif isinstance(value, int):
            changed = value + 100
        elif isinstance(value, dt.date):
            changed = value + dt.timedelta(days=1)
        elif value in ("delivered", "planned"):
            changed = "failed" if value == "delivered" else "excluded"
        elif column in ("closed_at", "window_end"):
            changed = value.replace("2", "1", 1)
        elif column == "body" and table is import_record:
            changed = json.dumps(json.loads(value) | {"found": 7})
        elif column == "detail":
            changed = '{"items":77}'
        else:
            changed = f"{value}x"
        assert connection.execute(sa.update(table).where(where).values({column: changed})).rowcount == 1


def test_what_nobody_touched_verifies(path: Path) -> None:
    assert verify(path) == []


@pytest.mark.parametrize("item", ITEMS)
@pytest.mark.parametrize("column", [one.name for one in delivery.columns if one.name not in WHILE_OPEN])
def test_a_changed_delivery_is_found(path: Path, column: str, item: str) -> None:
    change(path, delivery, of_item(item), column)
    assert verify(path) != []


@pytest.mark.parametrize("seq", [1, 2, 3, 4])
@pytest.mark.parametrize("column", [column.name for column in import_record.columns])
def test_a_changed_record_is_found(path: Path, column: str, seq: int) -> None:
    change(path, import_record, import_record.c.seq == seq, column)
    assert verify(path) != []


@pytest.mark.parametrize("column", ["seq", "hash"])
def test_a_changed_head_is_found(path: Path, column: str) -> None:
    change(path, head, sa.true(), column)
    assert verify(path) != []


@pytest.mark.parametrize("item", ITEMS)
def test_a_removed_delivery_is_found(path: Path, item: str) -> None:
    with opened(path) as connection:
        assert connection.execute(sa.delete(delivery).where(of_item(item))).rowcount == 1
    assert verify(path) != []


@pytest.mark.parametrize("seq", [1, 2, 3, 4])
def test_a_removed_record_is_found(path: Path, seq: int) -> None:
    with opened(path) as connection:
        connection.execute(sa.delete(import_record).where(import_record.c.seq == seq))
    assert verify(path) != []


def test_a_removed_history_is_found(path: Path) -> None:
    with opened(path) as connection:
        connection.execute(sa.delete(import_record))
    assert verify(path) != []


@pytest.mark.parametrize("item", ITEMS)
@pytest.mark.parametrize("sealed", [None, 0, 1, 4])
def test_an_inserted_delivery_of_a_closed_run_is_found(path: Path, item: str, sealed: int | None) -> None:
    with opened(path) as connection:
        row = connection.execute(sa.select(delivery).where(of_item(item))).mappings().one()
        forged = dict(row) | {"delivery_key": "0" * 32, "sealed": sealed}
        connection.execute(sa.insert(delivery), [forged])
    assert verify(path) != []


@pytest.mark.parametrize("column", [column.name for column in sealed_failure.columns])
def test_a_changed_failure_is_found(path: Path, column: str) -> None:
    first = sa.and_(sealed_failure.c.seq == 1, sealed_failure.c.number == 1)
    change(path, sealed_failure, first, column)
    assert verify(path) != []


@pytest.mark.parametrize("seq", [1, 2, 3, 4])
def test_a_removed_failure_is_found(path: Path, seq: int) -> None:
    row = sa.and_(sealed_failure.c.seq == seq, sealed_failure.c.number == 1)
    with opened(path) as connection:
        assert connection.execute(sa.delete(sealed_failure).where(row)).rowcount == 1
    line, *_ = verify(path)
    assert line.startswith(f"import record {seq} (run ")
    assert "its failures are not what it covers" in line


@pytest.mark.parametrize("seq", [1, 2, 3, 4])
@pytest.mark.parametrize("number", [0, 9])
def test_an_inserted_failure_is_found(path: Path, seq: int, number: int) -> None:
    text = dict.fromkeys(("item_id", "source_user", "mailbox", "stage", "reason"), "")
    with opened(path) as connection:
        connection.execute(sa.insert(sealed_failure), [{"seq": seq, "number": number} | text])
    assert verify(path) != []


@pytest.mark.parametrize("seq", [0, 5])
def test_an_inserted_record_is_found_even_with_the_right_hashes(path: Path, seq: int) -> None:
    with opened(path) as connection:
        last = connection.execute(sa.select(head)).mappings().one()
        root = chain.delivery_root([])
        forged = ImportRecord(
            seq=seq,
            run_id="forged",
            connector="chat",
            day=DAY,
            closed_at=dt.datetime(2026, 3, 3, tzinfo=dt.UTC),
            previous=last["hash"] if seq else chain.GENESIS,
            hash="",
            body={"delivery_root": root},
        )
        row = {
            **{name: getattr(forged, name) for name in ("seq", "run_id", "connector", "day", "previous")},
            "closed_at": forged.closed_at.isoformat(),
            "hash": chain.record_hash(forged),
            "body": json.dumps(forged.body),
        }
        connection.execute(sa.insert(import_record), [row])
    assert verify(path) != []


COVERED = [
    (run, "one", run.c.run_id == "one"),
    (sealed_file, "the first record's", sealed_file.c.seq == 1),
    (item, "of the first run", sa.and_(item.c.run_id == "one", item.c.key == digest("a"))),
    (mapping, "named by all records", mapping.c.version == VERSION),
    (audit, "in the middle of the trail", audit.c.seq == 2),
    (audit, "the last of the trail", audit.c.seq == 4),
    (audit_head, "the trail's", sa.true()),
]
NOT_EVIDENCE = {("run", "planned"), ("mapping", "in_force"), ("mapping", "since")}
"""Columns that say what is going on now."""


@pytest.mark.parametrize(
    ("table", "where", "column"),
    [
        pytest.param(table, where, column.name, id=f"{table.name}.{column.name} {which}")
        for table, which, where in COVERED
        for column in table.columns
        if (table.name, column.name) not in NOT_EVIDENCE
    ],
)
def test_a_change_of_any_other_row_that_a_record_covers_is_found(
    path: Path, table: sa.Table, where: sa.ColumnElement[bool], column: str
) -> None:
    change(path, table, where, column)
    assert verify(path) != []


@pytest.mark.parametrize(
    ("table", "where"), [pytest.param(t, where, id=f"{t.name} {which}") for t, which, where in COVERED]
)
def test_a_removed_row_that_a_record_covers_is_found(
    path: Path, table: sa.Table, where: sa.ColumnElement[bool]
) -> None:
    with opened(path) as connection:
        assert connection.execute(sa.delete(table).where(where)).rowcount == 1
    assert verify(path) != []


@pytest.mark.parametrize(
    ("table", "where", "forged"),
    [
        pytest.param(sealed_file, sealed_file.c.seq == 1, {"number": 2, "name": "zzz"}, id="file"),
        pytest.param(item, COVERED[2][2], {"key": "f" * 32}, id="item"),
        pytest.param(audit, audit.c.seq == 4, {"seq": 5}, id="audit"),
        pytest.param(audit, audit.c.seq == 1, {"seq": 0}, id="audit, before the first"),
    ],
)
def test_an_inserted_row_beside_those_that_a_record_covers_is_found(
    path: Path, table: sa.Table, where: sa.ColumnElement[bool], forged: dict[str, object]
) -> None:
    with opened(path) as connection:
        row = connection.execute(sa.select(table).where(where)).mappings().one()
        connection.execute(sa.insert(table), [dict(row) | forged])
    assert verify(path) != []


def test_a_decision_of_a_run_that_is_being_planned_anew_is_no_tampering_but_is_told(path: Path) -> None:
    with connect(f"sqlite:///{path}") as ledger:
        ledger.plan_anew("three")
        assert list(ledger.verify()) == []
        assert ledger.replanned() == ["three"]


def test_every_table_is_covered_or_known_not_to_be_evidence() -> None:
    tested = {table.name for table, _, _ in COVERED} | {"delivery", "import_record", "head", "sealed_failure"}
    working = {"file", "failure", "fate", "held", "custodian", "alert", "notice", "version", "connector"}
    assert tested | working == set(METADATA.tables)


def test_the_report_names_the_record_and_the_run(path: Path) -> None:
    change(path, delivery, of_item("d"), "content_hash")
    [line] = verify(path)
    assert line.startswith("import record 3 (run three): its deliveries are not what it covers")
