"""Exchange Online through Graph keeps the promises of every mailbox, whatever goes wrong on the way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.mailbox.base import NOT_SENT, PURGES
from include.commsarchive.mailbox.graph import letter as writing
from include.commsarchive.mailbox.graph.box import Box
from include.commsarchive.mailbox.graph.folders import Folders
from include.commsarchive.mailbox.graph.mailbox import GraphMailbox
from include.commsarchive.mailbox.pace import Budget, Pace
from tests.contract.graph.graph_setup import files, held, noise, settle, with_files
from tests.contract.mailbox_contract import ANN, BOB, GONE, MailboxContract
from tests.letters import FOLDER, make_letter
from tests.servers.faults import FAULTS, LIARS, Fault, Kind
from tests.servers.graph.server import GraphServer
from tests.servers.graph.store import State
from tests.servers.graph.tokens import CLIENT_SECRET

HONEST = [fault for fault in FAULTS if fault.kind not in LIARS and fault.wait is None]


class TestGraphMailbox(MailboxContract):
    pass


class TestGraphOfAnotherMaker(MailboxContract):
    """The same from a server that answers by the protocols, but not as Graph words it."""

    @pytest.fixture(autouse=True)
    def _foreign(self, server: GraphServer) -> None:
        server.service.foreign, server.service.permanent_delete = True, False
        server.limits.page = 7


def test_a_small_letter_takes_one_request_once_its_mailbox_and_folder_are_known(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    mailbox.append([make_letter("first")])
    before = server.faults.calls
    mailbox.append([with_files(make_letter("x"), noise(1000)), make_letter("y")])
    assert [entry.call.what for entry in server.faults.log[before:]] == ["POST messages"] * 2


def test_what_was_sent_is_hashed_and_the_requests_name_is_kept(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    first, other = mailbox.append([make_letter("x"), make_letter("x", BOB)])
    assert len(first.content_hash) == 64
    assert first.content_hash != other.content_hash
    assert first.request_id
    assert first.request_id != other.request_id


def test_the_headers_and_the_thread_of_a_mail_are_kept_with_it(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    letter = make_letter("x")
    mail = replace(letter.mail, headers=(("X-Commsarchive-Source", "test"),), references=("a@b.c", "d@e.f"))
    mailbox.append([replace(letter, mail=mail)])
    [message] = held(server)
    assert "X-Commsarchive-Source: test\r\n" in (message.property("String 0x007D") or "")
    assert message.property("String 0x1042") == "<d@e.f>"
    assert message.property("String 0x1039") == "<a@b.c> <d@e.f>"


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("sizes", [(), (450, 299)], ids=["in one request", "in steps"])
def test_no_fault_of_the_server_loses_or_doubles_a_copy(
    mailbox: GraphMailbox, server: GraphServer, sizes: Sequence[int]
) -> None:
    """Each fault once at each call, until there are no calls left."""
    contents = [noise(size, seed) for seed, size in enumerate(sizes)]
    mailbox.append([make_letter("sign in first")])
    for fault in HONEST:
        for number in range(1, 40):
            address = f"{len(server.store.users)}@firm.example"
            server.store.add_user(address)
            server.faults.clear()
            server.faults.at(number, fault)
            met = len(server.faults.met)
            outcome = settle(mailbox, with_files(make_letter("x", address), *contents))
            there = held(server, address=address)
            what = f"{fault} at call {number}: {outcome}"
            if outcome.reason:
                assert fault.kind in {Kind.QUOTA_EXCEEDED, Kind.TOO_LARGE}, what
                assert there == [], what
            else:
                assert [message.id for message in there] == [outcome.server_id], what
                assert list(files(there[0]).values()) == contents, what
            if len(server.faults.met) == met:
                break
        else:
            raise AssertionError("the calls never ended")


def test_letters_of_a_batch_that_fail_do_not_hold_up_the_others(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    server.faults.every(Fault.status(503, wait=30), lambda call: call.mailbox == BOB)
    letters = [make_letter(str(number), (ANN, BOB)[number % 2]) for number in range(12)]
    outcomes = mailbox.append(letters)
    assert all(outcome.server_id for outcome in outcomes[::2])
    for outcome in outcomes[1::2]:
        assert outcome.doubt in {"server-error", "throttled", NOT_SENT}
        assert 25 < outcome.retry_after <= 30
    to_bob = [entry for entry in server.faults.log if entry.call.mailbox == BOB]
    assert len(to_bob) <= 4
    with pytest.raises(Retriable) as refused:
        mailbox.find(BOB, FOLDER, ["0" * 32])
    assert refused.value.retry_after is not None
    assert 25 < refused.value.retry_after <= 30


def test_the_budget_of_a_mailbox_is_kept_and_what_does_not_fit_waits(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    first, *_ = mailbox.append([make_letter("first")])
    size = len(writing.create_body(make_letter("x").mail, ("x" * 60, "0" * 32), (), mailbox._filing._wording))
    mailbox._boxes[ANN].pace = Pace(Budget(upload=5 * size + 300))
    outcomes = mailbox.append([make_letter(str(number)) for number in range(8)])
    filed = [outcome for outcome in outcomes if outcome.server_id]
    late = [outcome for outcome in outcomes if not outcome.server_id]
    assert len(filed) in {4, 5}
    assert {outcome.doubt for outcome in late} == {NOT_SENT}
    assert all(290 < outcome.retry_after <= 300 for outcome in late)
    assert first.server_id


def test_no_more_than_four_requests_run_at_once_for_a_mailbox(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    mailbox.append([make_letter("first")])
    server.http._work = 0.01
    outcomes = mailbox.append([make_letter(str(number)) for number in range(40)])
    assert all(outcome.server_id for outcome in outcomes)
    assert server.throttle.most_running == 4


@pytest.mark.usefixtures("wording")
def test_why_a_mailbox_takes_nothing_is_told(mailbox: GraphMailbox, server: GraphServer) -> None:
    states: dict[str, tuple[State, dict[str, Any]]] = {
        "none": (State.NONE, {}),
        "denied": (State.DENIED, {}),
        "disabled": (State.INACTIVE, {"enabled": False}),
        "unlicensed": (State.FINE, {"licensed": False}),
        "shared": (State.FINE, {"enabled": False, "licensed": False, "purpose": "shared"}),
    }
    for name, (state, more) in states.items():
        server.store.add_user(f"{name}@firm.example", **more)
        server.store.mailbox(f"{name}@firm.example").state = state
    reasons = mailbox.missing([f"{name}@firm.example" for name in states])
    assert reasons == {
        "none@firm.example": "no-such-mailbox",
        "denied@firm.example": "access-denied-to-mailbox",
        "disabled@firm.example": "mailbox-disabled",
        "unlicensed@firm.example": "mailbox-not-licensed",
    }
    outcomes = mailbox.append([make_letter("x", address) for address in reasons])
    assert {one: outcome.reason for one, outcome in zip(reasons, outcomes, strict=True)} == reasons


def test_a_mailbox_is_found_by_its_address_whatever_its_owner_signs_in_with(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    server.store.add_user(
        "o'neil@firm.example", principal_name="p123@firm.example", aliases=["on@firm.example"]
    )
    letters = [make_letter("x", "o'neil@firm.example"), make_letter("y", "on@firm.example")]
    assert all(outcome.server_id for outcome in mailbox.append(letters))
    assert len(held(server, address="o'neil@firm.example")) == 2


def test_nobody_gets_what_is_for_somebody_else_though_a_server_shows_everybody(
    mailbox: GraphMailbox, server: GraphServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.servers.graph.query.matcher", lambda _wanted: bool)
    assert mailbox.missing([ANN, GONE]) == {GONE: "no-such-mailbox"}


def test_a_full_mailbox_and_a_letter_beyond_all_limits_are_refused(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    server.store.mailbox(BOB).quota = 10
    server.limits.message = 1
    server.limits.attachment = 10
    outcomes = mailbox.append([make_letter("x", BOB), with_files(make_letter("x"), noise(100))])
    assert [outcome.reason for outcome in outcomes] == ["mailbox-quota-full", "message-too-large"]
    assert held(server) == []


def test_a_letter_that_exchange_takes_for_wrong_is_refused_alone(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    server.faults.at(1, Fault.status(400), lambda call: call.what == "POST messages" and call.mailbox == BOB)
    outcomes = mailbox.append([make_letter("x"), make_letter("y", BOB), make_letter("z")])
    assert [one.reason for one in outcomes] == ["", "refused-by-server", ""]
    assert outcomes[1].request_id
    assert held(server, address=BOB) == []


@pytest.mark.usefixtures("wording")
def test_two_workers_that_make_a_folder_at_once_make_one(
    mailbox: GraphMailbox, server: GraphServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other worker makes it between our look and our making."""
    ann = server.store.mailbox(ANN)
    inbox = ann.known["inbox"]
    look = Folders._named

    async def look_too_early(self: Folders, box: Box, children: str, name: str) -> str:
        found = await look(self, box, children, name)
        if not found:
            server.store.add_folder(ann, inbox, FOLDER)
        return found

    monkeypatch.setattr(Folders, "_named", look_too_early)
    [outcome] = mailbox.append([make_letter("x")])
    assert outcome.server_id
    assert [folder.name for folder in inbox.children.values()] == [FOLDER]


