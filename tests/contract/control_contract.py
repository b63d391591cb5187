"""What every `Control` and every `Views` promise. Adapters inherit the suite and provide ``ledger``."""

from __future__ import annotations

import datetime as dt
from typing import Protocol

import pytest

from include.commsarchive.ids import digest
from include.commsarchive.ledger.base import Failure, HeldStage, ImportRecord, ItemState, Ledger
from include.commsarchive.ledger.control import Act, AuditFilter, Control, Outdated
from include.commsarchive.ledger.views import Custodian, HeldFilter, SetAside, Unmapped, Views
from include.commsarchive.model import Outcome
from tests.letters import DAY, NEXT_DAY, make_delivery, make_held, make_item, make_run

EVERY_DAY = (dt.date.min, dt.date.max)
ALL = 2**62


class Book(Ledger, Control, Views, Protocol):
    """A ledger with all that it can do."""


def close(
    ledger: Book, name: str, *, connector: str = "chat", day: dt.date = DAY, **body: int | str
) -> ImportRecord:
    ledger.open_run(make_run(name, connector=connector, day=day))
    root = ledger.totals(name).delivery_root
    return ledger.close_run(name, {"kind": "scheduled", "found": 0, **body, "delivery_root": root})


class ConnectorContract:
    def test_every_version_of_a_connector_is_kept(self, ledger: Book) -> None:
        first = ledger.put_connector("chat", "{1}", 0, "ann")
        second = ledger.put_connector("chat", "{2}", 1, "bob")
        ledger.put_connector("bob", "{3}", 0, "bob")
        assert [(one.version, one.definition, one.who) for one in (first, second)] == [
            (1, "{1}", "ann"),
            (2, "{2}", "bob"),
        ]
        assert ledger.versions("chat") == [second, first]
        assert [(one.name, one.version) for one in ledger.connectors()] == [("bob", 1), ("chat", 2)]

    @pytest.mark.parametrize("expected", [0, 1, 3])
    def test_a_change_to_another_version_than_the_last_is_refused_with_the_last(
        self, ledger: Book, expected: int
    ) -> None:
        ledger.put_connector("chat", "{1}", 0, "ann")
        last = ledger.put_connector("chat", "{2}", 1, "ann")
        with pytest.raises(Outdated, match="version 2 is the last") as refused:
            ledger.put_connector("chat", "{3}", expected, "bob")
        assert refused.value.current == last
        assert ledger.connectors() == [last]

    def test_a_change_of_what_is_not_there_is_refused(self, ledger: Book) -> None:
        with pytest.raises(Outdated) as refused:
            ledger.put_connector("chat", "{1}", 1, "ann")
        assert refused.value.current is None

    def test_the_same_definition_again_is_no_new_version(self, ledger: Book) -> None:
        first = ledger.put_connector("chat", "{1}", 0, "ann")
        assert ledger.put_connector("chat", "{1}", 0, "bob") == first
        assert ledger.put_connector("chat", "{1}", 1, "bob") == first
        assert len(ledger.audit(AuditFilter(), ALL, 10)) == 1

    def test_a_change_is_in_the_trail(self, ledger: Book) -> None:
        ledger.put_connector("chat", "{1}", 0, "ann")
        ledger.put_connector("chat", "{2}", 1, "bob")
        acts = [one.act for one in ledger.audit(AuditFilter(), ALL, 10)]
        assert [(act.who, act.what, act.connector, act.thing) for act in acts] == [
            ("bob", "change-connector", "chat", "version 2"),
            ("ann", "create-connector", "chat", "version 1"),
        ]

    def test_a_retired_connector_keeps_its_versions_and_is_brought_back_by_the_next(
        self, ledger: Book
    ) -> None:
        first = ledger.put_connector("chat", "{1}", 0, "ann")
        gone = ledger.retire_connector("chat", 1, "bob")
        assert (gone.version, gone.retired, gone.stated, gone.who) == (2, True, "{1}", "bob")
        assert ledger.retire_connector("chat", 2, "ann") == gone
        assert ledger.connectors() == [gone]
        again = ledger.put_connector("chat", "{1}", 2, "ann")
        assert (again.version, again.retired, again.stated) == (3, False, "{1}")
        assert ledger.versions("chat") == [again, gone, first]
        acts = [one.act.what for one in ledger.audit(AuditFilter(), ALL, 10)]
        assert acts == ["restore-connector", "retire-connector", "create-connector"]

    @pytest.mark.parametrize("expected", [0, 2])
    def test_retiring_another_version_than_the_last_is_refused(self, ledger: Book, expected: int) -> None:
        with pytest.raises(Outdated):
            ledger.retire_connector("chat", 0, "ann")
        last = ledger.put_connector("chat", "{1}", 0, "ann")
        with pytest.raises(Outdated):
            ledger.retire_connector("chat", expected, "ann")
        assert ledger.connectors() == [last]


