"""Whatever goes wrong on the way to Exchange, what is looked up and sent again is filed once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.mailbox.base import NOT_SENT
from include.commsarchive.mailbox.ews.box import Box
from include.commsarchive.mailbox.ews.line import Answer, Line
from include.commsarchive.mailbox.ews.mailbox import EwsMailbox
from include.commsarchive.mailbox.ews.verdict import Trouble
from tests.letters import FOLDER, make_letter
from tests.servers.ews.server import APP, EwsServer
from tests.servers.faults import FAULTS, LIARS, REFUSALS, Call, Fault, Kind
from tests.unit.mailbox.ews.ews_setup import (
    ANN,
    BOB,
    LETTERS,
    application_on,
    copies,
    files,
    in_the_end,
    mailbox_on,
    time_goes_by,
)

LAST = rb"<%(tag)b\b(?!.*<%(tag)b\b).*?</%(tag)b>"
"""The last element of a name in an answer."""


@pytest.fixture
def mailbox(server: EwsServer) -> Iterator[EwsMailbox]:
    with mailbox_on(server) as mailbox:
        mailbox.missing([ANN])  # the login is known to be good
        yield mailbox


def searches(call: Call) -> bool:
    return call.what == "FindItem"


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_while_filing_leaves_every_copy_there_once(
    server: EwsServer, mailbox: EwsMailbox, fault: Fault
) -> None:
    server.faults.at(1, fault, files)
    done = in_the_end(mailbox, LETTERS)
    assert server.faults.met
    if fault.kind not in LIARS:
        assert copies(server) == {key: 1 for key, outcome in done.items() if outcome.server_id}
        assert fault.kind in REFUSALS or len(copies(server)) == len(LETTERS)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_while_looking_up_never_hides_a_copy(
    server: EwsServer, mailbox: EwsMailbox, fault: Fault
) -> None:
    filed = {one.delivery_key: one.server_id for one in mailbox.append(LETTERS[:3])}
    server.faults.at(1, fault, searches)
    try:
        found = mailbox.find(ANN, FOLDER, list(filed))
    except Retriable:
        found = filed
    assert found == filed or fault.kind is Kind.NO_MAILBOX
    time_goes_by(mailbox)
    assert mailbox.find(ANN, FOLDER, list(filed)) == filed


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Kind.QUOTA_EXCEEDED, "mailbox-quota-full"),
        (Kind.TOO_LARGE, "message-too-large"),
        (Kind.NO_MAILBOX, "no-such-mailbox"),
    ],
)
def test_a_clear_no_is_a_reason(server: EwsServer, mailbox: EwsMailbox, kind: Kind, reason: str) -> None:
    server.faults.every(Fault(kind), files)
    assert {one.reason for one in mailbox.append(LETTERS)} == {reason}
    assert copies(server) == {}


def test_what_the_server_did_not_try_for_the_same_cause_is_refused_with_it(
    server: EwsServer, mailbox: EwsMailbox
) -> None:
    server.store.mailbox(ANN).quota = 0
    assert [one.reason for one in mailbox.append(LETTERS)] == ["mailbox-quota-full"] * 3 + [""]
    assert server.faults.calls < 8


def test_a_moving_mailbox_is_in_doubt_and_the_others_go_on(server: EwsServer, mailbox: EwsMailbox) -> None:
    server.faults.every(Fault(Kind.MAILBOX_MOVE), lambda call: files(call) and call.mailbox == ANN)
    outcomes = mailbox.append(LETTERS)
    assert [one.doubt for one in outcomes] == ["mailbox-moving"] * 3 + [""]
    assert outcomes[3].server_id


@pytest.mark.parametrize(
    "fault",
    [Fault(Kind.SERVER_BUSY, wait=20), Fault.status(429, wait=20), Fault.status(503, wait=20)],
    ids=str,
)
def test_a_mailbox_that_must_wait_is_left_alone_and_the_others_are_not(
    server: EwsServer, mailbox: EwsMailbox, fault: Fault
) -> None:
    server.faults.at(1, fault, lambda call: files(call) and call.mailbox == ANN)
    [first] = mailbox.append(LETTERS[:1])
    calls = server.faults.calls
    assert (first.doubt, first.retry_after) == ("throttled", 20)
    [second, other] = mailbox.append([LETTERS[1], LETTERS[3]])
    assert second.doubt == NOT_SENT
    assert 15 < second.retry_after <= 20
    assert other.server_id
    with pytest.raises(Retriable) as caught:
        mailbox.find(ANN, FOLDER, [LETTERS[0].delivery_key])
    assert 15 < (caught.value.retry_after or 0) <= 20
    assert all(entry.call.mailbox == BOB for entry in server.faults.log[calls:])


def test_a_request_is_named_for_the_servers_operators(server: EwsServer, mailbox: EwsMailbox) -> None:
    [filed] = mailbox.append(LETTERS[:1])
    server.faults.at(1, Fault(Kind.DROP), files)
    [lost] = mailbox.append(LETTERS[1:2])
    assert len(filed.request_id) == len(lost.request_id) == 36
    assert filed.request_id != lost.request_id


def test_one_copy_is_left_of_what_the_server_stored_twice(server: EwsServer, mailbox: EwsMailbox) -> None:
    server.faults.at(1, Fault(Kind.STORED_TWICE), files)
    filed = mailbox.append(LETTERS[:3])
    keys = [one.delivery_key for one in filed]
    assert mailbox.prune(ANN, FOLDER, keys) == 3
    assert copies(server) == dict.fromkeys(keys, 1)
    assert mailbox.find(ANN, FOLDER, keys) == {one.delivery_key: one.server_id for one in filed}


@pytest.mark.parametrize(("doubt", "reason"), [("connection-lost", ""), ("", "refused-by-server")])
def test_a_letter_that_breaks_every_request_keeps_the_others_of_its_batch_back_for_a_while_only(
    server: EwsServer, mailbox: EwsMailbox, monkeypatch: pytest.MonkeyPatch, doubt: str, reason: str
) -> None:
    letters = [make_letter(str(number)) for number in range(10)]
    poison = letters[4].delivery_key
    really = Line.post

    def post(line: Line, body: bytes, headers: Mapping[str, str]) -> Answer:
        if b"CreateItem" in body and poison.encode() in body:
            raise Trouble(doubt=doubt, reason=reason)
        return really(line, body, headers)

    monkeypatch.setattr(Line, "post", post)
    left = letters
    for _ in range(3):
        outcomes = mailbox.append(left)
        left = [one for one, outcome in zip(left, outcomes, strict=True) if outcome.doubt]
    assert copies(server) == {one.delivery_key: 1 for one in letters if one.delivery_key != poison}


def test_the_only_copy_is_not_removed_where_pages_show_it_twice(
    server: EwsServer, mailbox: EwsMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    [filed] = mailbox.append(LETTERS[:1])
    really = Box.search
    monkeypatch.setattr(Box, "search", lambda *asked: [*really(*asked), *really(*asked)])
    assert mailbox.prune(ANN, FOLDER, [filed.delivery_key]) == 0
    assert copies(server) == {filed.delivery_key: 1}


def test_a_folder_that_somebody_removed_is_made_again(server: EwsServer, mailbox: EwsMailbox) -> None:
    mailbox.append(LETTERS[:1])
    remove_folder(server)
    assert [one.doubt for one in mailbox.append(LETTERS[:2])] == ["folder-gone"] * 2
    assert all(one.server_id for one in mailbox.append(LETTERS[:2]))


def test_in_a_folder_that_somebody_removed_nothing_is_found(server: EwsServer, mailbox: EwsMailbox) -> None:
    mailbox.append(LETTERS[:1])
    remove_folder(server)
    assert mailbox.find(ANN, FOLDER, [LETTERS[0].delivery_key]) == {}


def remove_folder(server: EwsServer) -> None:
    box = server.store.mailbox(ANN)
    gone = box.folder(f"Inbox/{FOLDER}")
    box.distinguished["inbox"].children.remove(gone)
    del box.folders[gone.id], server.store.folders[gone.id]


def test_two_workers_that_make_a_folder_at_once_share_it(server: EwsServer, mailbox: EwsMailbox) -> None:
    server.faults.at(
        1,
        Fault(Kind.STALL, wait=0.0),
        lambda call: call.what == "CreateFolder" and _make_first(server, "Chats"),
    )
    [filed] = mailbox.append([make_letter("x", folder="Chats")])
    assert filed.server_id
    inbox = server.store.mailbox(ANN).distinguished["inbox"]
    assert [folder.name for folder in inbox.children] == ["CHATS"]


def _make_first(server: EwsServer, name: str) -> bool:
    box = server.store.mailbox(ANN)
    if not box.distinguished["inbox"].children:
        box.make(box.distinguished["inbox"], name.upper())
    return True


def test_a_server_that_is_gone_is_retried() -> None:
    with EwsServer([ANN]) as server:
        pass
    with mailbox_on(server) as mailbox:
        assert {one.doubt for one in mailbox.append(LETTERS)} == {"connection-lost"}
        with pytest.raises(Retriable, match="cannot be asked now"):
            mailbox.find(ANN, FOLDER, ["x"])


def test_mailboxes_outside_of_the_scope_are_named(server: EwsServer) -> None:
    server.login.apps[APP.client_id] = replace(APP, scope=frozenset({BOB}))
    with application_on(server) as mailbox:
        assert mailbox.missing([ANN, BOB]) == {ANN: "access-denied-to-mailbox"}
        assert [one.reason for one in mailbox.append(LETTERS)] == ["access-denied-to-mailbox"] * 3 + [""]
        with pytest.raises(Fatal, match="access-denied-to-mailbox") as caught:
            mailbox.find(ANN, FOLDER, ["x"])
        assert ANN not in str(caught.value)


def test_disabled_mailboxes_are_named(server: EwsServer, mailbox: EwsMailbox) -> None:
    server.store.mailbox(ANN).refuses = "ErrorAccountDisabled"
    assert mailbox.missing([ANN, BOB]) == {ANN: "mailbox-disabled"}
    assert [one.reason for one in mailbox.append(LETTERS)] == ["mailbox-disabled"] * 3 + [""]


def test_an_inbox_that_we_are_not_shown_is_one_we_may_not_open(
    server: EwsServer, mailbox: EwsMailbox
) -> None:
    server.store.mailbox(ANN).refuses = "ErrorItemNotFound"
    assert mailbox.missing([ANN]) == {ANN: "access-denied-to-mailbox"}


@pytest.mark.parametrize(
    "what",
    [
        LAST % {b"tag": b"m:CreateItemResponseMessage"},
        rb"<t:ItemId (?!.*<t:ItemId )[^>]*/>",
        LAST % {b"tag": b"t:Message"},
    ],
    ids=["fewer answers than copies", "no id", "no copy"],
)
def test_an_answer_that_says_less_than_it_should_is_a_doubt(
    mailbox: EwsMailbox, monkeypatch: pytest.MonkeyPatch, what: bytes
) -> None:
    mailbox.append([make_letter("first")])
    post = Line.post

    def shortened(self: Line, body: bytes, headers: Mapping[str, str]) -> Answer:
        answer = post(self, body, headers)
        content, number = re.subn(what, b"", answer.content, flags=re.DOTALL)
        assert number == 1
        return replace(answer, content=content)

    monkeypatch.setattr(Line, "post", shortened)
    outcomes = mailbox.append(LETTERS[:3])
    assert [one.doubt for one in outcomes] == ["", "", "garbled-answer"]
