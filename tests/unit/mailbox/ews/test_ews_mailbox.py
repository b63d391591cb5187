"""How letters become requests to Exchange: logins, folders, cuts, widths, and what is not logged."""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import compress

import pytest
from lxml import etree

from include.commsarchive.doors import Connection, open_mailbox
from include.commsarchive.errors import Fatal, Quarantine, Retriable
from include.commsarchive.mailbox.base import PURGES
from include.commsarchive.mailbox.ews import post
from include.commsarchive.mailbox.ews.elements import filed
from include.commsarchive.mailbox.ews.line import VERSION, Answer, Line
from include.commsarchive.mailbox.ews.mailbox import EwsMailbox
from include.commsarchive.message.mime import encode
from include.commsarchive.model import Letter, Mail, Retention
from tests.letters import FOLDER, make_letter, make_mail
from tests.servers.ews.server import PASSWORD, SERVICE, Account, Behaviour, EwsServer
from tests.servers.faults import FAULTS
from tests.unit.mailbox.ews.ews_setup import ANN, BOB, mailbox_on, time_goes_by

KIB, MIB = 1024, 1024 * 1024


def large(item: str, size: int, mailbox: str = ANN) -> Letter:
    mail = make_mail(item, attachment=b"x" * size)
    return Letter(make_letter(item, mailbox).delivery_key, mailbox, FOLDER, mail)


def sizes(server: EwsServer) -> list[int]:
    return [one.size for one in server.seen if one.operation == "CreateItem"]


def test_a_copy_is_sent_with_all_that_its_content_does_not_settle_and_nothing_else() -> None:
    letter = make_letter("x")
    sent = filed(letter, b"content").to_xml(VERSION)
    said = dt.datetime.fromtimestamp(letter.mail.at // 1000, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    properties = {
        uri.get("PropertyTag") or uri.get("PropertyName"): uri.getnext().text
        for uri in sent.iterfind("{*}ExtendedProperty/{*}ExtendedFieldURI")
    }
    assert [etree.QName(child).localname for child in sent] == [
        "MimeContent",
        *["ExtendedProperty"] * 5,
        "IsRead",
    ]
    assert properties == {
        "CommsarchiveDeliveryKey": letter.delivery_key,
        "0x1a": "IPM.Note",
        "0x39": said,
        "0xe06": said,
        "0xe07": "1",
    }


def test_retention_is_sent_as_exchange_acts_on_it_and_kept(server: EwsServer) -> None:
    label = Retention("00112233-4455-6677-8899-aabbccddeeff", 2555)
    letter = replace(make_letter("x"), mail=replace(make_mail("x"), retention=label))
    sent = filed(letter, b"content").to_xml(VERSION)
    properties = {
        uri.get("PropertyTag"): uri.getnext().text
        for uri in sent.iterfind("{*}ExtendedProperty/{*}ExtendedFieldURI")
    }
    assert b64decode(properties["0x3019"]).hex() == "33221100554477668899aabbccddeeff"
    assert properties["0x301a"] == "2555"
    with mailbox_on(server) as mailbox:
        assert mailbox.append([letter])[0].server_id


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_each_way_to_log_in_works(server: EwsServer, auth: str) -> None:
    with mailbox_on(server, auth=auth) as mailbox:
        assert mailbox.append([make_letter("x")])[0].server_id


def test_two_logins_on_one_server_do_not_share_their_settings(server: EwsServer) -> None:
    server.behaviour.offers = ("NTLM",)
    with mailbox_on(server, auth="basic") as wrong, mailbox_on(server, auth="ntlm") as right:
        with pytest.raises(Fatal, match="refuses the login"):
            wrong.missing([ANN])
        assert right.missing([ANN]) == {}


def test_a_delegate_opens_what_was_granted_and_no_more() -> None:
    delegate = Account("svc@firm.example", PASSWORD, opens=frozenset({ANN}))
    with EwsServer([ANN, BOB], accounts=[delegate]) as server:
        with mailbox_on(server, delegate.name, access_type="delegate") as mailbox:
            assert mailbox.missing([ANN, BOB]) == {BOB: "access-denied-to-mailbox"}
            assert mailbox.append([make_letter("x")])[0].server_id
        with mailbox_on(server, delegate.name) as mailbox:
            assert mailbox.missing([ANN]) == {ANN: "access-denied-to-mailbox"}