class TrailContract:
    def test_the_trail_is_listed_newest_first_and_paged(self, ledger: Book) -> None:
        acts = [Act("ann", f"what-{number}", "chat", "x", "done", {"n": number}) for number in range(5)]
        entries = [ledger.note(act) for act in acts]
        assert [one.act for one in entries] == acts
        first = ledger.audit(AuditFilter(), ALL, 2)
        assert first == [entries[4], entries[3]]
        assert ledger.audit(AuditFilter(), first[-1].seq, 9) == [entries[2], entries[1], entries[0]]

    def test_the_trail_is_filtered(self, ledger: Book) -> None:
        chat = ledger.note(Act("ann", "look", "chat"))
        mail = ledger.note(Act("bob", "replay", "mail"))
        for chosen, expected in (
            (AuditFilter(connectors=("mail",)), [mail]),
            (AuditFilter(connectors=()), []),
            (AuditFilter(who="ann"), [chat]),
            (AuditFilter(what="replay"), [mail]),
            (AuditFilter(first=mail.at + 60_000), []),
            (AuditFilter(last=chat.at), []),
        ):
            assert ledger.audit(chosen, ALL, 10) == expected

    def test_the_trail_verifies_with_the_ledger(self, ledger: Book) -> None:
        for number in range(3):
            ledger.note(Act("ann", "look", thing=str(number), detail={"deep": {"x": [1, "é"]}}))
        assert list(ledger.verify_audit()) == []
        assert list(ledger.verify()) == []


class HistoryViewContract:
    def test_records_are_paged_newest_first_by_connector_and_day(self, ledger: Book) -> None:
        one = close(ledger, "one")
        two = close(ledger, "two", day=NEXT_DAY)
        close(ledger, "other", connector="mail")
        four = close(ledger, "four", day=NEXT_DAY)
        assert ledger.records(["chat"], *EVERY_DAY, ALL, 2) == [four, two]
        assert ledger.records(["chat"], *EVERY_DAY, two.seq, 2) == [one]
        assert ledger.records(["chat"], NEXT_DAY, NEXT_DAY, ALL, 9) == [four, two]
        assert ledger.records([], *EVERY_DAY, ALL, 9) == []
        assert ledger.record(two.seq) == two
        assert ledger.record(99) is None
        assert ledger.recorded() == ["chat", "mail"]

    def test_overviews_get_the_numbers_of_each_day(self, ledger: Book) -> None:
        close(ledger, "one", found=7, archived=5, quarantined=2, unmapped_people=3)
        close(ledger, "two", day=NEXT_DAY, found=1)
        (closed,) = ledger.closed(["chat", "mail"], DAY, DAY)
        assert (closed.seq, closed.run_id, closed.day, closed.kind) == (1, "one", DAY, "scheduled")
        assert (closed.found, closed.archived, closed.quarantined, closed.unmapped_people) == (7, 5, 2, 3)
        assert closed.duplicate == 0

    def test_a_replay_is_not_the_last_import(self, ledger: Book) -> None:
        close(ledger, "one", found=7)
        ledger.open_run(make_run("replay", kind="replay"))
        close(ledger, "replay", kind="replay")
        close(ledger, "other", connector="mail", found=1)
        last = {one.connector: one.found for one in ledger.last_closed(["chat", "mail", "none"])}
        assert last == {"chat": 7, "mail": 1}

    def test_failures_and_copies_of_a_record_are_paged(self, ledger: Book) -> None:
        ledger.open_run(make_run())
        ledger.record_failures(
            "one", [Failure(f"i{number}", "", "", "ingest", "full") for number in range(5)]
        )
        deliveries = sorted(
            (make_delivery(f"i{number}") for number in range(5)), key=lambda one: one.delivery_key
        )
        ledger.intend("one", deliveries)
        ledger.settle("one", [Outcome(one.delivery_key, "id", "c" * 64) for one in deliveries])
        record = close(ledger, "one")
        assert [one.item_id for one in ledger.failures_page(record.seq, 2, 2)] == ["i2", "i3"]
        copies = ledger.receipts_page(record.seq, deliveries[1].delivery_key, 2)
        assert [one.delivery for one in copies] == deliveries[2:4]
        assert ledger.receipts_page(record.seq + 1, "", 2) == []

    def test_items_of_a_record_are_listed_by_what_became_of_them(self, ledger: Book) -> None:
        ledger.open_run(make_run())
        ledger.record_items("one", [make_item("a"), make_item("b"), make_item("c", state=ItemState.EXCLUDED)])
        copies = {name: make_delivery(name) for name in "ab"}
        ledger.intend("one", list(copies.values()))
        ledger.settle(
            "one", [Outcome(copies["a"].delivery_key, "id"), Outcome(copies["b"].delivery_key, reason="full")]
        )
        record = close(ledger, "one")
        found = ledger.items_page(record.seq, "", ("", ""), 9)
        assert sorted((one.key, one.state) for one in found) == sorted(
            [(digest("a"), "archived"), (digest("b"), "quarantined"), (digest("c"), "excluded")]
        )
        assert [one.key for one in found] == sorted(one.key for one in found)
        last = found[0]
        assert ledger.items_page(record.seq, "", (last.key, last.revision), 1) == found[1:2]
        assert [one.key for one in ledger.items_page(record.seq, "excluded", ("", ""), 9)] == [digest("c")]
        assert ledger.items_page(record.seq + 1, "", ("", ""), 9) == []

    def test_custodians_are_paged_with_their_days_and_copies(self, ledger: Book) -> None:
        for name, day, mailboxes in (("one", DAY, "ab"), ("two", NEXT_DAY, "b"), ("other", DAY, "c")):
            connector = "mail" if name == "other" else "chat"
            ledger.open_run(make_run(name, connector=connector, day=day))
            copies = [make_delivery(f"i{name}", f"{mailbox}@firm.example") for mailbox in mailboxes]
            ledger.intend(name, copies)
            ledger.settle(name, [Outcome(one.delivery_key, "id", "c" * 64) for one in copies])
            close(ledger, name, connector=connector, day=day)
        assert ledger.custodians("chat", "", 1) == [Custodian("a@firm.example", DAY, DAY, 1)]
        assert ledger.custodians("chat", "a@firm.example", 9) == [
            Custodian("b@firm.example", DAY, NEXT_DAY, 2)
        ]


