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


class TestSettlement:
    LOST = "The key is lost; the vendor does not keep the file"

    def settle(self, api: Api, *things: Held, who: str = "ada", reason: str = LOST) -> Any:
        only = [one.held_id for one in things]
        return api(who, "POST", f"{HOME}/quarantine/settlement", json={"only": only, "reason": reason})

    def test_what_is_settled_waits_no_more_and_says_who_and_why(self, api: Api, ledger: SqlLedger) -> None:
        kept, *lost = (held(f"bundles/{number}", HeldStage.DECRYPT) for number in range(3))
        ledger.hold([kept, *lost])
        assert self.settle(api, *lost, reason=f" {self.LOST} ").status_code == 204
        listed = api("vera", "GET", f"{HOME}/quarantine").json()["items"]
        assert [one["held_id"] for one in listed] == [kept.held_id]
        mark = f"settled by ada: {self.LOST}"
        assert [ledger.held_one(one.held_id) for one in lost] == [
            replace(one, resolved_by=mark) for one in lost
        ]
        keep(lost[0], f"raw/{lost[0].place}", b"sealed")
        opened = api("cora", "GET", f"{HOME}/quarantine/{lost[0].held_id}").json()
        assert (opened["held"]["resolved_by"], opened["size"]) == (mark, 6)

    def test_it_is_in_the_trail_with_ids_and_reason_before_it_counts(
        self, api: Api, ledger: SqlLedger
    ) -> None:
        one = held("bundles/one", HeldStage.DECRYPT)
        ledger.hold([one])
        self.settle(api, one)
        done, asked = (entry["act"] for entry in api("cora", "GET", "/audit?what=settle").json()["items"])
        assert (asked["who"], asked["connector"], asked["thing"]) == ("ada", "desk_chat", DAY.isoformat())
        assert asked["detail"] == {"only": [one.held_id], "reason": self.LOST}
        assert (asked["outcome"], done["outcome"]) == ("asked", "done")

    def test_nothing_is_settled_when_the_trail_cannot_be_written(self, api: Api, ledger: SqlLedger) -> None:
        one = held("bundles/one", HeldStage.DECRYPT)
        ledger.hold([one])
        with sqlite3.connect(api.desk.root / "ledger.db") as raw:
            raw.execute("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(FAIL, 'no room'); END")
        assert self.settle(api, one).status_code in (409, 503)
        assert ledger.held_one(one.held_id) == one

    def test_asked_again_it_changes_nothing(self, api: Api, ledger: SqlLedger) -> None:
        one = held("bundles/one", HeldStage.DECRYPT)
        ledger.hold([one])
        assert [self.settle(api, one, one).status_code for _ in range(2)] == [204, 204]
        assert len(api("cora", "GET", "/audit?what=settle").json()["items"]) == 2

    def test_all_of_it_is_settled_or_none(self, api: Api, ledger: SqlLedger) -> None:
        waiting, mended = held("bundles/one", HeldStage.DECRYPT), held("bundles/two", HeldStage.DECRYPT)
        others = replace(make_held("x", connector="other"), path="bundles/three")
        ledger.hold([waiting, mended, others])
        ledger.resolve([mended.held_id], "desk_chat/replay")
        for wrong, status, slug in (
            (mended, 409, "not-possible"),
            (others, 404, "not-found"),
            (make_held("unknown"), 404, "not-found"),
        ):
            answer = self.settle(api, waiting, wrong)
            assert (answer.status_code, answer.json()["error"]) == (status, slug)
            assert wrong.held_id in answer.json()["message"]
        assert ledger.held_one(waiting.held_id) == waiting
        assert ledger.held_one(mended.held_id) == replace(mended, resolved_by="desk_chat/replay")

    @pytest.mark.parametrize(
        ("reason", "number"),
        [("", 1), ("  ", 1), ("x" * 501, 1), ("two\nlines", 1), ("nul\0", 1), ("x", 0), ("x", 1001)],
    )
    def test_a_reason_and_a_bounded_choice_are_required(
        self, api: Api, ledger: SqlLedger, reason: str, number: int
    ) -> None:
        one = held("bundles/one", HeldStage.DECRYPT)
        ledger.hold([one])
        assert self.settle(api, *[one] * number, reason=reason).status_code == 422
        assert ledger.held_one(one.held_id) == one

    def test_what_is_set_aside_anew_waits_again(self, api: Api, ledger: SqlLedger) -> None:
        one = held("bundles/one", HeldStage.DECRYPT)
        ledger.hold([one])
        self.settle(api, one)
        ledger.hold([one])
        assert self.settle(api, one).status_code == 204
        assert len(api("cora", "GET", "/audit?what=settle").json()["items"]) == 4
