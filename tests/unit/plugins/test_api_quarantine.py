"""What was set aside, over REST: listed without its content, which is opened on the record only."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import Any

import pytest
from commsarchive_airflow.wiring import staging

from include.commsarchive.ids import digest
from include.commsarchive.ledger.base import Held, HeldStage
from include.commsarchive.ledger.sql import SqlLedger
from include.commsarchive.model import Person, StagedItem
from include.commsarchive.stages.shards import line
from tests.letters import make_held
from tests.unit.plugins.api_desk import Api
from tests.unit.plugins.desk import DAY

ANN = Person("mail:ann", "Ann", "ann@vendor.example", internal=True)
HOME = "/connectors/desk_chat"


def keep(held: Held, name: str, content: bytes) -> None:
    with staging().held("desk_chat").write(f"{held.path}/{name}") as sink:
        sink.write(content)


def held(path: str, stage: HeldStage, **more: Any) -> Held:
    return replace(make_held(path, connector="desk_chat", day=DAY), path=path, stage=stage, **more)


def staged(text: str) -> StagedItem:
    return StagedItem(
        key=digest("item"),
        revision="r" * 32,
        source="memos",
        native_ids=("1",),
        thread="t",
        subject="Secret",
        at=0,
        message_class="c",
        item_class="i",
        sender=ANN,
        to=(ANN,),
        cc=(),
        bcc=(),
        text=text,
        html="<p>",
        attachments=(),
        counts={},
    )


class TestQuarantine:
    def test_what_is_set_aside_is_listed_without_its_content(self, api: Api, ledger: SqlLedger) -> None:
        ledger.hold([held(f"items/{number}", HeldStage.INGEST) for number in range(3)])
        page = api("vera", "GET", f"{HOME}/quarantine?limit=2").json()
        rest = api("vera", "GET", f"{HOME}/quarantine?limit=2&after={page['next']}").json()
        assert [one["path"] for one in page["items"] + rest["items"]] == ["items/0", "items/1", "items/2"]
        assert api("vera", "GET", f"{HOME}/quarantine?reason=other").json()["items"] == []
        assert api("vera", "GET", f"{HOME}/quarantine?stage=convert").json()["items"] == []

    def test_an_item_is_opened_and_the_look_is_in_the_trail(self, api: Api, ledger: SqlLedger) -> None:
        one = held("items/one", HeldStage.MAP_USERS)
        ledger.hold([one])
        keep(one, "item.jsonl", line(staged("what was said")))
        shown = api("cora", "GET", f"{HOME}/quarantine/{one.held_id}").json()
        assert (shown["item"]["subject"], shown["item"]["text"]) == ("Secret", "what was said")
        (entry,) = api("cora", "GET", "/audit?what=open-content").json()["items"]
        assert (entry["act"]["who"], entry["act"]["thing"]) == ("cora", one.held_id)
        assert "Secret" not in str(entry)

    def test_a_record_that_could_not_be_read_is_shown_and_downloaded_as_it_is(
        self, api: Api, ledger: SqlLedger
    ) -> None:
        one = held("bundles/one", HeldStage.CONVERT, sha256="f" * 64)
        ledger.hold([one])
        keep(one, f"refused/{one.sha256}", b"<Message>\xff")
        assert api("cora", "GET", f"{HOME}/quarantine/{one.held_id}").json()["text"] == "<Message>\ufffd"
        loaded = api("cora", "GET", f"{HOME}/quarantine/{one.held_id}/bytes")
        assert (loaded.content, loaded.headers["content-type"]) == (
            b"<Message>\xff",
            "application/octet-stream",
        )
        assert "attachment" in loaded.headers["content-disposition"]
        entries = api("cora", "GET", "/audit").json()["items"]
        assert [entry["act"]["what"] for entry in entries] == ["download-content", "open-content"]

    def test_a_file_that_could_not_be_decrypted_is_downloaded_not_shown(
        self, api: Api, ledger: SqlLedger
    ) -> None:
        one = held("bundles/two", HeldStage.DECRYPT, place="export.gpg")
        ledger.hold([one])
        keep(one, "raw/export.gpg", b"sealed")
        shown = api("cora", "GET", f"{HOME}/quarantine/{one.held_id}").json()
        assert (shown["size"], shown["text"], shown["item"]) == (6, "", None)
        assert api("cora", "GET", f"{HOME}/quarantine/{one.held_id}/bytes").content == b"sealed"

    def test_bytes_that_are_lost_are_said_so(self, api: Api, ledger: SqlLedger) -> None:
        one = held("items/lost", HeldStage.INGEST)
        ledger.hold([one])
        answer = api("cora", "GET", f"{HOME}/quarantine/{one.held_id}")
        assert (answer.status_code, answer.json()["error"]) == (410, "bytes-gone")

    def test_content_is_not_given_when_the_trail_cannot_be_written(
        self, api: Api, ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one = held("items/one", HeldStage.MAP_USERS)
        ledger.hold([one])
        keep(one, "item.jsonl", line(staged("what was said")))
        with sqlite3.connect(api.desk.root / "ledger.db") as raw:
            raw.execute("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(FAIL, 'no room'); END")
        answer = api("cora", "GET", f"{HOME}/quarantine/{one.held_id}")
        assert answer.status_code in (409, 503)
        assert "what was said" not in answer.text