class HeldViewContract:
    def test_what_is_set_aside_is_counted_by_day_and_stage(self, ledger: Book) -> None:
        ledger.hold([make_held("a"), make_held("b"), make_held("c", day=NEXT_DAY), make_held("d")])
        ledger.hold([make_held("e", connector="mail")])
        ledger.resolve([digest("d")], "replay")
        found = sorted(ledger.set_aside(["chat"]), key=lambda one: one.day)
        assert found == [
            SetAside("chat", DAY, HeldStage.INGEST, 2),
            SetAside("chat", NEXT_DAY, HeldStage.INGEST, 1),
        ]

    def test_what_is_set_aside_is_paged_and_filtered(self, ledger: Book) -> None:
        things = [make_held(name) for name in "abcd"] + [make_held("e", day=NEXT_DAY)]
        ledger.hold(things)
        ledger.resolve([digest("b")], "replay")
        page = ledger.held_page(HeldFilter("chat"), 0, 2)
        assert [one for _, one in page] == [things[0], things[2]]
        rest = ledger.held_page(HeldFilter("chat"), page[-1][0], 9)
        assert [one for _, one in rest] == [things[3], things[4]]
        for chosen, expected in (
            (HeldFilter("chat", first=NEXT_DAY), [things[4]]),
            (HeldFilter("chat", reason="other"), []),
            (HeldFilter("chat", stage="convert"), []),
            (HeldFilter("mail"), []),
        ):
            assert [one for _, one in ledger.held_page(chosen, 0, 9)] == expected

    def test_one_thing_is_found_also_when_it_was_resolved(self, ledger: Book) -> None:
        ledger.hold([make_held("a")])
        ledger.resolve([digest("a")], "replay")
        found = ledger.held_one(digest("a"))
        assert found
        assert found.resolved_by == "replay"
        assert ledger.held_one("nothing") is None

    def test_unmapped_people_are_counted_since_their_first_day(self, ledger: Book) -> None:
        ledger.hold(
            [make_held("a", day=NEXT_DAY, people=("uuid:2", "uuid:1")), make_held("b", people=("uuid:1",))]
        )
        ledger.hold(
            [make_held("c", people=("uuid:3",)), make_held("d", connector="mail", people=("uuid:1",))]
        )
        ledger.resolve([digest("c")], "replay")
        assert ledger.unmapped_people("chat") == [
            Unmapped("uuid:1", DAY, 2),
            Unmapped("uuid:2", NEXT_DAY, 1),
        ]

    def test_versions_of_a_mapping_say_which_is_in_force_and_since_when(self, ledger: Book) -> None:
        for version in ("one", "two", "one"):
            ledger.keep_mapping("chat", "custom", version, f"body of {version}")
        before = ledger.mapping_versions("chat")
        assert [(one.kind, one.version, one.in_force) for one in before] == [
            ("custom", "one", True),
            ("custom", "two", False),
        ]
        assert all(one.since > 0 for one in before)
        ledger.keep_mapping("chat", "custom", "one", "body of one")
        assert ledger.mapping_versions("chat") == before


class ControlContract(ConnectorContract, TrailContract, HistoryViewContract, HeldViewContract):
    """All of it."""
