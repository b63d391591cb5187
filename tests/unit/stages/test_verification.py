"""What verifications found is kept where nobody can rewrite it, and what was wrong is looked at again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from include.commsarchive.ledger.control import Act, AuditFilter
from include.commsarchive.ledger.sql import SqlLedger, connect
from include.commsarchive.stages import verify as stage
from include.commsarchive.stages.audit_log import audit_csv, audit_json, trail
from include.commsarchive.stages.verification import Asked, Verification, kept, suspects, verify_and_keep
from include.commsarchive.stages.verify import Extent
from tests.letters import DAY, FOLDER, make_delivery
from tests.unit.stages.proven import NEXT, WireMailbox, archive_day, mailboxes

EVERYTHING = AuditFilter()


@pytest.fixture
def mailbox() -> WireMailbox:
    return mailboxes()


@pytest.fixture
def ledger(tmp_path: Path, mailbox: WireMailbox) -> Iterator[SqlLedger]:
    with connect(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        archive_day(opened, mailbox, DAY, "ann", "bob", "cid")
        archive_day(opened, mailbox, NEXT, "dan", connector="mail")
        opened.note(Act("ada", "replay", "chat", detail={"which": "all"}))
        yield opened


def verified(
    ledger: SqlLedger, mailbox: WireMailbox, extent: Extent = "all", connector: str = "", turn: str = ""
) -> Verification:
    asked = Asked("cora", connector, extent)
    return verify_and_keep(ledger, lambda _: nullcontext(mailbox), asked, turn)[1]


def key_of(item: str) -> str:
    return make_delivery(item, f"{item}@firm.example").delivery_key


def lose(mailbox: WireMailbox, item: str) -> None:
    del mailbox.mails[f"{item}@firm.example", FOLDER][key_of(item)]


def test_what_was_found_is_kept_as_it_was_said(ledger: SqlLedger, mailbox: WireMailbox) -> None:
    lose(mailbox, "bob")
    said = verified(ledger, mailbox)
    assert (said.verdict, said.chain, said.records, said.copies, said.trail) == (
        *("incomplete", "intact"),
        *(2, 4, 1),
    )
    assert "is not in its mailbox any more" in said.faults[0]
    assert "restore it" in said.remedy
    assert kept(ledger) == [said]


def test_a_changed_ledger_is_told_from_a_changed_mailbox(ledger: SqlLedger, mailbox: WireMailbox) -> None:
    with ledger._database.write() as connection:
        connection.exec_driver_sql("UPDATE audit SET who = 'eve'")
    said = verified(ledger, mailbox, "none")
    assert (said.verdict, said.chain) == ("tampered", "tampered")
    assert "audit entry 1: its content is not what was hashed" in said.faults[0]


def test_those_of_a_connector_and_of_all_are_listed_for_it_the_last_first(
    ledger: SqlLedger, mailbox: WireMailbox
) -> None:
    for connector in ("", "chat", "mail"):
        verified(ledger, mailbox, "none", connector)
    assert [one.connector for one in kept(ledger, limit=9)] == ["mail", "chat", ""]
    assert [one.connector for one in kept(ledger, "chat", limit=9)] == ["chat", ""]
    last = kept(ledger)[0].number
    assert [one.connector for one in kept(ledger, before=last, limit=1)] == ["chat"]


def test_what_was_wrong_is_in_each_sample_until_it_is_mended(
    ledger: SqlLedger, mailbox: WireMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "SAMPLE", 1)
    lost = mailbox.mails["bob@firm.example", FOLDER][key_of("bob")]
    lose(mailbox, "bob")
    found = verified(ledger, mailbox, "all")
    assert suspects([found]) == [key_of("bob")]
    for turn in "abcdef":
        assert verified(ledger, mailbox, "sample", turn=turn).verdict == "incomplete"
    mailbox.mails["bob@firm.example", FOLDER][key_of("bob")] = lost
    assert verified(ledger, mailbox, "sample").verdict == "intact"
    assert suspects(kept(ledger, limit=9)) == []


def test_what_was_wrong_of_one_connector_is_not_forgotten(
    ledger: SqlLedger, mailbox: WireMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "SAMPLE", 1)
    lose(mailbox, "bob")
    verified(ledger, mailbox, "all", "chat")
    verified(ledger, mailbox, "none")
    verified(ledger, mailbox, "all", "mail")
    assert all(verified(ledger, mailbox, "sample", turn=turn).verdict == "incomplete" for turn in "abcdef")


def test_verifications_of_earlier_versions_are_read(ledger: SqlLedger) -> None:
    ledger.note(Act("ada", "verify", "", outcome="intact", detail={"extent": "none", "copies": 0}))
    (old,) = kept(ledger)
    assert (old.who, old.verdict, old.chain, old.records, old.faults) == ("ada", "intact", "intact", 0, ())


def test_the_chain_of_a_downloaded_trail_can_be_recomputed_without_us(
    ledger: SqlLedger, mailbox: WireMailbox
) -> None:
    verified(ledger, mailbox)
    rows = json.loads("".join(audit_json(trail(ledger, EVERYTHING))))
    previous = "0" * 64
    for row in reversed(rows):
        hashed = {name: row[name] for name in row.keys() - {"time", "previous", "hash"}}
        line = json.dumps(hashed, sort_keys=True, separators=(",", ":"))
        assert row["previous"] == previous
        assert hashlib.sha256(f"{previous}\n{line}".encode()).hexdigest() == row["hash"]
        previous = row["hash"]
    assert len(rows) == 2


def test_the_trail_as_a_table_runs_no_formula(ledger: SqlLedger) -> None:
    ledger.note(Act("=cmd", "replay"))
    head, last, first = "".join(audit_csv(trail(ledger, EVERYTHING))).splitlines()
    assert head.startswith("seq,time,at,who,what,connector")
    assert ",'=cmd,replay," in last
    assert '"{""which"": ""all""}"' in first
