"""Every fault does to a client of the Graph emulator, and to its mailboxes, what its name says."""

from __future__ import annotations

import pytest
import requests

from tests.servers.faults import FAULTS, Call, Fault, Kind
from tests.servers.graph.server import GraphServer
from tests.unit.servers.graph_client import ANN, Caller, code, letter, posted

ONCE = [one for one in FAULTS if one.kind not in {Kind.STALL, Kind.PARTIAL}]


def create(caller: Caller) -> str:
    """What a client sees of a create: a status, and whether it can make sense of the answer."""
    try:
        answer = caller.create(letter())
    except requests.ConnectionError:
        return "lost"
    except requests.exceptions.ChunkedEncodingError:
        return "lost"
    try:
        answer.json()
    except requests.JSONDecodeError:
        return f"{answer.status_code} unreadable"
    return str(answer.status_code)


@pytest.mark.parametrize("fault", ONCE, ids=str)
def test_a_fault_before_the_commit_stores_nothing_and_one_after_it_stores_once(
    caller: Caller, graph: GraphServer, fault: Fault
) -> None:
    graph.faults.at(1, fault)
    seen = create(caller)
    told = {
        Kind.DROP: "lost",
        Kind.TRUNCATE: "lost",
        Kind.GARBLE: "201 unreadable",
        Kind.NOT_STORED: "201",
        Kind.STORED_TWICE: "201",
        Kind.TOKEN_EXPIRED: "401",
        Kind.SERVER_BUSY: "503",
        Kind.MAILBOX_MOVE: "503",
        Kind.QUOTA_EXCEEDED: "403",
        Kind.TOO_LARGE: "413",
        Kind.NO_MAILBOX: "404",
    }.get(fault.kind, f"{fault.code} unreadable" if fault.code in {502, 504} else str(fault.code))
    assert seen == told
    assert graph.store.count() == {Kind.STORED_TWICE: 2}.get(fault.kind, int(fault.after))
    assert [entry.call.what for entry in graph.faults.met] == ["POST messages"]


@pytest.mark.parametrize("kind", [Kind.TRUNCATE, Kind.GARBLE])
def test_a_spoiled_answer_may_hide_that_nothing_was_stored(
    caller: Caller, graph: GraphServer, kind: Kind
) -> None:
    graph.faults.at(1, Fault(kind))
    assert create(caller) in {"lost", "201 unreadable"}
    assert graph.store.count() == 0


def test_named_faults_have_exchanges_names(caller: Caller, graph: GraphServer) -> None:
    for kind in (Kind.SERVER_BUSY, Kind.MAILBOX_MOVE, Kind.QUOTA_EXCEEDED, Kind.TOO_LARGE, Kind.NO_MAILBOX):
        graph.faults.at(1, Fault(kind))
        assert code(caller.create(letter()))[1] == kind


def test_waits_are_told_only_where_the_fault_has_one(caller: Caller, graph: GraphServer) -> None:
    graph.faults.at(1, Fault.status(429, wait=3)).at(2, Fault.status(429)).at(3, Fault.status(504, wait=2))
    waits = [caller.create(letter()).headers.get("Retry-After") for _ in range(3)]
    assert waits == ["3", None, "2"]


@pytest.mark.parametrize(("after", "kept"), [(False, 0), (True, 1)])
def test_a_function_of_the_test_runs_at_its_moment(
    caller: Caller, graph: GraphServer, after: bool, kept: int
) -> None:
    seen: list[int] = []
    graph.faults.at(1, Fault.call(lambda: seen.append(graph.store.count()), after=after))
    assert create(caller) == "lost"
    assert (seen, graph.store.count()) == ([kept], kept)


@pytest.mark.parametrize(("after", "kept"), [(False, 0), (True, 1)])
def test_a_stall_before_the_commit_serves_nobody_who_has_left(
    caller: Caller, graph: GraphServer, after: bool, kept: int
) -> None:
    graph.faults.at(1, Fault(Kind.STALL, after, wait=0.3))
    with pytest.raises(requests.ReadTimeout):
        caller.http.post(f"{graph.url}/v1.0/users/{ANN}/messages", json=letter(), timeout=0.1)
    graph.faults.at(1, Fault(Kind.STALL, wait=0.4))
    assert create(caller) == "201"
    assert graph.store.count() == kept + 1


@pytest.mark.parametrize(("after", "kept"), [(False, 2), (True, 4)])
def test_every_second_call_of_a_partial_batch_fails(
    caller: Caller, graph: GraphServer, after: bool, kept: int
) -> None:
    graph.faults.at(1, Fault(Kind.PARTIAL, after, 429, wait=5))
    answers = caller.batch(*(posted(str(number), f"k{number}") for number in range(4)))
    assert [answers[str(number)]["status"] for number in range(4)] == [201, 429, 201, 429]
    assert answers["1"]["headers"]["Retry-After"] == "5"
    assert graph.store.count() == kept
    assert graph.faults.log[-1].call == Call("POST $batch", ANN, "/v1.0/$batch", 4)


def test_a_token_expires_in_the_middle_of_a_batch(caller: Caller, graph: GraphServer) -> None:
    graph.faults.at(1, Fault(Kind.TOKEN_EXPIRED))
    answers = caller.batch(*(posted(str(number), f"k{number}") for number in range(4)))
    assert [answers[str(number)]["status"] for number in range(4)] == [201, 201, 401, 401]
    assert create(caller) == "401"
    caller.sign_in()
    assert create(caller) == "201"


def test_a_lie_about_a_folder_leaves_none(caller: Caller, graph: GraphServer) -> None:
    graph.faults.at(1, Fault(Kind.NOT_STORED))
    path = f"/users/{ANN}/mailFolders/inbox/childFolders"
    made = caller.call("POST", path, {"displayName": "Chat"}).json()["id"]
    assert code(caller.create(letter(), folder=made)) == (404, "ErrorItemNotFound")


def test_the_sign_in_fails_too_but_knows_nothing_of_mailboxes(graph: GraphServer) -> None:
    caller = Caller(graph)
    with caller.http:
        graph.faults.at(1, Fault.status(503, wait=1)).at(2, Fault(Kind.MAILBOX_MOVE))
        assert [caller.sign_in().status_code for _ in range(2)] == [503, 200]
    assert [entry.call.what for entry in graph.faults.log] == ["POST token"] * 2
