"""The fault layer does what a test tells it, and can do it again."""

from __future__ import annotations

from tests.servers.faults import FAULTS, Call, Fault, Faults, Kind

POST, GET = Call("POST messages", "ann"), Call("GET messages", "ann")


def test_the_nth_matching_call_goes_wrong_and_no_other() -> None:
    fault = Fault.status(503, after=True, wait=2)
    faults = Faults().at(2, fault, where=lambda call: call.what.startswith("POST"))
    assert [faults.next(call) for call in (POST, GET, GET, POST, POST)] == [None, None, None, fault, None]
    assert [(entry.number, entry.call) for entry in faults.met] == [(4, POST)]
    assert faults.calls == 5


def test_a_mix_is_the_same_again_by_its_seed_however_mailboxes_race() -> None:
    calls = [Call("POST messages", mailbox) for mailbox in "ab" for _ in range(100)]
    one, other = Faults().mix(7, rate=0.3), Faults().mix(7, rate=0.3)
    met = {name: [one.next(call) for call in calls if call.mailbox == name] for name in "ab"}
    raced = [
        (call.mailbox, other.next(call))
        for pair in zip(calls[:100], calls[100:], strict=True)
        for call in pair
    ]
    assert met == {name: [fault for mailbox, fault in raced if mailbox == name] for name in "ab"}
    assert 30 < len(one.met) < 90
    assert met["a"] != met["b"]
    assert met["a"] != [Faults().mix(8, rate=0.3).next(call) for call in calls[:100]]


def test_the_first_rule_that_wants_a_call_decides_and_every_rule_counts_it() -> None:
    drop, busy = Fault(Kind.DROP), Fault(Kind.SERVER_BUSY)
    faults = Faults().at(1, drop).at(1, busy).at(2, busy)
    assert [faults.next(POST), faults.next(POST), faults.next(POST)] == [drop, busy, None]


def test_a_fault_can_last_and_end() -> None:
    busy = Fault(Kind.SERVER_BUSY)
    faults = Faults().every(busy, times=2)
    assert [faults.next(POST) for _ in range(3)] == [busy, busy, None]
    lasting = Faults().every(busy)
    assert [lasting.next(POST), lasting.next(POST)] == [busy, busy]
    lasting.clear()
    assert lasting.next(POST) is None


def test_spoiled_answers_differ_from_the_truth() -> None:
    body = b'{"id": "AAMk"}'
    assert Fault(Kind.TRUNCATE).spoil(body) == body[:7]
    garbled = Fault(Kind.GARBLE).spoil(body)
    assert len(garbled) == len(body)
    assert b"{" not in garbled
    assert Fault(Kind.STALL).spoil(body) == body


def test_every_kind_of_fault_is_in_the_usual_mix() -> None:
    assert {fault.kind for fault in FAULTS} == set(Kind) - {Kind.CALL}