@pytest.mark.usefixtures("wording")
def test_a_folder_that_was_deleted_is_made_again(mailbox: GraphMailbox, server: GraphServer) -> None:
    mailbox.append([make_letter("x")])
    ann = server.store.mailbox(ANN)
    folder = ann.known["inbox"].children.pop(FOLDER.lower())
    del ann.folders[folder.id]
    assert mailbox.find(ANN, FOLDER, [make_letter("x").delivery_key]) == {}
    assert mailbox.append([make_letter("y")])[0].server_id
    assert [message.fields["subject"] for message in held(server)] == ["y"]


@pytest.mark.usefixtures("wording")
def test_purges_take_copies_where_the_tenant_lets_us(mailbox: GraphMailbox, server: GraphServer) -> None:
    letter = replace(make_letter("x"), folder=PURGES)
    [outcome] = mailbox.append([letter])
    assert mailbox.find(ANN, PURGES, [letter.delivery_key]) == {letter.delivery_key: outcome.server_id}
    assert [message.id for message in held(server, PURGES)] == [outcome.server_id]
    server.service.purges = False
    with pytest.raises(
        Fatal, match=r"does not let messages into Recoverable Items/Purges.*`deliver\.folder`"
    ):
        mailbox.append([replace(make_letter("y"), folder=PURGES)])


def test_a_server_that_does_not_honour_dates_and_flags_is_seen_through(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    server.service.honours = set()
    letter = make_letter("x")
    [outcome] = mailbox.append([letter])
    kept = mailbox.inspect(ANN, FOLDER, [outcome.server_id])[outcome.server_id]
    assert kept.draft is True
    assert kept.sent != letter.mail.at


def test_errors_name_no_people_tokens_or_places_of_uploads(
    mailbox: GraphMailbox, server: GraphServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    texts = [repr(mailbox), repr(mailbox.__dict__.get("_settings"))]
    texts += [json.dumps(mailbox.missing([GONE, ANN])[GONE])]
    server.faults.every(Fault.status(500), lambda call: call.what == "GET messages")
    mailbox.append([make_letter("x")])
    with pytest.raises(Retriable) as refused:
        mailbox.find(ANN, FOLDER, ["x"])
    texts += [str(refused.value), caplog.text]
    for secret in ("ann@", "gone@", CLIENT_SECRET, "Bearer", "eyJ0"):
        assert not any(secret in text for text in texts), secret