def test_copies_may_be_filed_where_nobody_sees_them(server: EwsServer) -> None:
    with mailbox_on(server) as mailbox:
        [filed] = mailbox.append([make_letter("x", folder=PURGES)])
        assert mailbox.find(ANN, PURGES, [filed.delivery_key]) == {filed.delivery_key: filed.server_id}
    assert len(server.store.mailbox(ANN).folder(PURGES).items) == 1


def test_a_server_that_keeps_purges_to_itself_is_a_reason(server: EwsServer) -> None:
    server.behaviour.purges_takes_items = False
    with mailbox_on(server) as mailbox:
        assert mailbox.append([make_letter("x", folder=PURGES)])[0].reason == "access-denied-to-mailbox"


def test_a_search_goes_on_where_the_server_gives_less_than_was_asked_for(server: EwsServer) -> None:
    server.behaviour.find_limit = 7
    with mailbox_on(server) as mailbox:
        filed = mailbox.append([make_letter(str(number)) for number in range(130)])
        found = mailbox.find(ANN, FOLDER, [one.delivery_key for one in filed])
    assert found == {one.delivery_key: one.server_id for one in filed}


def test_requests_are_cut_by_number(server: EwsServer) -> None:
    with mailbox_on(server, max_connections=1) as mailbox:
        mailbox.append([make_letter(str(number)) for number in range(post.MOST_COPIES + 1)])
    assert len(sizes(server)) == 2


def test_requests_are_cut_by_size(server: EwsServer) -> None:
    letters = [large(str(number), 700 * KIB) for number in range(9)]
    with mailbox_on(server) as mailbox:
        assert all(one.server_id for one in mailbox.append(letters))
    assert len(sizes(server)) == 3
    assert max(sizes(server)) < post.MOST_BYTES + 100 * KIB


def test_a_copy_that_is_too_large_for_a_request_is_refused_and_not_sent(server: EwsServer) -> None:
    letters = [make_letter("a"), large("b", 600 * KIB), large("c", 500 * KIB), large("d", 567 * KIB)]
    with mailbox_on(server, max_request_mib=1) as mailbox:
        outcomes = mailbox.append(letters)
    assert [one.reason for one in outcomes] == ["", "message-too-large", "", "message-too-large"]
    assert max(sizes(server)) < MIB


def test_copies_larger_than_a_cut_go_alone(server: EwsServer) -> None:
    letters = [make_letter("a"), large("b", 3 * MIB), make_letter("c")]
    with mailbox_on(server) as mailbox:
        assert all(one.server_id for one in mailbox.append(letters))
    assert len(sizes(server)) == 2


@pytest.mark.parametrize("status", [0, 413])
def test_requests_get_smaller_when_a_server_takes_less(status: int) -> None:
    small = Behaviour(max_request=3 * MIB, oversize_status=status)
    with EwsServer([ANN], behaviour=small) as server, mailbox_on(server) as mailbox:
        letters = [large(str(number), MIB) for number in range(6)]
        mailbox.missing([ANN])
        doubtful = [bool(one.doubt) for one in mailbox.append(letters)]
        assert any(doubtful)
        assert all(one.server_id for one in mailbox.append(list(compress(letters, doubtful))))


def test_one_mailbox_gets_no_more_connections_than_it_may(server: EwsServer) -> None:
    server.behaviour.max_concurrency = 2
    server.behaviour.latency = 0.02
    letters = [make_letter(str(number)) for number in range(200)]
    letters += [make_letter(str(number), folder="") for number in range(200)]
    with mailbox_on(server, max_connections=2, width=8) as mailbox:
        assert all(one.server_id for one in mailbox.append(letters))


@pytest.mark.parametrize(("width", "per_mailbox", "most"), [(3, 9, 3), (9, 1, 2)])
def test_looks_from_many_threads_keep_to_the_widths(
    server: EwsServer, monkeypatch: pytest.MonkeyPatch, width: int, per_mailbox: int, most: int
) -> None:
    at_once: list[int] = []
    running: list[int] = []
    plain = Line._post

    def counted(line: Line, body: bytes, headers: Mapping[str, str]) -> Answer:
        running.append(1)
        at_once.append(len(running))
        time.sleep(0.02)
        try:
            return plain(line, body, headers)
        finally:
            running.pop()

    letters = [make_letter("x"), make_letter("x", BOB)]
    keys = [one.delivery_key for one in letters]
    with mailbox_on(server, width=width, max_connections=per_mailbox) as mailbox:
        mailbox.append(letters)
        monkeypatch.setattr(Line, "_post", counted)
        with ThreadPoolExecutor(24) as pool:
            asked = [pool.submit(mailbox.find, owner, FOLDER, keys) for owner in (ANN, BOB) * 12]
        assert all(one.result() for one in asked)
    assert max(at_once) == most


