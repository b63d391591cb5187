"""What verifications found is kept where nobody can rewrite it, and what was wrong is looked at again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from include.commsarchive.errors import CommsArchiveError, Fatal, Retriable
from include.commsarchive.ledger.control import Act, AuditFilter
from include.commsarchive.ledger.sql import SqlLedger
from include.commsarchive.stages import verify as stage
from include.commsarchive.stages.audit_log import audit_csv, audit_json, trail
from include.commsarchive.stages.verification import (
    Asked,
    Verification,
    kept,
    last_looks,
    suspects,
    verify_and_keep,
)
from include.commsarchive.stages.verify import Extent
from tests.letters import FOLDER
from tests.unit.stages.proven import WireMailbox, key_of, mailboxes, two_days

EVERYTHING = AuditFilter()


@pytest.fixture
def mailbox() -> WireMailbox:
    return mailboxes()


@pytest.fixture
def ledger(tmp_path: Path, mailbox: WireMailbox) -> Iterator[SqlLedger]:
    with two_days(tmp_path, mailbox) as opened:
        opened.note(Act("ada", "replay", "chat", detail={"which": "all"}))
        yield opened


def verified(
    ledger: SqlLedger, mailbox: WireMailbox, extent: Extent = "all", connector: str = "", turn: str = ""
) -> Verification:
    asked = Asked("cora", connector, extent)
    return verify_and_keep(ledger, lambda _: nullcontext(mailbox), asked, turn)[1]


def lose(mailbox: WireMailbox, item: str) -> None:
    del mailbox.mails[f"{item}@firm.example", FOLDER][key_of(item)]


def test_what_was_found_is_kept_as_it_was_said(ledger: SqlLedger, mailbox: WireMailbox) -> None:
    lose(mailbox, "bob")
    said = verified(ledger, mailbox)
    assert (said.verdict, said.chain, said.records, said.trail) == ("incomplete", "intact", 2, 1)
    assert (said.copies, said.compared, said.only_found) == (4, 3, 0)
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
    assert suspects(last_looks(ledger)) == []


@pytest.mark.parametrize("extent", ["sample", "all"])
@pytest.mark.parametrize("fault", [Retriable("too busy"), Fatal("no such host")])
def test_what_was_wrong_and_cannot_be_asked_for_is_not_forgotten(
    ledger: SqlLedger,
    mailbox: WireMailbox,
    monkeypatch: pytest.MonkeyPatch,
    extent: Extent,
    fault: CommsArchiveError,
) -> None:
    class Away(WireMailbox):
        def find(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> dict[str, str]:
            raise fault

    monkeypatch.setattr(stage, "SAMPLE", 1)
    lose(mailbox, "bob")
    lose(mailbox, "cid")
    verified(ledger, mailbox)
    assert verified(ledger, Away(mailbox._encode), extent, turn="a").verdict == "incomplete"
    assert set(suspects(last_looks(ledger))) == {key_of("bob"), key_of("cid")}
    assert all(verified(ledger, mailbox, "sample", turn=turn).verdict == "incomplete" for turn in "abcdef")


def test_what_was_wrong_is_found_again_behind_many_looks_at_the_ledger_alone(
    ledger: SqlLedger, mailbox: WireMailbox
) -> None:
    lose(mailbox, "bob")
    verified(ledger, mailbox)
    for _ in range(120):
        ledger.note(Act("ada", "verify", outcome="intact", detail={"extent": "none"}))
    assert suspects(last_looks(ledger)) == [key_of("bob")]


def test_what_was_wrong_before_is_kept_by_name_beyond_the_limit(
    ledger: SqlLedger, mailbox: WireMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(mailbox, "bob")
    lose(mailbox, "cid")
    verified(ledger, mailbox)
    monkeypatch.setattr(stage, "MOST_LINES", 1)
    again = verified(ledger, mailbox, "sample")
    assert (set(again.suspects), again.unnamed) == ({key_of("bob"), key_of("cid")}, 0)


def test_that_more_was_wrong_than_is_named_is_known_until_all_copies_were_looked_up(
    ledger: SqlLedger, mailbox: WireMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Busy(WireMailbox):
        def find(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> dict[str, str]:
            raise Retriable("too busy")

    monkeypatch.setattr(stage, "MOST_LINES", 1)
    whole = mailbox.mails.copy()
    mailbox.mails.clear()
    assert verified(ledger, mailbox, "all", "chat").unnamed == 2
    mailbox.mails |= whole
    assert [verified(ledger, mailbox, "sample").unnamed for _ in "ab"] == [2, 2]
    assert verified(ledger, Busy(mailbox._encode), "all").unnamed == 2
    assert verified(ledger, mailbox, "all", "chat").unnamed == 0
    last = verified(ledger, mailbox, "sample")
    assert (last.verdict, last.unnamed) == ("intact", 2)
    assert verified(ledger, mailbox, "all").unnamed == 0
    assert verified(ledger, mailbox, "sample").unnamed == 0


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
