"""Files of any number and size come to Exchange Online whole, or not at all."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace

import pytest

from include.commsarchive.errors import Retriable
from include.commsarchive.mailbox.graph.mailbox import GraphMailbox
from include.commsarchive.model import MailPart
from tests.contract.graph.graph_setup import connect, files, held, noise, settle, with_files
from tests.contract.mailbox_contract import ANN, BOB
from tests.letters import FOLDER, make_letter
from tests.servers.faults import LIARS, Fault, Kind
from tests.servers.graph.dialect import ID_SIGNS
from tests.servers.graph.server import GraphServer


@pytest.mark.usefixtures("small")
def test_a_server_of_another_maker_gets_large_files_and_gives_up_what_is_there_twice(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    server.service.foreign, server.service.permanent_delete = True, False
    server.store.id_signs, server.limits.page = ID_SIGNS, 1
    contents = [noise(900), noise(50, 1)]
    letter = with_files(make_letter("x"), *contents)
    [outcome] = mailbox.append([letter])
    assert list(files(held(server)[0]).values()) == contents
    kept = mailbox.inspect(ANN, FOLDER, [outcome.server_id])[outcome.server_id]
    assert (kept.attachments, kept.received) == (2, letter.mail.at)
    [again] = mailbox.append([letter])
    assert mailbox.prune(ANN, FOLDER, [letter.delivery_key]) == 1
    assert [message.id for message in held(server)] == [min(outcome.server_id, again.server_id)]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("kind", sorted(LIARS))
def test_files_that_a_server_only_says_to_have_stored_or_stores_twice_do_not_count(
    mailbox: GraphMailbox, server: GraphServer, kind: Kind
) -> None:
    contents = [noise(900), noise(50, 1), noise(400, 2)]
    mailbox.append([make_letter("first", BOB)])
    for number in range(1, 16):
        address = f"{number}@firm.example"
        server.store.add_user(address)
        server.faults.clear()
        server.faults.at(number, Fault(kind), lambda call: call.what != "PATCH message")
        outcome = settle(mailbox, with_files(make_letter("x", address), *contents))
        [message] = held(server, address=address)
        assert message.id == outcome.server_id
        assert list(files(message).values()) == contents


@pytest.mark.usefixtures("small")
def test_a_copy_is_not_found_before_all_its_files_are_there(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    letter = with_files(make_letter("x"), noise(900), noise(901, 1))
    server.faults.at(2, Fault(Kind.DROP), lambda call: call.what == "POST createUploadSession")
    [outcome] = mailbox.append([letter])
    assert outcome.doubt == "connection-lost"
    assert mailbox.find(ANN, FOLDER, [letter.delivery_key]) == {}
    [half] = held(server)
    assert len(half.attachments) == 1
    before = server.faults.calls
    assert mailbox.append([letter])[0].server_id == half.id
    sessions = [e for e in server.faults.log[before:] if e.call.what == "POST createUploadSession"]
    assert len(sessions) == 1
    assert mailbox.find(ANN, FOLDER, [letter.delivery_key]) == {letter.delivery_key: half.id}


@pytest.mark.usefixtures("small")
def test_ranges_go_in_order_without_a_token(mailbox: GraphMailbox, server: GraphServer) -> None:
    content = noise(1001)
    assert mailbox.append([with_files(make_letter("x"), content, noise(2000))])[0].server_id
    assert files(held(server)[0])["file0.bin"] == content
    puts = [entry.call for entry in server.faults.log if entry.call.what == "PUT upload"]
    assert len(puts) == 4 + 7


def test_a_letter_larger_than_a_message_is_spread_over_several_and_nothing_is_lost(
    server: GraphServer,
) -> None:
    server.limits.message = 1 << 20
    mailbox = connect(server, message_mib=1)
    contents = [noise(100_000), noise(1_500_000, 1), noise(700_000, 2)]
    letter = with_files(make_letter("x"), *contents)
    [outcome] = mailbox.append([letter])
    stored = {message.id: files(message) for message in held(server)}
    kept = mailbox.inspect(ANN, FOLDER, [outcome.server_id])[outcome.server_id]
    again = mailbox.append([make_letter("y")])
    mailbox.close()
    main = stored.pop(outcome.server_id)
    assert kept.attachments == 3
    assert main["file0.bin"] == contents[0]
    rest: dict[str, bytes] = {}
    for more in stored.values():
        rest |= more
    parts = sorted(name for name in rest if name.startswith("file1.bin."))
    assert b"".join(rest[name] for name in parts) == contents[1]
    assert rest["file2.bin"] == contents[2]
    note = main["file1.bin.where.txt"].decode()
    assert hashlib.sha256(contents[1]).hexdigest() in note
    assert [name in note for name in parts] == [True] * len(parts)
    assert again[0].server_id


def test_what_was_begun_of_a_letter_that_is_refused_is_removed(server: GraphServer) -> None:
    server.limits.message = 1_000_000
    mailbox = connect(server, message_mib=4)
    letter = with_files(make_letter("x"), noise(900_000), noise(2_500_000, 1), noise(2_700_000, 2))
    [outcome] = mailbox.append([letter])
    mailbox.close()
    assert outcome.reason == "message-too-large"
    assert held(server) == []


def test_a_letter_that_is_there_in_spite_of_a_refusal_keeps_all_its_files(server: GraphServer) -> None:
    mailbox = connect(server, message_mib=4)
    letter = with_files(make_letter("x"), noise(900_000), noise(2_500_000, 1), noise(2_700_000, 2))
    full = Fault(Kind.QUOTA_EXCEEDED, after=True)
    server.faults.at(3, full, lambda call: call.what == "POST messages")
    [outcome] = mailbox.append([letter])
    found = mailbox.find(ANN, FOLDER, [letter.delivery_key])
    mailbox.close()
    assert (outcome.reason, len(found), len(held(server))) == ("mailbox-quota-full", 1, 3)


def test_a_body_that_is_too_large_for_a_request_is_attached_whole(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    letter = make_letter("x")
    html = "<p>Zeile „&amp;“</p>\n" * 250_000
    [outcome] = mailbox.append([replace(letter, mail=replace(letter.mail, html=html))])
    [message] = held(server)
    assert files(message) == {"commsarchive-conversation.html": html.encode()}
    kept = mailbox.inspect(ANN, FOLDER, [outcome.server_id])[outcome.server_id]
    assert kept.attachments == 0


def test_an_attachment_that_cannot_be_read_says_what_to_do(
    mailbox: GraphMailbox, server: GraphServer
) -> None:
    letter = make_letter("x")
    part = MailPart("a.bin", "application/octet-stream", 10, lambda: io.BytesIO(b"short"))
    with pytest.raises(
        Retriable, match=r"staging: it is shorter than it was\. Run the connector's `convert`"
    ):
        mailbox.append([replace(letter, mail=replace(letter.mail, attachments=(part,)))])