def test_mailboxes_are_filed_into_side_by_side(server: EwsServer) -> None:
    both = threading.Barrier(2, timeout=10)

    def encode_together(mail: Mail) -> Iterator[bytes]:
        both.wait()
        yield from encode(mail)

    with mailbox_on(server, encode=encode_together) as mailbox:
        assert all(one.server_id for one in mailbox.append([make_letter("x"), make_letter("x", BOB)]))


def test_a_letter_that_is_given_twice_is_filed_once(server: EwsServer) -> None:
    with mailbox_on(server) as mailbox:
        first, second = mailbox.append([make_letter("x"), make_letter("x")])
    assert first == second
    assert len(server.store.mailbox(ANN).items) == 1


def test_what_cannot_be_encoded_is_refused_alone(server: EwsServer) -> None:
    def picky(mail: Mail) -> Iterator[bytes]:
        if mail.subject == "bad":
            raise Quarantine("missing-date", "no date")
        yield from encode(mail)

    with mailbox_on(server, encode=picky) as mailbox:
        outcomes = mailbox.append([make_letter("bad"), make_letter("good")])
    assert [one.reason for one in outcomes] == ["missing-date", ""]


def test_an_attachment_that_cannot_be_read_is_named_with_the_remedy(server: EwsServer) -> None:
    def broken(_mail: Mail) -> Iterator[bytes]:
        raise FileNotFoundError(2, "No such file")

    with mailbox_on(server, encode=broken) as mailbox, pytest.raises(Retriable, match="`convert` task"):
        mailbox.append([make_letter("x")])


def test_when_filing_fails_nothing_is_on_its_way_any_more(server: EwsServer) -> None:
    begun = threading.Event()

    def one_breaks(mail: Mail) -> Iterator[bytes]:
        if mail.subject == "bad":
            begun.wait(10)
            raise FileNotFoundError(2, "No such file")
        begun.set()
        yield from encode(mail)

    server.behaviour.latency = 0.2
    with mailbox_on(server, encode=one_breaks) as mailbox:
        with pytest.raises(Retriable):
            mailbox.append([make_letter("bad"), make_letter("good", BOB)])
        assert len(server.store.mailbox(BOB).items) == 1


def test_what_can_be_no_address_has_no_mailbox(server: EwsServer) -> None:
    odd = ["nobody", "bücher@firm.example", "a\nb@firm.example"]
    with mailbox_on(server) as mailbox:
        assert mailbox.missing(odd) == dict.fromkeys(odd, "no-such-mailbox")
        assert [one.reason for one in mailbox.append([make_letter("x", odd[1])])] == ["no-such-mailbox"]
        assert mailbox.find(odd[0], FOLDER, ["x"]) == {}


def test_reading_back_holds_no_more_content_than_a_cut(
    server: EwsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.commsarchive.mailbox.ews.mailbox.MOST_BYTES", MIB)
    with mailbox_on(server) as mailbox:
        filed = mailbox.append([large(str(number), 300 * KIB) for number in range(6)])
        calls = server.faults.calls
        kept = mailbox.inspect(ANN, FOLDER, [one.server_id for one in filed])
    assert list(kept) == [one.server_id for one in filed]
    assert [entry.call.items for entry in server.faults.log[calls:]] == [6, 2, 2, 2]


def test_neither_content_nor_names_nor_secrets_are_logged(
    server: EwsServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    connection = Connection(
        "exchange", "ews", server.url, login=SERVICE.name, password=PASSWORD, extra={"auth": "basic"}
    )
    mailbox = open_mailbox(connection)
    assert isinstance(mailbox, EwsMailbox)
    mailbox.missing([ANN])
    told: list[str] = []
    for fault in FAULTS:
        time_goes_by(mailbox)
        server.faults.at(1, fault)
        for ask in (lambda: mailbox.append([make_letter("secret subject")]), lambda: mailbox.missing([ANN])):
            try:
                ask()
            except (Retriable, Fatal) as error:
                told.append(str(error))
    mailbox.close()
    assert len(server.faults.met) == len(FAULTS)
    for word in (ANN, SERVICE.name, PASSWORD, "secret subject", "commsarchive.invalid"):
        assert word not in caplog.text + "".join(told)
