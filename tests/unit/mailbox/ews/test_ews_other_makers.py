"""Servers that speak EWS but are not Exchange: what they leave out or say otherwise is understood or told."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.mailbox.base import PURGES
from include.commsarchive.mailbox.ews.line import Answer, Line
from include.commsarchive.mailbox.ews.mailbox import EwsMailbox
from tests.letters import FOLDER, make_letter
from tests.servers.ews.refusals import EwsError, fault_body
from tests.servers.ews.server import EwsServer
from tests.unit.mailbox.ews.ews_setup import ANN, BOB, mailbox_on

LETTERS = [make_letter(name) for name in "abcdefg"]
KEYS = [one.delivery_key for one in LETTERS]


@pytest.fixture
def server() -> Iterator[EwsServer]:
    with EwsServer([ANN, BOB]) as server:
        yield server


@pytest.fixture
def mailbox(server: EwsServer) -> Iterator[EwsMailbox]:
    with mailbox_on(server) as mailbox:
        yield mailbox


def say(monkeypatch: pytest.MonkeyPatch, operation: str, pattern: bytes, instead: bytes) -> None:
    """Let answers to an operation say something else wherever a pattern is found."""
    post = Line.post

    def altered(self: Line, body: bytes, headers: dict[str, str]) -> Answer:
        answer = post(self, body, headers)
        if b":%b" % operation.encode() not in body:
            return answer
        content, number = re.subn(pattern, instead, answer.content, flags=re.DOTALL)
        assert number, answer.content
        return Answer(content, answer.request_id)

    monkeypatch.setattr(Line, "post", altered)


@pytest.mark.parametrize(
    ("pattern", "instead"),
    [
        (rb' IncludesLastItemInRange="true"', b""),
        (rb' IndexedPagingOffset="\d+" TotalItemsInView="\d+" IncludesLastItemInRange="true"', b""),
        (rb'IncludesLastItemInRange="true"', b'IncludesLastItemInRange="1"'),
    ],
)
def test_pages_may_say_less_or_otherwise_of_where_they_end(
    server: EwsServer, mailbox: EwsMailbox, monkeypatch: pytest.MonkeyPatch, pattern: bytes, instead: bytes
) -> None:
    server.behaviour.find_limit = 7
    filed = {one.delivery_key: one.server_id for one in mailbox.append(LETTERS)}
    say(monkeypatch, "FindItem", pattern, instead)
    assert mailbox.find(ANN, FOLDER, KEYS) == filed


def test_copies_need_not_say_when_they_were_made(
    mailbox: EwsMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed = {one.delivery_key: one.server_id for one in mailbox.append(LETTERS)}
    say(monkeypatch, "FindItem", rb"(.*)<t:DateTimeCreated>.*?</t:DateTimeCreated>", rb"\1")
    assert mailbox.find(ANN, FOLDER, KEYS) == filed


def test_copies_of_no_known_size_are_read_one_by_one(
    server: EwsServer, mailbox: EwsMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed = [one.server_id for one in mailbox.append(LETTERS)]
    calls = server.faults.calls
    say(monkeypatch, "GetItem", rb"<t:Size>\d+</t:Size>|(?=<t:MimeContent)", b"")
    assert list(mailbox.inspect(ANN, FOLDER, filed)) == filed
    assert [entry.call.items for entry in server.faults.log[calls:]] == [7] + [1] * 7


def test_pages_that_go_on_without_end_are_no_answer(
    mailbox: EwsMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox.append(LETTERS)
    say(monkeypatch, "FindItem", rb'Offset="\d+"(.*?)Range="true"', rb'Offset="0"\1Range="false"')
    with pytest.raises(Retriable, match="pages without end"):
        mailbox.find(ANN, FOLDER, KEYS)


def test_copies_that_are_found_without_their_keys_stop_the_run_before_anything_is_filed_twice(
    mailbox: EwsMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox.append(LETTERS)
    say(monkeypatch, "FindItem", rb"<t:ExtendedProperty>.*?</t:ExtendedProperty>", b"")
    with pytest.raises(Fatal, match="by which keys"):
        mailbox.find(ANN, FOLDER, KEYS)


@pytest.mark.parametrize("code", ["ErrorUnsupportedPathForQuery", "ErrorInvalidRestriction"])
def test_a_server_that_does_not_search_by_properties_stops_the_run(
    mailbox: EwsMailbox, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    mailbox.append(LETTERS)
    refused = f'ResponseClass="Error"><m:ResponseCode>{code}</m:ResponseCode>'.encode()
    said = rb'ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>'
    say(monkeypatch, "FindItem", said + b"<m:RootFolder.*</m:RootFolder>", refused)
    with pytest.raises(Fatal, match="by their keys"):
        mailbox.find(ANN, FOLDER, KEYS)


def test_copies_go_into_their_folder_though_a_server_shows_others_too(
    server: EwsServer, mailbox: EwsMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = server.store.mailbox(ANN)
    for name in ("Another", "Zebra"):
        ann.make(ann.distinguished["inbox"], name)
    monkeypatch.setattr("tests.servers.ews.folder_operations.restriction", lambda *_: bool)
    assert mailbox.find(ANN, FOLDER, KEYS) == {}
    filed = {one.delivery_key: one.server_id for one in mailbox.append(LETTERS)}
    assert {item.id for item in ann.folder(f"Inbox/{FOLDER}").items} == set(filed.values())


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("ErrorCannotFindUser", "no-such-mailbox"),
        ("ErrorNonPrimarySmtpAddress", "no-such-mailbox"),
        ("ErrorMailboxConfiguration", "mailbox-disabled"),
        ("ErrorInvalidLicense", "mailbox-not-licensed"),
    ],
)
def test_one_mailbox_that_is_not_to_be_had_keeps_nobody_else_waiting(
    mailbox: EwsMailbox, monkeypatch: pytest.MonkeyPatch, code: str, reason: str
) -> None:
    post = Line.post
    fault = fault_body(EwsError(code, "of no use")).encode()

    def answered(self: Line, body: bytes, headers: dict[str, str]) -> Answer:
        return Answer(fault, "x") if BOB.encode() in body else post(self, body, headers)

    monkeypatch.setattr(Line, "post", answered)
    assert mailbox.missing([ANN, BOB]) == {BOB: reason}
    outcomes = mailbox.append([make_letter("x"), make_letter("x", BOB)])
    assert [one.reason for one in outcomes] == ["", reason]


def test_a_server_without_the_folder_purges_stops_the_run(server: EwsServer, mailbox: EwsMailbox) -> None:
    del server.store.mailbox(ANN).distinguished["recoverableitemspurges"]
    with pytest.raises(Fatal, match=r"`deliver\.folder`"):
        mailbox.append([make_letter("x", folder=PURGES)])
